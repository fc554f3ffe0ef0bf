"""Games that are played on one device, on two replicas and by two workers, to see that all learn the same.

    python -m tests.core.games one|mirrored|INDEX FOLDER RECIPE [PORT PORT]

writes, for every game, the state that training ends in, its history and a translation to FOLDER/NAME.npz; which
pictures it saw in an epoch to FOLDER/seen.npy; and trains RECIPE, to FOLDER/../trained.
"""

import dataclasses
import gc
import json
import os
import sys
import tempfile
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Game:
    """A training run of a few steps.

    Attributes:
        case: the attribute `CASE`-like of a test module, as "module:attribute".
        steps: training steps.
        sgd: players that step by plain SGD; the others have their own Adam.
        options: of the SGD.
        tolerance: on the weights; SGD is exact but for the order of sums, Adam divides by gradients that may be tiny.
        settings: of the config.
    """

    case: str
    steps: int
    sgd: tuple[str, ...] = ()
    options: Mapping = dataclasses.field(default_factory=dict)
    tolerance: float = 1e-6
    settings: Mapping = dataclasses.field(default_factory=dict)


XGAN, CYCLEGAN = "tests.methods.test_xgan:CASE", "tests.methods.test_cyclegan:CASE"
TWO_STEP = "tests.methods.test_two_step:CASE"
STAGED, WITHOUT_BATCH_NORM = "tests.core.toys:STAGED", {"batch_norm": False}  # its statistics are a replica's own
PLAYERS = ("generator", "discriminator_a", "discriminator_b")
BOTH = {"adversarial_targets": ("a", "b")}
GAMES = {
    "players": Game(CYCLEGAN, 1, PLAYERS, settings={"pool_size": 0}),
    # Replicas' shares of a gradient are shorter than it: clipped one by one, they would not add up to it, clipped.
    "clipped": Game(STAGED, 2, ("autoencoder",), {"global_clipnorm": 0.01}, settings=WITHOUT_BATCH_NORM),
    "penalty": Game(XGAN, 1, PLAYERS, settings={**BOTH, "gradient_penalty": 1.0, "accuracy_gate": None}),
    # Between the accuracies of the two discriminators on the first batch: one steps, the other's gate is closed.
    "gated": Game(XGAN, 1, tolerance=1e-5, settings={**BOTH, "accuracy_gate": 0.3}),
    # Both noise and classes are drawn, in a stage each; replicas have other rows of the same draw.
    "noise": Game(
        TWO_STEP,
        2,
        ("generator", "discriminator", "encoder"),
        settings={"norm": "group", "gan_steps": 1, "encoder_steps": 1},
    ),
    "stages": Game(STAGED, 5, tolerance=1e-5, settings=WITHOUT_BATCH_NORM),
}


def play(game, strategy):
    """A dict of arrays: state, history, translation, and what each player's optimizer has counted."""
    import importlib

    import keras
    import numpy as np
    import tensorflow as tf

    from keras_i2i.core.callbacks import StopAtStep
    from keras_i2i.core.checkpoint import Checkpoint, restore
    from tests.harness import moments_of, outputs, values_of, weights_of

    module, name = game.case.split(":")
    case = getattr(importlib.import_module(module), name)
    with strategy.scope():
        model = case.make(**game.settings)
        model.compile(
            {name: keras.optimizers.SGD(0.01, momentum=0.9, **game.options) for name in game.sgd}, jit_compile=False
        )
    data = case.data(model, batches=game.steps)
    batches = tf.data.Dataset.from_tensor_slices(data).batch(4, drop_remainder=True)
    with tempfile.TemporaryDirectory() as folder:  # the callbacks of a long run work there too
        log = [Checkpoint(folder), StopAtStep(game.steps)]
        history = model.fit(batches, verbose=0, callbacks=log).history
        assert restore(model, folder) > 0 and model.steps_taken == game.steps
    evaluated = model.evaluate(batches, verbose=0)
    counts = {name: np.array(keras.ops.convert_to_numpy(o.iterations)) for name, o in model.optimizers.items()}
    return {
        **{f"weight/{index}": value for index, value in enumerate(values_of(weights_of(model)))},
        **{f"moment/{index}": value for index, value in enumerate(values_of(moments_of(model)))},
        **{f"history/{key}": np.array(value) for key, value in history.items()},
        **{f"evaluated/{key}": np.array(value) for key, value in evaluated.items()},
        **{f"count/{key}": value for key, value in counts.items()},
        "translation": outputs(model, data[case.keys[0]])[0],
    }


def resumed(strategy, folder):
    """What a run has learned that ended after one of its two epochs and was taken up by the same lines."""
    import tensorflow as tf

    from tests.core.toys import STAGED
    from tests.harness import state_of

    for epochs in (1, 2):
        with strategy.scope():
            model = STAGED.compiled(**WITHOUT_BATCH_NORM)
        data = tf.data.Dataset.from_tensor_slices(STAGED.data(model, batches=2)).shuffle(8, seed=1)
        model.fit(data.batch(4, drop_remainder=True), epochs=epochs, resume=folder, verbose=0)
    return {str(index): value for index, value in enumerate(state_of(model))}


def seen(strategy):
    """The numbers of the pictures that this process sees in each batch of an epoch (batches, its share)."""
    import numpy as np

    import keras_i2i as ki

    pixels = np.broadcast_to(np.arange(24, dtype=np.uint8)[:, None, None, None], (24, 8, 8, 3))
    images = ki.data.Images(pixels, tuple(map(str, range(24))), {})
    batches = ki.data.unpaired(images, images, image_size=8, batch_size=4, augment=None, steps=6)
    local = [strategy.experimental_local_results(b["a"]) for b in strategy.experimental_distribute_dataset(batches)]
    rows = [np.concatenate([(part.numpy()[:, 0, 0, 0] + 1) * 127.5 for part in parts]) for parts in local]
    return np.rint(rows).astype(int)


def main(role, folder, recipe, *ports):
    gc.disable()  # with replicas, a collection waits for threads of iterators that nobody uses any more, up to a minute
    if role not in ("one", "mirrored"):
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": int(role)}})

    import numpy as np
    import tensorflow as tf

    from keras_i2i.training import train

    if role == "one":
        strategy = tf.distribute.get_strategy()
    elif role == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    for name, game in GAMES.items():
        np.savez(f"{folder}/{name}.npz", **play(game, strategy))
    np.save(f"{folder}/seen.npy", seen(strategy))
    np.savez(f"{folder}/resumed.npz", **resumed(strategy, f"{folder}/../resumed"))
    with strategy.scope():
        record = train(recipe, f"{folder}/../trained", verbose=0)
    assert (record is None) == (role == "1"), "the first worker writes, and no other"
    gc.freeze()


if __name__ == "__main__":
    main(*sys.argv[1:])
