"""The two-step translator: the facts of the paper, as tests. Its first step is tested in test_acgan."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_i2i.core import callbacks
from keras_i2i.methods.two_step import TwoStep
from tests.harness import Case, enter, labelled_noise, refused, run_python, same, tensors, train, train_phase, values_of
from tests.methods import test_acgan

TINY = {**test_acgan.TINY, "gan_steps": 2, "encoder_steps": 2}
CASE = Case(TwoStep, TINY, labelled_noise, sizes=(20, 24), steps=4, keys=("image",))
TWO = {"domains": ("cat", "dog")}


def images(model, count=4):
    return CASE.data(model, count=count)["image"]


def latent(model, batch):
    return np.array(model.encoder_losses(tensors(batch), training=True)["encoder"]["latent"])


# ---- the second step's loss -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "variance"), [("uniform", 1 / 3), ("normal", 1.0)])
def test_an_encoder_that_answers_zero_pays_the_variance(kind, variance):
    """What must be beaten: 1/3 for U(-1, 1), 1 for N(0, 1)."""
    model = CASE.make(latent=kind, noise_dim=100, norm="none")
    model.encoder.layers[-1].kernel.assign(0 * model.encoder.layers[-1].kernel)
    own = latent(model, CASE.data(model, count=400))
    assert own.shape == (400,) and own.mean() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize(("kind", "activation"), [("uniform", "tanh"), ("normal", "linear")])
def test_noise_and_the_encoders_activation_are_one_pair(kind, activation):
    model = CASE.make(latent=kind)
    assert model.encoder.layers[-1].activation is keras.activations.get(activation)
    assert model.latent.activation == activation


class Columns(keras.Model):
    """The linear generator G(z) = A z of 16x16 pictures, A with orthonormal columns."""

    def __init__(self, dim):
        super().__init__()
        rng = np.random.default_rng(0)
        self.matrix = np.linalg.qr(rng.normal(size=(16 * 16 * 3, dim)))[0].astype(np.float32)

    def call(self, inputs, training=False):
        return ops.reshape(ops.matmul(inputs[0], self.matrix.T), (-1, 16, 16, 3))


@pytest.fixture(scope="module")
def linear():
    """A model whose generator is linear and whose linear encoder, from zeros, has gone through the second step."""
    model = CASE.make(latent="normal", noise_dim=4, ema=0.0, encoder_steps=60, **TWO)
    model.generator = Columns(4)
    layers = [keras.Input((16, 16, 3)), keras.layers.Flatten()]
    model.encoder = keras.Sequential([*layers, keras.layers.Dense(4, use_bias=False, kernel_initializer="zeros")])
    model.compile({"encoder": keras.optimizers.SGD(0.5)}, jit_compile=False, run_eagerly=False)
    model.step.assign(model.config.gan_steps)
    data = {"image": np.zeros((1920, 16, 16, 3), np.float32), "label": np.zeros(1920, np.int32)}
    history = model.fit(data, batch_size=32, verbose=0).history
    return model, history


def test_linear_encoder_becomes_the_transpose(linear):
    """From zeros by plain gradient descent: E converges to A^T, and the error to 0."""
    model, history = linear
    assert set(history) >= {"encoder/latent"} and int(model.optimizers["encoder"].iterations) == 60
    np.testing.assert_allclose(model.encoder.layers[-1].kernel, model.generator.matrix, atol=1e-4)
    data = {"image": np.zeros((64, 16, 16, 3), np.float32), "label": np.zeros(64, np.int32)}
    assert latent(model, data).max() < 1e-6


def test_swapping_twice_returns_what_was_there(linear):
    """Where the encoder is the generator's inverse."""
    model, _ = linear
    noise = np.random.default_rng(1).uniform(-1, 1, (2, 5, 4)).astype(np.float32)
    a, b = (np.array(ops.reshape(z @ model.generator.matrix.T, (-1, 16, 16, 3))) for z in noise)
    again = model.swap(*model.swap(a, b)[::-1])[::-1]
    np.testing.assert_allclose(again[0], a, atol=1e-3)
    np.testing.assert_allclose(again[1], b, atol=1e-3)


# ---- what the second step changes -----------------------------------------------------------------------------------


def test_generator_keeps_every_bit_in_the_second_step():
    """Its statistics and its average, too; and so does the discriminator. The encoder rests in the first."""
    model = CASE.compiled(gan_steps=1, encoder_steps=3)
    data = CASE.data(model, batches=4)
    before = values_of(model.encoder.variables)
    train(model, data, 1)
    assert same(before, values_of(model.encoder.variables))
    held = [*model.generator.variables, *model.discriminator.variables, *model.averages["generator"].variables]
    before, encoder_before = values_of(held), values_of(model.encoder.variables)
    train(model, {key: value[4:] for key, value in data.items()}, 3)
    assert same(before, values_of(held))
    assert not same(encoder_before, values_of(model.encoder.variables))
    counts = {name: int(optimizer.iterations) for name, optimizer in model.optimizers.items()}
    assert counts == {"generator": 1, "discriminator": 1, "encoder": 3}


def test_fit_makes_as_many_epochs_as_both_steps_need():
    model = CASE.compiled(gan_steps=3, encoder_steps=2)
    model.fit(CASE.data(model, batches=1), batch_size=4, steps_per_epoch=1, verbose=0)
    assert int(model.step) == 5


def test_the_second_step_sees_generated_images_alone():
    """Whatever the batch's own images and labels are."""
    made = []
    for level in (-1.0, 1.0):
        model = CASE.make()
        data = {"image": np.full((4, 16, 16, 3), level, np.float32), "label": np.full(4, int(level > 0), np.int32)}
        made.append(latent(model, data))
    np.testing.assert_array_equal(*made)


