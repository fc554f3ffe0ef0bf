"""Runs of three methods, each on other data, that kill themselves at a given moment: python -m tests.core.runs

Each line of its standard input is a run, [METHOD, FOLDER, OUT, MOMENT] as JSON, which gets a process of its own: a copy
of this one, which has imported TensorFlow and has not computed yet. The answer is a line with its exit code.

Moments are counted from the start of the process: before and after each batch, and around each thing that a checkpoint
does to the disk. The run ends in OUT, an .npz of all that it has learned, if it is not killed before.
"""

import importlib
import json
import os
import signal
import sys
import traceback

STEPS, EPOCHS = 2, 12


class Moments:
    """Counts moments, and ends the process at one of them as `kill -9` does."""

    def __init__(self, last):
        self.left = last

    def __call__(self, *_, **__):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function):
        """The function with a moment before and one after it."""

        def watched(*args, **kwargs):
            self()
            result = function(*args, **kwargs)
            self()
            return result

        return watched


def unpaired(case, model):
    """What ki.data makes, augmented."""
    import numpy as np

    import keras_i2i as ki

    domains = [
        np.random.default_rng(seed).integers(0, 256, (7, model.image_size, model.image_size, 3), dtype=np.uint8)
        for seed in (0, 1)
    ]
    return ki.data.unpaired(*domains, image_size=model.image_size, batch_size=2, steps=STEPS), None


def endless(case, model):
    """A tf.data.Dataset without an end, shuffled."""
    return shuffled(case, model)[0].repeat(), STEPS


def shuffled(case, model):
    """A tf.data.Dataset that is shuffled anew in every epoch."""
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(case.data(model, batches=STEPS))
    return data.shuffle(100, seed=5).batch(4, drop_remainder=True), None


RUNS = {
    "cyclegan": ("tests.methods.test_cyclegan:CASE", {"pool_size": 3}, unpaired),
    "xgan": ("tests.methods.test_xgan:CASE", {"gradient_penalty": 1.0}, endless),
    "staged": ("tests.core.toys:STAGED", {}, shuffled),
}


def case_at(place):
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)


def main(method, folder, out, moment):
    import keras
    import numpy as np
    import tensorflow as tf

    from tests.harness import state_of

    place, settings, data_of = RUNS[method]
    case = case_at(place)

    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    model = case.compiled(**settings)
    data, steps_per_epoch = data_of(case, model)
    moments = Moments(int(moment))
    watch = keras.callbacks.LambdaCallback(on_train_batch_begin=moments, on_train_batch_end=moments)
    for function in ("fsync", "replace"):
        setattr(os, function, moments.around(getattr(os, function)))
    model.save_weights = moments.around(model.save_weights)
    history = model.fit(
        data, epochs=EPOCHS, steps_per_epoch=steps_per_epoch, resume=folder, verbose=0, callbacks=[watch]
    ).history
    last = {f"history/{key}": values[-1] for key, values in history.items()}
    np.savez(out, *state_of(model), **last)


def fork(run):
    """Does a run in a copy of this process; returns its exit code, -9 of a run that was killed."""
    process = os.fork()
    if process:
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    code = 1
    try:
        os.dup2(2, 1)  # standard output is for answers
        main(*run)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    for place, *_ in RUNS.values():
        case_at(place)
    for line in sys.stdin:
        print(fork(json.loads(line)), flush=True)
