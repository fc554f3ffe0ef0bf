"""Methods that make images from noise: the contract, what they learn, sheets, labels that do not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_i2i as ki
from keras_i2i.core import callbacks
from tests import contract, harness
from tests.core.toys import PAINTER


@pytest.fixture(scope="class")
def case():
    return PAINTER


class TestPainter(contract.Contract, contract.Generating):
    """It is held to the contract of every method."""


def test_fit_teaches_every_domain_its_own_images():
    model = PAINTER.compiled()
    model.fit(PAINTER.data(model, batches=30), batch_size=12, epochs=12, verbose=0)
    means = [model.generate(16, domain, value_range=(-1, 1)).mean() for domain in model.domains]
    np.testing.assert_allclose(means, [-0.6, 0.0, 0.6], atol=0.15)


def test_generate_uses_the_averages():
    model = PAINTER.compiled()
    model.fit(PAINTER.data(model, batches=3), batch_size=4, verbose=0)
    label = np.zeros(3, np.int32)
    noise = model.noise(np.random.default_rng(5), 3)
    made = model.generate(3, "dark", seed=5, value_range=(-1, 1))
    assert np.abs(made - np.array(model((noise, label)))).max() > 1e-4, "the raw weights were used"
    with model.averaged_weights():
        np.testing.assert_allclose(made, model((noise, label)), atol=1e-6)


def test_evaluations_are_alike_and_leave_no_trace():
    model = PAINTER.compiled()
    data = PAINTER.data(model, batches=2)
    first = model.evaluate(data, batch_size=4, verbose=0)
    assert model.evaluate(data, batch_size=4, verbose=0) == first
    with model.same_randomness():
        inside = np.array(keras.random.normal((8,), seed=model.seeds))
        assert not np.array_equal(inside, keras.random.normal((8,), seed=model.seeds)), "each draw is another"
    np.testing.assert_array_equal(keras.random.normal((8,), seed=model.seeds), inside)


def test_sheet_has_a_row_a_domain_of_the_same_noise():
    model = PAINTER.make()
    shown = callbacks.sheet(
        model, {"dark": np.zeros((2, 8, 8, 3), np.uint8), "light": np.zeros((4, 8, 8, 3), np.uint8)}
    )
    assert shown.shape == (3 * 8, 4 * 8, 3)
    rows = shown.reshape(3, 8, 4, 8, 3).swapaxes(1, 2)
    for row, domain in zip(rows, model.domains, strict=True):
        np.testing.assert_array_equal(row, model.generate(4, domain, seed=0))


class Batches(keras.utils.PyDataset):
    """One batch of arrays."""

    def __init__(self, arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return self.arrays


@pytest.mark.parametrize("make", [dict, Batches], ids=["arrays", "PyDataset"])
@pytest.mark.parametrize(
    ("label", "text"),
    [
        (np.array([0, 1, 3, 2]), r"places among the 3 domains, from 0 to 2, but there is 3: give the model"),
        (np.array([0, -1, 2, 2]), "from 0 to 2, but there is -1"),
        (np.array([0.0, 1.0, 0.0, 1.0], np.float32), r"whole numbers, one an image, got float32 of shape \(4,\)"),
        (np.zeros((4, 2), np.int32), r"whole numbers, one an image, got int32 of shape \(4, 2\)"),
    ],
)
def test_labels_that_are_no_domains_are_refused(make, label, text):
    model = PAINTER.compiled()
    data = make({**PAINTER.data(model), "label": label})
    for method in ("fit", "evaluate"):
        with harness.refused(ValueError, match=text):
            getattr(model, method)(data, verbose=0)
    assert int(model.step) == 0


def test_labels_of_our_own_data_are_seen_in_full():
    """Also where the first batch has no wrong one."""
    label = np.array([*[0, 1, 2] * 5, 3])
    data = ki.data.labelled(np.zeros((16, 8, 8, 3), np.uint8), label, image_size=8, batch_size=4, shuffle=False)
    with pytest.raises(ValueError, match="from 0 to 2, but there is 3"):
        PAINTER.compiled().fit(data, verbose=0)
    data = ki.data.labelled(np.zeros((6, 8, 8, 3), np.uint8), label[:6], image_size=8, batch_size=6, balanced=True)
    PAINTER.compiled().fit(data, verbose=0)


def test_labels_that_are_missing_are_named():
    model = PAINTER.compiled()
    with pytest.raises(ValueError, match="Painter needs 'label' in its batches, which hold 'image'"):
        model.fit({"image": PAINTER.data(model)["image"]}, verbose=0)


def test_labels_of_bytes_are_no_pixels():
    """As MNIST has them: uint8, as pictures are."""
    states = []
    for dtype in (np.int32, np.uint8):
        model = PAINTER.compiled(run_eagerly=True)
        data = PAINTER.data(model)
        data = tf.data.Dataset.from_tensors({**data, "label": data["label"].astype(dtype)})
        model.fit(data, verbose=0)
        states.append(harness.state_of(model))
    assert harness.same(*states)
