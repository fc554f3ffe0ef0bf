"""int8 weights and activations of a TFLite file's convolutions and dense layers, by Google's AI Edge Quantizer.

What lies between them stays float32, norms above all: in int8 they lose more (`keras-i2i bench deploy` says how much),
and LiteRT aborts where one sees a single pixel. TensorFlow's own converter quantises them as well, with a pair of
quantise and dequantise around every negation and root; and it takes the ranges of layers that LiteRT computes in place
from what overwrote them.
"""

import warnings

import numpy as np

LAYERS = ("CONV_2D", "CONV_2D_TRANSPOSE", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
NORMS = ("MEAN", "SQUARED_DIFFERENCE", "RSQRT", "MUL", "SUB", "ADD")


def quantized(content, inputs, layers=LAYERS, threads=2):
    """The bytes of a TFLite file whose layers compute in int8.

    Weights are symmetric, with a scale for every channel; activations have one for the tensor, from the smallest and
    the largest value that calibration sees. (The quantizer's own default is a moving average of these, which cuts off
    what few images have.)

    Args:
        content: bytes of a float32 file.
        inputs: to calibrate by: {signature: [{input: array}]}, of every signature that the file has.
        layers: operations to quantise, by LiteRT's names.
        threads: that the calibration computes with.

    Raises:
        ModuleNotFoundError: the quantizer is not installed.
    """
    try:
        from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe_manager
        from ai_edge_quantizer.utils import qsv_utils
    except ModuleNotFoundError:
        raise ModuleNotFoundError("int8 needs AI Edge Quantizer: pip install 'keras-i2i[litert]'.") from None
    recipe = recipe_manager.RecipeManager()
    for name in layers:
        recipe.add_static_config(".*", qtyping.TFLOperationName(name), 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that all tensors are kept, which calibration is about
        seen = calibrator.Calibrator(content, num_threads=threads, qsv_update_func=qsv_utils.min_max_update)
        seen.calibrate(inputs, recipe)
        made = quantizer.Quantizer(content, recipe.get_quantization_recipe())
        done = made.quantize(seen.get_model_qsvs(), enable_progress_bar=False, enable_progress_report=False)
    return _inlined(bytes(done.quantized_model))


def _inlined(content):
    """The file with its constants inside of the flatbuffer, where every runtime looks for them.

    The quantizer appends those of large files, as is needed beyond 2 GB.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for buffer in model.buffers:
        if buffer.offset:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
