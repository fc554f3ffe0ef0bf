"""The arithmetic in a training step, counted from the networks' shapes: two operations a multiply-add, convolutions and
dense layers alone.
"""

import math

import keras


def forward(network):
    """Operations of one image through a network.

    Returns:
        (of all layers, of the first of them that computes).
    """
    each = [count for layer in network._flatten_layers(recursive=True) if (count := _layer(layer))]
    return sum(each), each[0]


def _layer(layer):
    if isinstance(layer, keras.layers.Dense):
        return 2 * layer.kernel.shape[0] * layer.kernel.shape[1]
    if isinstance(layer, keras.layers.Conv2DTranspose):
        _, height, width, _ = layer.input.shape  # each input pixel meets the whole kernel
    elif isinstance(layer, keras.layers.Conv2D):
        _, height, width, _ = layer.output.shape
    else:
        return 0
    return 2 * height * width * math.prod(layer.kernel.shape)


def cyclegan_step(model):
    """Operations of one pair of images in a training step of CycleGAN.

    Each generator sees its domain's image, the other generator's translation and, for the identity, the image that it
    should keep; each discriminator a translation for the generators' sake, and a real and a remembered image for its
    own. Backward costs one forward for the weights' gradients and one for the inputs', where those are wanted.
    """
    total = 0
    direct = 2 if model.config.weights.get("identity", 1.0) else 1
    for network in model.generators.values():
        whole, first = forward(network)
        total += direct * (3 * whole - first)  # no gradient in a photograph
        total += 3 * whole  # of the cycle: one in the translation
    for network in model.discriminators.values():
        whole, first = forward(network)
        total += 2 * whole  # for the generators: no gradient in its weights
        total += 2 * (3 * whole - first)
    return total


def xgan_step(model):
    """Operations of one pair of images in a training step of XGAN with partial sharing and discriminators of
    translations alone.

    Each front sees its domain's image and a translation into it, what is shared sees all four; the stem sees two
    embeddings, each head both of them; a discriminator sees a translation for the generator's sake, and that and a real
    one for its own.
    """
    total = 0
    for network in model.encoder_front.values():
        whole, first = forward(network)
        total += 2 * 3 * whole - first  # no gradient in a photograph
    trunk, stem, classifier = model.encoder_trunk["a"], model.decoder_stem["a"], model.domain_classifier
    total += 4 * 3 * forward(trunk)[0] + 2 * 3 * forward(stem)[0] + 2 * 3 * forward(classifier)[0]
    total += sum(2 * 3 * forward(network)[0] for network in model.decoder_head.values())
    for network in model.discriminators.values():
        whole, first = forward(network)
        total += 2 * whole + 2 * (3 * whole - first)
    return total
