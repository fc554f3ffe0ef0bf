"""What an image costs that is not smooth, in float32 whatever precision the networks run in."""

from keras import ops

from keras_i2i.losses.adversarial import float32, per_sample


def total_variation(images):
    """Anisotropic total variation of images (N, H, W, C), H and W at least 2, per sample: shape (N,), in [0, 4] for
    images in [-1, 1]; 0 for constant ones.

    The mean absolute difference of horizontal neighbours plus that of vertical ones, so that it does not grow with the
    images.
    """
    x = float32(images)
    return per_sample(ops.abs(x[:, :, 1:] - x[:, :, :-1])) + per_sample(ops.abs(x[:, 1:] - x[:, :-1]))
