"""The same methods on PyTorch, without TensorFlow: the same losses, and weights that go back and forth."""

import json

import keras
import numpy as np
import pytest

from tests.core.toys import STAGED
from tests.harness import assert_close, run_python, state_of, tensors, train, values_of
from tests.methods.test_xgan import CASE

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="starts from there"),
]

# Loads the weights that TensorFlow started from, reports losses on a batch, trains, and saves for TensorFlow.
TRAIN = """
import json, sys
import numpy as np
import keras
from tests.core.toys import STAGED
from tests.harness import same, state_of, tensors, train, values_of
from tests.core.test_torch import penalised
from tests.methods.test_xgan import CASE

folder = sys.argv[1]
model = CASE.compiled()
model.load_weights(f"{folder}/start.weights.h5")
data = CASE.data(model, batches=3)
terms, monitor = model._terms(model._run.stages[0].phases[0], tensors({k: v[:4] for k, v in data.items()}))
losses = {f"{player}/{name}": value for player, own in terms.items() for name, value in own.items()}
losses = {name: float(keras.ops.convert_to_numpy(value)) for name, value in {**losses, **monitor}.items()}


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return {key: value[4 * index : 4 * index + 4] for key, value in data.items()}


history = model.fit(Batches(), shuffle=False, verbose=0).history
evaluated = model.evaluate(data, batch_size=4, verbose=0)
assert {*evaluated, "skipped_updates"} == set(history) and all(np.isfinite(list(evaluated.values())))
assert int(model.step) == 3 and int(model.optimizers["generator"].iterations) == 3

before = values_of(model.variables)
with model.averaged_weights():
    assert not same(before, values_of(model.variables))
assert same(before, values_of(model.variables)), "averages were left in place"

model.save_weights(f"{folder}/trained.weights.h5")
loaded = sorted(name for name in sys.modules if name.split(".")[0] in ("tensorflow", "tensorflow_datasets"))
assert not loaded, loaded
sys.modules["tensorflow"] = None  # Keras itself, when it saves a .keras file, would import it if it could
model.save(f"{folder}/trained.keras")
again = keras.saving.load_model(f"{folder}/trained.keras")
assert all(np.array_equal(a, b) for a, b in zip(state_of(model), state_of(again)))
np.savez(f"{folder}/translated.npz", cartoon=model.translate(data["a"]), photo=model.translate(data["b"], "photo"))
pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
assert model.translate(pixels).dtype == np.uint8 and model.translate(pixels).shape == (16, 16, 3)

closed = CASE.compiled(accuracy_gate=0.0)
watched = [*closed.discriminators["b"].variables, *closed.optimizers["discriminator_b"].variables]
untouched = values_of(watched)
train(closed, data, 2)
assert same(untouched, values_of(watched)), "a closed gate let something through"

punished = penalised(f"{folder}/start.weights.h5")
train(punished, {key: value[:4] for key, value in data.items()}, 1)
punished.save_weights(f"{folder}/punished.weights.h5")

staged = STAGED.compiled(batch_norm=False)
staged.load_weights(f"{folder}/staged.weights.h5")
train(staged, STAGED.data(staged, batches=5), 5)
staged.save_weights(f"{folder}/staged_trained.weights.h5")
assert {name: int(o.iterations) for name, o in staged.optimizers.items()} == {"autoencoder": 3, "encoder": 2}

print(json.dumps({"losses": losses, "reconstruction": history["generator/reconstruction"]}))
"""


def penalised(start):
    """An XGAN whose discriminator's own slope is part of what it minimises, about to step by plain SGD."""
    model = CASE.make(gradient_penalty=1.0, discriminate_reconstructions=True, accuracy_gate=None)
    model.load_weights(start)
    sgd = {name: keras.optimizers.SGD(0.01) for name in ("generator", "discriminator_b")}
    model.compile(sgd, jit_compile=False)
    return model


