"""A contestant's process on PyTorch's side: `python tests/bench/torch_worker.py CASE`, a JSON object.

It speaks the protocol of `keras_i2i.bench.turns.serve`; of keras_i2i it imports nothing, whose memory would be counted.
"""

import json
import pathlib
import resource
import sys
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

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


def main():
    case = json.loads(sys.argv[1])
    work = training_step(**case)
    for _ in range(3):
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
            return
        start = time.perf_counter()
        work()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
