"""A contestant's process on our side: `python -m keras_i2i.bench.worker CASE`, a JSON object.

Each function makes, from a case, the work of one turn: a function without arguments, which may return seconds of its
own. `threads` are those of an operation, and as many operations run at a time.
"""

import json
import os
import subprocess
import sys

from keras_i2i.bench import turns


def _model(method, config):
    import keras

    from keras_i2i.methods import METHODS

    keras.utils.set_random_seed(0)
    return METHODS[method](**config)


def _pictures(shape, seed):
    import numpy as np

    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def train(method, config, batch_size, *, jit_compile, threads):
    """One training step on random images, as `fit` makes it."""
    from keras_i2i.core import backend

    backend.limit_threads(threads)
    model = _model(method, config)
    model.compile(jit_compile=jit_compile)
    return _step(model, _batches(model, batch_size))


def _batches(model, batch_size):
    import numpy as np
    import tensorflow as tf

    side = model.image_size
    batch = {key: np.float32(_pictures((batch_size, side, side, 3), 0) / 127.5 - 1) for key in "ab"}
    return tf.data.Dataset.from_tensors(batch).repeat()


def _step(model, data):
    model.fit(data, steps_per_epoch=1, verbose=0)
    batches = iter(model.distribute_strategy.experimental_distribute_dataset(data))

    def step():
        for value in model.train_function(batches).values():
            float(value if value.shape == () else value[0])

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


def translate(batch_size, *, threads, method=None, config=None, zoo=None):
    """`translate` of float images in [-1, 1], by a model of the zoo or by a fresh one."""
    model, images = _for_inference(batch_size, threads, method, config, zoo)

    def work():
        model.translate(images)

    return work


def network(batch_size, *, threads, method=None, config=None, zoo=None):
    """The bare networks in a `tf.function`, from a NumPy array to one."""
    import tensorflow as tf

    model, images = _for_inference(batch_size, threads, method, config, zoo)
    function = tf.function(lambda x: model.translate_tensor(x, model.targets[-1]))

    def work():
        function(tf.constant(images)).numpy()

    return work


def savedmodel(folder, *, threads):
    """One picture through what `keras-i2i export` wrote."""
    from keras_i2i.core import backend
    from keras_i2i.export import savedmodel as saved

    backend.limit_threads(threads)
    run, side = saved.read_signature(folder), saved.read_metadata(folder)["image_size"]
    images = _pictures((1, side, side, 3), 0)

    def work():
        run(images=images)

    return work


def _for_inference(batch_size, threads, method, config, zoo):
    import numpy as np

    from keras_i2i.core import backend
    from keras_i2i.zoo import load

    backend.limit_threads(threads)
    model = load(zoo) if zoo else _model(method, config)
    return model, np.float32(_pictures((batch_size, model.image_size, model.image_size, 3), 0) / 127.5 - 1)


def batches(image_size, batch_size, count, *, threads):
    """The next `count` batches of `ki.data.unpaired`, shuffled and augmented, of pictures in memory."""
    import itertools

    import keras_i2i as ki
    from keras_i2i.core import backend

    backend.limit_threads(threads)
    a, b = (_pictures((256, image_size, image_size, 3), seed) for seed in (0, 1))
    data = iter(ki.data.unpaired(a, b, image_size=image_size, batch_size=batch_size, steps=10**6))

    def work():
        for batch in itertools.islice(data, count):
            for images in batch.values():
                images.numpy()

    return work


def process(code):
    """A fresh Python process, which prints its seconds; the first ones write the bytecode."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def work():
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return float(done.stdout.split()[-1])

    return work


def workers(method, config, batch_size, *, cores, ports, index=0):
    """A training step shared by as many workers as there are cores, each on its own; the first starts the others."""
    os.sched_setaffinity(0, {cores[index]})
    others = []
    if index == 0:
        case = dict(method=method, config=config, batch_size=batch_size, cores=cores, ports=ports)
        for other in range(1, len(cores)):
            command = turns.worker("workers", **case, index=other)
            others.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    if len(cores) > 1:
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})

    import tensorflow as tf

    from keras_i2i.training import strategies

    tf.config.threading.set_intra_op_parallelism_threads(1)
    team = strategies.make("multiworker" if len(cores) > 1 else "one")
    with team.scope():
        model = _model(method, config)
        model.compile(jit_compile=False)
    step = _step(model, _batches(model, batch_size * len(cores)))
    for one in others:
        one.stdout.readline()  # it is ready

    def work():
        for one in others:
            one.stdin.write("go\n")
            one.stdin.flush()
        step()
        for one in others:
            one.stdout.readline()

    return work


FUNCTIONS = (train, product, translate, network, savedmodel, batches, process, workers)
KINDS = {function.__name__: function for function in FUNCTIONS}


def main():
    """Serves the case of the command line."""
    case = json.loads(sys.argv[1])
    # Further workers step when the first does, from its first warm step on.
    options = {"warm": 0 if case.get("index") else 3, "again": case.pop("again", 0), "repeat": case.pop("repeat", 1)}
    kind = case.pop("kind")
    if kind != "process":  # which measures the imports of others
        import keras_i2i.methods  # noqa: F401  # and Keras, and TensorFlow
    imports = turns.peak_bytes()
    turns.serve(KINDS[kind](**case), **options, imports=imports)


if __name__ == "__main__":
    main()
