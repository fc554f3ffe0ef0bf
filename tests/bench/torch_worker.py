"""A contestant's process on PyTorch's side: `python tests/bench/torch_worker.py CASE`, a JSON object.

Of keras_i2i it imports `bench/turns.py` alone, and not as a part of the package, whose memory would be counted.
"""

import json
import pathlib
import sys

import torch

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
sys.path.append(str(ROOT / "keras_i2i" / "bench"))

import turns  # noqa: E402

from tests.bench import torch_cyclegan  # noqa: E402

TWINS = {"cyclegan": torch_cyclegan.CycleGAN}


def training_step(method, config, batch_size, *, way, threads):
    """A function without arguments that makes one step; `way` is "eager", "channels_last" or "compiled", or two of them
    joined by "+".
    """
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    twin, ways = TWINS[method](config), way.split("+")
    side = config["image_size"]
    batch = [torch.rand(batch_size, 3, side, side) * 2 - 1 for _ in range(2)]
    if "channels_last" in ways:
        for network in twin.networks.values():
            network.to(memory_format=torch.channels_last)
        batch = [images.contiguous(memory_format=torch.channels_last) for images in batch]
    if "compiled" in ways:
        twin.compile()
    return lambda: [float(loss) for loss in twin.step(*batch)]


if __name__ == "__main__":
    turns.serve(training_step(**json.loads(sys.argv[1])))
