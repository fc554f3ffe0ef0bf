"""Distances between images in pairs: closed forms and scikit-image."""

import keras
import numpy as np
import pytest

from keras_i2i import metrics
from keras_i2i.metrics import absolute_error, psnr, ssim


def noisy(seed=0, shape=(3, 21, 17, 3), amount=40):
    """Smooth images and noisy copies, uint8."""
    rng = np.random.default_rng(seed)
    waves = np.sin(np.linspace(0, 7, shape[1]))[:, None, None] * np.cos(np.linspace(0, 5, shape[2]))[:, None]
    x = 128 + 90 * waves * rng.uniform(0.3, 1, (shape[0], 1, 1, shape[3]))
    y = x + rng.normal(0, amount, shape)
    return tuple(np.clip(np.round(one), 0, 255).astype(np.uint8) for one in (x, y))


def test_a_tenth_of_the_range_is_20_db():
    x = np.full((2, 12, 12, 3), 0.3)
    np.testing.assert_allclose(psnr(x, x + 0.1, data_range=1.0), [20, 20])
    np.testing.assert_allclose(psnr(2 * x - 1, 2 * x - 0.8, data_range=2.0), [20, 20])
    np.testing.assert_allclose(absolute_error(x, x + 0.1, data_range=1.0), [0.1, 0.1])
    black, white = np.zeros((1, 2, 2, 3), np.uint8), np.full((1, 2, 2, 3), 255, np.uint8)
    assert psnr(black, white)[0] == 0 and absolute_error(black, white)[0] == 1
    np.testing.assert_allclose(psnr(black, black + np.uint8(1)), [20 * np.log10(255)])


def test_equal_images():
    x, _ = noisy()
    assert np.isposinf(psnr(x, x)).all() and (absolute_error(x, x) == 0).all()
    np.testing.assert_allclose(ssim(x, x), np.ones(3), atol=1e-12)


def test_ssim_of_flat_images_by_hand():
    """No variance: the luminance term alone, (2 m n + c1) / (m^2 + n^2 + c1); and it is symmetric."""
    x, y = np.full((1, 11, 11, 1), 0.2), np.full((1, 11, 11, 1), 0.6)
    expected = (2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4)
    np.testing.assert_allclose([ssim(x, y, 1.0)[0], ssim(y, x, 1.0)[0]], expected)


def test_ssim_of_an_inverted_image_is_negative():
    x, _ = noisy()
    assert (ssim(x, 255 - x) < 0).all()


@pytest.mark.parametrize("kind", ["uint8", "float"])
def test_agree_with_scikit_image(kind):
    reference = pytest.importorskip("skimage.metrics")
    x, y = noisy(shape=(70, 21, 17, 3))  # more than a chunk
    data_range = None
    if kind == "float":
        x, y, data_range = x / 127.5 - 1, y / 127.5 - 1, 2.0
    given = data_range or 255
    settings = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=-1, data_range=given)
    expected = [reference.structural_similarity(one, two, **settings) for one, two in zip(x, y, strict=True)]
    np.testing.assert_allclose(ssim(x, y, data_range), expected, atol=1e-9)
    expected = [reference.peak_signal_noise_ratio(one, two, data_range=given) for one, two in zip(x, y, strict=True)]
    np.testing.assert_allclose(psnr(x, y, data_range), expected, rtol=1e-9)


@pytest.mark.parametrize("metric, make", [(psnr, metrics.PSNR), (ssim, metrics.SSIM)])
def test_keras_metrics_are_the_mean_over_all_images(metric, make):
    x, y = (one / 127.5 - 1 for one in noisy(shape=(5, 21, 17, 3)))
    streamed = make()
    streamed.update_state(x[:4], y[:4])
    streamed.update_state(x[4:], y[4:])
    expected = metric(x, y, 2.0)
    assert float(streamed.result()) == pytest.approx(expected.mean(), rel=1e-4)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(make(data_range=1.0)))
    again.update_state((x + 1) / 2, (y + 1) / 2, sample_weight=np.array([0, 0, 1, 0, 0]))
    assert float(again.result()) == pytest.approx(metric((x + 1) / 2, (y + 1) / 2, 1.0)[2], rel=1e-4)
    with pytest.raises(ValueError, match="data_range"):
        make(data_range=0)


def test_ssim_as_a_keras_metric_is_exact_in_bright_images_of_little_contrast():
    """In float32, mean squares near 1 less squared means near 1 would leave noise of the size of c2's share."""
    x, y = (0.9 + one / 255 * 0.01 for one in noisy(shape=(2, 21, 17, 3)))
    streamed = metrics.SSIM(data_range=1.0)
    streamed.update_state(x, y)
    assert float(streamed.result()) == pytest.approx(ssim(x, y, 1.0).mean(), abs=1e-6)


def test_keras_metrics_in_evaluate():
    """Compiled, with a size that is not known beforehand."""
    x, y = (one / 127.5 - 1 for one in noisy(shape=(4, 16, 16, 3)))
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Identity()])
    model.compile(loss="mse", metrics=[metrics.PSNR(), metrics.SSIM()])
    told = model.evaluate(x, y, batch_size=3, verbose=0, return_dict=True)
    assert told["psnr"] == pytest.approx(psnr(x, y, 2.0).mean(), rel=1e-4)
    assert told["ssim"] == pytest.approx(ssim(x, y, 2.0).mean(), abs=1e-5)


X, Y = noisy(shape=(2, 12, 12, 3))
BAD = X / 255.0
BAD[0, 0, 0, 0] = np.nan


@pytest.mark.parametrize("metric", [psnr, ssim, absolute_error])
@pytest.mark.parametrize(
    "given, named",
    [
        ((X, Y[:1]), "x and y are compared row by row"),
        ((X[0], Y[0]), r"^x must have the shape \(N, H, W, C\)"),
        ((X[:0], Y[:0]), "^x needs at least 1"),
        ((X, Y / 255), "both be uint8 or both be float"),
        ((X.astype(int), Y.astype(int)), "both be uint8 or both be float"),
        ((X / 255, Y / 255), "^data_range must be given"),
        ((X / 255, Y / 255, -1.0), "^data_range must be given"),
        ((X, Y, 1.0), "^data_range of uint8"),
        ((X / 127.5 - 1, Y / 127.5 - 1, 1.0), "more than the data_range 1"),
        ((BAD, Y / 255, 1.0), "^x holds NaN"),
        ((Y / 255, BAD, 1.0), "^y holds NaN"),
    ],
)
def test_bad_images_are_refused(metric, given, named):
    with pytest.raises(ValueError, match=named):
        metric(*given)


def test_ssim_needs_a_whole_window():
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(X[:, :10], Y[:, :10])