@pytest.fixture(scope="module")
def exchange(tmp_path_factory):
    """What PyTorch made of the weights that TensorFlow started from: (folder, its report)."""
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("exchange")
    CASE.compiled().save_weights(folder / "start.weights.h5")
    STAGED.compiled(batch_norm=False).save_weights(folder / "staged.weights.h5")
    said = run_python(TRAIN, folder, KERAS_BACKEND="torch", OMP_NUM_THREADS="1", timeout=900)
    return folder, json.loads(said.splitlines()[-1])


@pytest.mark.slow
def test_both_backends_compute_the_same_losses(exchange):
    _, report = exchange
    model = CASE.compiled()
    data = {key: value[:4] for key, value in CASE.data(model, batches=3).items()}
    terms, monitor = model._terms(model._run.stages[0].phases[0], tensors(data))
    ours = {f"{player}/{name}": float(value) for player, own in terms.items() for name, value in own.items()}
    ours.update({name: float(value) for name, value in monitor.items()})
    assert set(ours) == set(report["losses"])
    for name, value in ours.items():
        assert report["losses"][name] == pytest.approx(value, abs=1e-4), name


def wobble(model, images):
    """The most that a translation moves when all weights move by their last bits: norms of so few values, in networks
    that have hardly trained, enlarge what two backends round differently, by as much as the processor has it.
    """
    rng, expected, most = np.random.default_rng(0), model.translate(images), 0.0
    weights = [variable for variable in model.variables if "float" in variable.dtype]
    own = values_of(weights)
    for _ in range(5):
        for variable, value in zip(weights, own, strict=True):
            variable.assign(value * (1 + 2.0**-23 * rng.normal(size=value.shape)))
        most = max(most, np.abs(model.translate(images) - expected).max())
    for variable, value in zip(weights, own, strict=True):
        variable.assign(value)
    assert most < 1e-3
    return most


@pytest.mark.slow
@pytest.mark.parametrize("way", ["weights.h5", "keras"])
def test_weights_trained_on_torch_translate_alike_here(exchange, way):
    folder, _ = exchange
    if way == "keras":
        model = keras.saving.load_model(folder / "trained.keras")
    else:
        model = CASE.compiled(seed=99)
        model.load_weights(folder / "trained.weights.h5")
    assert int(model.step) == 3 and int(model.optimizers["discriminator_b"].iterations) <= 3
    data, translated = CASE.data(model, batches=3), np.load(folder / "translated.npz")
    tolerance = max(1e-5, 2 * wobble(model, data["a"]))
    np.testing.assert_allclose(model.translate(data["a"]), translated["cartoon"], rtol=0, atol=tolerance)
    np.testing.assert_allclose(model.translate(data["b"], "photo"), translated["photo"], rtol=0, atol=1e-5)


@pytest.mark.slow
def test_both_backends_train_alike(exchange):
    """Over two stages, with a frozen network, momentum, Adam and a moving average."""
    folder, _ = exchange
    ours, theirs = (STAGED.compiled(batch_norm=False, run_eagerly=True) for _ in range(2))
    train(ours, STAGED.data(ours, batches=5), 5)
    theirs.load_weights(folder / "staged_trained.weights.h5")
    assert_close(state_of(ours), state_of(theirs), 1e-4)


@pytest.mark.slow
def test_both_backends_differentiate_a_slope_alike(exchange):
    folder, _ = exchange
    ours, theirs = (penalised(folder / "start.weights.h5") for _ in range(2))
    before = values_of(ours.discriminators["b"].variables)
    train(ours, {key: value[:4] for key, value in CASE.data(ours, batches=3).items()}, 1)
    theirs.load_weights(folder / "punished.weights.h5")
    after = values_of(ours.discriminators["b"].variables)
    assert all(np.abs(now - then).max() > 1e-4 for now, then in zip(after, before, strict=True))
    assert_close(after, values_of(theirs.discriminators["b"].variables), 1e-6)
