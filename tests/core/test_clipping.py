"""Clipping and accumulation belong to a player's optimizer, and mean the same on every number of replicas."""

import keras
import numpy as np
import pytest

from keras_i2i.core import backend, clipping
from tests.core.plain import COLORS, Plain
from tests.harness import assert_close, refused, values_of

GRADIENTS = [np.array([3.0, 0.0], np.float32), np.array([[0.0, -4.0]], np.float32)]  # norms 3 and 4, of both 5


def pictures(first, last):
    return {key: pixels[first:last] for key, pixels in COLORS.items()}


@pytest.mark.parametrize(
    ("kind", "bound", "expected"),
    [
        ("clipnorm", 3.5, ([3, 0], [[0, -3.5]])),
        ("global_clipnorm", 2.5, ([1.5, 0], [[0, -2]])),
        ("global_clipnorm", 10.0, ([3, 0], [[0, -4]])),
        ("clipvalue", 2.0, ([2, 0], [[0, -2]])),
    ],
)
def test_clipping_by_hand_and_as_keras(kind, bound, expected):
    for found, value in zip(clipping.clip(GRADIENTS, kind, bound), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-6)
    theirs = keras.optimizers.SGD(**{kind: bound})._clip_gradients([keras.ops.convert_to_tensor(g) for g in GRADIENTS])
    for found, value in zip(theirs, expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-6)


def test_no_gradient_is_clipped_to_none():
    (zero,) = clipping.clip([np.zeros(3, np.float32)], "clipnorm", 1.0)
    assert np.array_equal(zero, np.zeros(3))


def test_the_sum_over_replicas_is_clipped(monkeypatch):
    """Two replicas with a half of the gradient each: no half is longer than the bound, the sum is."""
    halves = [gradient / 2 for gradient in GRADIENTS]
    optimizer = keras.optimizers.SGD(global_clipnorm=2.5)
    assert clipping.over_replicas(optimizer, halves) is halves, "one device: the optimizer does it"
    monkeypatch.setattr(backend, "replica_count", lambda: 2)
    monkeypatch.setattr(backend, "replica_sum", lambda tensors: [2 * tensor for tensor in tensors])
    shares = clipping.over_replicas(optimizer, [halves[0], None, halves[1]])
    assert shares[1] is None
    np.testing.assert_allclose(2 * shares[0], [1.5, 0], rtol=1e-6)
    np.testing.assert_allclose(2 * shares[2], [[0, -2]], rtol=1e-6)
    assert clipping.over_replicas(keras.optimizers.SGD(), halves) is halves


def test_clipped_step_is_as_long_as_its_bound():
    model = Plain()
    model.compile({"second": keras.optimizers.SGD(0.5, global_clipnorm=0.01)}, jit_compile=False)
    before = values_of(model.networks["b"].variables)
    model.fit(pictures(0, 2), batch_size=2, verbose=0)
    moved = [now - then for now, then in zip(values_of(model.networks["b"].variables), before, strict=True)]
    assert np.sqrt(sum(np.square(part).sum() for part in moved)) == pytest.approx(0.005, rel=1e-4)


def test_accumulated_steps_are_those_of_larger_batches():
    """Weights, momentum and averages after three pairs of batches and after three batches of twice the size."""

    def trained(batch_size, epochs, **options):
        model = Plain()
        model.compile({"first": keras.optimizers.SGD(0.5, momentum=0.9, **options)}, jit_compile=False)
        for _ in range(epochs):
            model.fit(pictures(0, 4), batch_size=batch_size, verbose=0, shuffle=False)
        return model

    small, large = trained(2, 3, gradient_accumulation_steps=2), trained(4, 3)
    assert (small.steps_taken, large.steps_taken) == (6, 3)
    averages = (values_of(model.averages["first"].variables) for model in (small, large))
    assert_close(*averages, 1e-5)
    assert_close(*(values_of(model.networks["a"].variables) for model in (small, large)), 1e-5)


def test_what_replicas_cannot_do_is_said():
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
    clipping.check("critic", optimizer, 1)
    with refused(ValueError, match="2 replicas, 'critic' cannot have gradient_accumulation_steps"):
        clipping.check("critic", optimizer, 2)
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(clipvalue=1.0))
    with refused(ValueError, match="'critic' cannot clip gradients of scaled losses: leave out clipvalue"):
        clipping.check("critic", scaled, 2)
