"""What the base does for every method: settings, optimizers, data of all kinds, errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.core.toys import ALTERNATING, STAGED, Staged, StagedConfig
from tests.harness import assert_close, refused, same, state_of, tensors, values_of


class Sequence(keras.utils.PyDataset):
    """Batches of four from a dict of arrays."""

    def __init__(self, arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays["a"]) // 4

    def __getitem__(self, index):
        return {key: value[4 * index : 4 * index + 4] for key, value in self.arrays.items()}


def trained_on(make_data, **options):
    model = STAGED.compiled(run_eagerly=True)
    model.fit(make_data(STAGED.data(model, batches=2)), epochs=1, verbose=0, **options)
    return state_of(model)


def test_all_kinds_of_data_train_alike():
    expected = trained_on(lambda arrays: arrays, batch_size=4, shuffle=False)
    kinds = {
        "tf.data": lambda arrays: tf.data.Dataset.from_tensor_slices(arrays).batch(4),
        "PyDataset": Sequence,
        "tuples": lambda arrays: tf.data.Dataset.from_tensor_slices((arrays,)).batch(4),
    }
    for name, make in kinds.items():
        found = trained_on(make, **({"shuffle": False} if name == "PyDataset" else {}))
        assert_close(expected, found, 1e-7)


def test_uint8_batches_are_scaled():
    pixels = {key: np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), np.uint8) for key in "ab"}
    scaled = {key: value.astype(np.float32) / 127.5 - 1 for key, value in pixels.items()}
    states = []
    for data in (pixels, scaled):
        model = STAGED.compiled(run_eagerly=True)
        model.fit(data, batch_size=4, verbose=0)
        states.append(state_of(model))
    assert_close(*states, 1e-6)


def test_config_instance_and_overrides():
    model = Staged(StagedConfig(image_size=12), encoder_steps=9)
    assert model.config == StagedConfig(image_size=12, encoder_steps=9)
    assert model.image_size == 12 and model.domains == ("a", "b")


def test_given_optimizer_replaces_the_default():
    model = STAGED.make()
    optimizer = keras.optimizers.RMSprop(0.123)
    model.compile({"encoder": optimizer})
    assert model.optimizers["encoder"] is optimizer
    assert type(model.optimizers["autoencoder"]).__name__ == "SGD"
    assert model.optimizer is None, "Keras added an optimizer of its own"
    with refused(ValueError, match=r"no player 'ghost': they are \['autoencoder', 'encoder'\]"):
        model.compile({"ghost": optimizer})


def test_optimizers_are_built_by_compile():
    for case in (ALTERNATING, STAGED):
        model = case.compiled()
        assert all(optimizer.built for optimizer in model.optimizers.values())


def test_given_optimizers_survive_saving(tmp_path):
    model = STAGED.make()
    model.compile({"encoder": keras.optimizers.RMSprop(0.123)}, jit_compile=False)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.optimizers["encoder"]).__name__ == "RMSprop"
    assert again.jit_compile is False
    np.testing.assert_allclose(float(again.optimizers["encoder"].learning_rate), 0.123, rtol=1e-6)


def test_model_that_was_never_compiled_saves_and_translates(tmp_path):
    model = STAGED.make()
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert not again.compiled
    images = STAGED.data(model)["a"]
    np.testing.assert_array_equal(model.translate(images), again.translate(images))


def test_weights_of_a_compiled_model_load_into_one_that_is_not(tmp_path):
    """Someone who only translates does not compile; what they see are the networks' own weights."""
    model = STAGED.compiled()
    model.save_weights(tmp_path / "model.weights.h5")
    again = STAGED.make(seed=50)
    again.load_weights(tmp_path / "model.weights.h5")
    assert same(values_of(model.decoder.variables), values_of(again.decoder.variables))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.zeros((4, 8, 8, 3), np.float32), r"dicts of named tensors, e.g. ki.data.unpaired\(...\), got ndarray"),
        ({"a": np.zeros((4, 8, 8, 3), np.float32)}, "Staged needs 'b' in its batches, which hold 'a'"),
        ({k: np.zeros((4, 9, 8, 3), np.float32) for k in "ab"}, "'a' are images of 9x8 pixels, .* image_size=8"),
        (
            tf.data.Dataset.from_tensor_slices({k: np.zeros((3, 8, 8, 3)) for k in "ab"}).batch(4, drop_remainder=True),
            "no whole batch: give more of them, or make batch_size smaller",
        ),
    ],
)
def test_wrong_batches_are_refused(data, text):
    for method in ("fit", "evaluate"):
        with refused(ValueError, match=text):
            getattr(STAGED.compiled(), method)(data, verbose=0)


