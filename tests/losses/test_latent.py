"""KL of N(mu, I), exactly and as UNIT's code has it."""

import numpy as np

from keras_i2i.losses import latent


def test_both_forms_on_one_mean():
    mean = np.array([[1.0, 2.0, 2.0], [0.0, 0.0, 0.0]], np.float32)
    np.testing.assert_allclose(latent.unit_variance_kl(mean), [4.5, 0.0])
    np.testing.assert_allclose(latent.mean_square(mean), [3.0, 0.0])


def test_maps_count_as_one_vector():
    """Of D values, the mean is 2 / D of the divergence."""
    mean = np.random.default_rng(0).normal(size=(2, 4, 4, 5)).astype(np.float32)
    exact = np.square(mean.astype(np.float64)).reshape(2, -1).sum(-1) / 2
    np.testing.assert_allclose(latent.unit_variance_kl(mean), exact, rtol=1e-6)
    np.testing.assert_allclose(latent.mean_square(mean), exact * 2 / 80, rtol=1e-6)


def test_half_precision_does_not_overflow():
    mean = np.full((1, 8), 200.0, np.float16)
    np.testing.assert_allclose(latent.unit_variance_kl(mean), [160000.0])
    np.testing.assert_allclose(latent.mean_square(mean), [40000.0])