def test_the_generator_that_translates_is_the_one_inverted():
    """With a moving average: images are made by the averaged weights in inference mode, and the encoder sees those."""
    model = CASE.compiled(run_eagerly=True)
    data = CASE.data(model, batches=4)
    train(model, data, 2)
    for variable in model.generator.trainable_variables:
        variable.assign(5 * variable)  # far from its average
    enter(model, 1, data)
    noise, label = (ops.convert_to_tensor(x) for x in (model.noise(np.random.default_rng(5), 3), np.zeros(3, np.int32)))
    encoder, seen = model.encoder, []

    def drawn(x):
        return noise

    drawn.labels = lambda x, classes: label
    object.__setattr__(model, "latent", drawn)
    object.__setattr__(model, "encoder", lambda x, training: seen.append(np.array(x)) or encoder(x, training=training))
    own = values_of(model.generator.variables)
    model.encoder_losses(tensors(data), training=True)
    (found,) = seen
    assert same(own, values_of(model.generator.variables))
    with model.averaged_weights():
        np.testing.assert_allclose(found, model.generate_tensor(noise, label), atol=1e-6)
    assert np.abs(found - np.array(model.generate_tensor(noise, label))).max() > 0.01


def test_without_an_average_the_generator_itself_is_inverted():
    model = CASE.compiled(ema=0.0)
    data = CASE.data(model)
    assert not model.averages
    stage = enter(model, 1, data)
    train_phase(model, stage, stage.phases[0], data)


# ---- the trained model ----------------------------------------------------------------------------------------------


def test_translation_is_the_image_of_its_embedding_and_the_target():
    model = CASE.make()
    x = images(model)
    z = model.embed(x)
    assert z.shape == (4, 6) and model.embed(x[0]).shape == (6,)
    np.testing.assert_array_equal(model.embed(x, "owl"), z)
    for place, domain in enumerate(model.domains):
        label = np.full(4, place, np.int32)
        made = model.generator([ops.convert_to_tensor(z), ops.convert_to_tensor(label)])
        np.testing.assert_allclose(model.translate(x, domain), made, atol=1e-5)
    np.testing.assert_allclose(model.reconstruct(x, "owl"), model.translate(x, "owl"), atol=1e-5)


def test_swap_translates_each_to_the_other():
    model = CASE.make(**TWO)
    x = images(model)
    to_dog, to_cat = model.swap(x, x[:2])
    np.testing.assert_array_equal(to_dog, model.translate(x, "dog"))
    np.testing.assert_array_equal(to_cat, model.translate(x[:2], "cat"))
    with refused(ValueError, match="swap needs a model of two domains, and this one has 3: use"):
        CASE.make().swap(x, x)


def test_sheet_shows_translations_and_images_from_noise():
    model = CASE.make(**TWO)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    drawn = callbacks.sheet(model, {"cat": pixels, "dog": pixels[:2]})
    assert drawn.shape == (6 * 16, 3 * 16, 3)
    rows = drawn.reshape(6, 16, 3, 16, 3).swapaxes(1, 2)
    np.testing.assert_array_equal(rows[1], model.translate(pixels, "dog"))
    np.testing.assert_array_equal(rows[4:], [model.generate(3, name, seed=0) for name in ("cat", "dog")])


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"gan_steps": 0}, "gan_steps and encoder_steps must be 1 or more, got 0 and 2"),
        ({"encoder_steps": 0}, "must be 1 or more, got 2 and 0"),
        ({"domains": ("a",)}, "TwoStep has two or more domains"),
        ({"latent": "gauss"}, "latent must be one of uniform, normal"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, text):
    with refused(ValueError, match=text):
        CASE.make(**settings)


# ---- on PyTorch -----------------------------------------------------------------------------------------------------

TORCH = """
import sys
import numpy as np
from tests.harness import train
from tests.methods.test_two_step import CASE

folder = sys.argv[1]
model = CASE.compiled()
train(model, CASE.data(model, batches=4), 4)
assert {name: int(o.iterations) for name, o in model.optimizers.items()} == {
    "generator": 2, "discriminator": 2, "encoder": 2
}
for variable in [*model.generator.trainable_variables, *model.averages["generator"].averages]:
    if len(variable.shape) > 1:
        variable.assign(10 * variable)  # after so few steps its images are nearly grey
model.save_weights(f"{folder}/trained.weights.h5")
x = CASE.data(model)["image"]
generated = model.generate(4, seed=3, value_range=(-1, 1))
np.savez(f"{folder}/made.npz", translated=model.translate(x), generated=generated, embedded=model.embed(x))
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
"""


@pytest.mark.slow
@pytest.mark.torch
def test_trains_on_torch_to_a_model_that_is_the_same_here(tmp_path):
    """With kernels of 5, averages, a frozen generator, and noise of the same seed."""
    pytest.importorskip("torch")
    from tests.core.test_torch import wobble

    run_python(TORCH, tmp_path, KERAS_BACKEND="torch", OMP_NUM_THREADS="1")
    model = CASE.compiled(seed=99)
    model.load_weights(tmp_path / "trained.weights.h5")
    made, x = np.load(tmp_path / "made.npz"), images(model)
    assert made["generated"].std() > 0.01 and made["translated"].std() > 0.01
    tolerance = max(1e-5, 2 * wobble(model, x))
    np.testing.assert_allclose(model.embed(x), made["embedded"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(model.generate(4, seed=3, value_range=(-1, 1)), made["generated"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(model.translate(x), made["translated"], rtol=0, atol=tolerance)
