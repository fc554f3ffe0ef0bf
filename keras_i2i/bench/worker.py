"""A contestant's process on our side: `python -m keras_i2i.bench.worker CASE`, a JSON object."""

import json
import sys

from keras_i2i.bench import turns


def training_step(method, config, batch_size, *, jit_compile, threads):
    """One training step of a method on random images, as `fit` makes it; a function without arguments."""
    import keras
    import numpy as np

    from keras_i2i.core import backend
    from keras_i2i.methods import METHODS

    backend.limit_threads(threads)
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    model = METHODS[method](**config)
    model.compile(jit_compile=jit_compile)
    side = model.image_size
    rng = np.random.default_rng(0)
    batch = {key: rng.uniform(-1, 1, (batch_size, side, side, 3)).astype(np.float32) for key in "ab"}
    data = tf.data.Dataset.from_tensors(batch).repeat()
    model.fit(data, steps_per_epoch=1, verbose=0)
    batches = iter(data)

    def step():
        logs = model.train_function(batches)
        for value in logs.values():
            float(value)

    return step


def product(size, *, threads):
    """One product of two square float32 matrices: what the machine can do at most."""
    import tensorflow as tf

    from keras_i2i.core import backend

    backend.limit_threads(threads)
    a, b = (tf.random.normal((size, size), seed=seed) for seed in (0, 1))
    multiply = tf.function(tf.matmul)

    def work():
        multiply(a, b).numpy()

    return work


def main():
    """Serves the case of the command line."""
    case = json.loads(sys.argv[1])
    turns.serve({"train": training_step, "product": product}[case.pop("kind")](**case))


if __name__ == "__main__":
    main()