def test_fit_before_compile_is_refused():
    with pytest.raises(ValueError, match="compile"):
        STAGED.make().fit(STAGED.data(STAGED.make()), verbose=0)


def test_weight_for_an_unknown_term_is_refused():
    for name in ("recnstruction", "decoder/latent"):
        model = STAGED.compiled(weights={name: 1.0})
        with refused(ValueError, match=f"weight for '{name}', but the loss terms are"):
            model.fit(STAGED.data(model), verbose=0)
    model = STAGED.compiled(weights={"encoder/latent": 1.0})
    model.fit(STAGED.data(model), verbose=0)


def test_naming_the_terms_leaves_no_trace():
    model = STAGED.compiled()
    before = state_of(model)
    model._name_terms(STAGED.data(model))
    assert same(before, state_of(model))


def test_model_is_callable_and_predicts():
    model = STAGED.compiled()
    images = STAGED.data(model)["a"]
    np.testing.assert_allclose(model(images), model.translate(images), atol=1e-6)
    np.testing.assert_allclose(model.predict(images, verbose=0), model.translate(images), atol=1e-6)


def test_targets_are_all_domains_unless_a_method_says_otherwise(monkeypatch):
    model = STAGED.make()
    images = STAGED.data(model)["a"]
    assert model.targets == model.domains
    forwards, backwards = (model.translate(images, target=name) for name in "ba")
    monkeypatch.setattr(Staged, "targets", ("a",))  # and so the default
    np.testing.assert_array_equal(model.translate(images), backwards)
    np.testing.assert_allclose(model(images), backwards, atol=1e-6)
    assert set(model.export_signatures()) == {"serving_default", "to_a"}
    np.testing.assert_allclose(model.export_signatures()["serving_default"](images), backwards, atol=1e-6)
    assert np.abs(forwards - backwards).max() > 1e-3
    with refused(ValueError, match="There is no target 'b': this model knows 'a'"):
        model.translate(images, target="b")


def test_translate_sees_later_training():
    model = STAGED.compiled()
    data = STAGED.data(model)
    before = model.translate(data["a"])
    model.fit(data, batch_size=4, verbose=0)
    assert np.abs(before - model.translate(data["a"])).max() > 1e-6


def test_batches_of_translate_join_without_a_seam():
    model = STAGED.make()
    images = STAGED.data(model, batches=3)["a"][:11]
    np.testing.assert_allclose(model.translate(images, batch_size=4), model.translate(images), atol=1e-6)


def test_terms_are_logged_as_means_over_the_epoch():
    model = STAGED.make()
    model.compile({"autoencoder": keras.optimizers.SGD(0.0)}, run_eagerly=True)
    data = STAGED.data(model, batches=2)
    history = model.fit(data, batch_size=4, shuffle=False, verbose=0).history
    batches = [{k: v[i : i + 4] for k, v in data.items()} for i in (0, 4)]
    terms = [model.autoencoder_losses(tensors(batch), True)["autoencoder"]["reconstruction"] for batch in batches]
    np.testing.assert_allclose(history["autoencoder/reconstruction"], [np.mean(terms)], rtol=1e-5)
