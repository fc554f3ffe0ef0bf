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

from tests.bench import torch_cyclegan, torch_xgan  # noqa: E402

TWINS = {"cyclegan": torch_cyclegan.CycleGAN, "xgan": torch_xgan.XGAN}


def training_step(method, config, batch_size, *, way):
    """A function without arguments that makes one step; `way` is "eager", "channels_last" or "compiled", or two of them
    joined by "+".
    """
    twin, ways = TWINS[method](config), way.split("+")
    side = config["image_size"]
    batch = [torch.rand(batch_size, 3, side, side) * 2 - 1 for _ in range(2)]
    if "channels_last" in ways:
        for network in twin.networks.values():
            network.to(memory_format=torch.channels_last)
        batch = [images.contiguous(memory_format=torch.channels_last) for images in batch]
    if "compiled" in ways:
        twin.compile()

    def step():
        for loss in twin.step(*batch):
            float(loss)

    return step


def translation(method, config, batch_size, *, way):
    """A function without arguments that translates a batch; `way` as above, or "onnxruntime"."""
    assert method == "cyclegan"
    network = torch_cyclegan.generator(config["filters"], config["blocks"]).eval()
    side = config["image_size"]
    images = torch.rand(batch_size, 3, side, side) * 2 - 1
    if way == "onnxruntime":
        return _by_onnxruntime(network, images)
    ways = way.split("+")
    if "channels_last" in ways:
        network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    if "compiled" in ways:
        network = torch.compile(network)

    def work():
        with torch.inference_mode():
            network(images).numpy()

    return work


def _by_onnxruntime(network, images):
    import io

    import onnxruntime

    file = io.BytesIO()
    torch.onnx.export(network, (images,), file, input_names=["images"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    batch = {"images": images.numpy()}

    def work():
        session.run(None, batch)

    return work


KINDS = {"train": training_step, "translate": translation}

if __name__ == "__main__":
    imports = turns.peak_bytes()
    case = json.loads(sys.argv[1])
    torch.set_num_threads(case.pop("threads"))
    torch.manual_seed(0)
    repeat = case.pop("repeat", 1)
    turns.serve(KINDS[case.pop("kind")](**case), repeat=repeat, imports=imports)
