"""The one seam between Keras's backends: gradients, replicas and compiled inference.

Everything else in a method is `keras.ops`. `tensorflow` and `torch` are imported inside the functions, so that a
machine with PyTorch alone can train.
"""

import concurrent.futures
import contextlib
import contextvars
import functools
import math

import keras

# Whether what is traced now is run by this process alone, and not written to a file for others.
_at_home = contextvars.ContextVar("at_home", default=False)
_plain = contextvars.ContextVar("plain", default=False)
_leaving = contextvars.ContextVar("leaving", default=None)
LARGE = 2**20  # values of one sample in inference from which on compiling pays
SOME = 2**16  # values of a variable from which on compiling its update does


def is_tensorflow():
    """Whether Keras runs on TensorFlow in this process."""
    return keras.backend.backend() == "tensorflow"


def is_torch():
    """Whether Keras runs on PyTorch in this process."""
    return keras.backend.backend() == "torch"


def player_gradients(forward, variables):
    """Runs one forward pass and differentiates several losses, each with respect to its own variables.

    Args:
        forward: function without arguments that returns `(losses, auxiliary)`, where `losses` maps a player's name to
            a scalar tensor.
        variables: maps a player's name to the list of `keras.Variable`s that it may change.

    Returns:
        `(gradients, auxiliary)`: `gradients` maps each player to a list as long as its variables, with None where
        the loss does not depend on a variable.

    Raises:
        NotImplementedError: on a backend other than TensorFlow and PyTorch.
    """
    if is_tensorflow():
        import tensorflow as tf

        with tf.GradientTape(persistent=len(variables) > 1) as tape:
            losses, auxiliary = forward()
        return {name: tape.gradient(losses[name], own) for name, own in variables.items()}, auxiliary
    if is_torch():
        import torch

        losses, auxiliary = forward()
        gradients = {
            name: torch.autograd.grad(
                losses[name], [variable.value for variable in own], retain_graph=True, allow_unused=True
            )
            for name, own in variables.items()
        }
        return {name: list(own) for name, own in gradients.items()}, auxiliary
    raise _untrainable()


def input_gradient(function, x):
    """The gradient of a critic's output with respect to its input, for penalties: it can be differentiated again.

    Args:
        function: from a tensor (N, ...) to a tensor (N, ...) whose sample i depends on sample i of the input alone.
        x: float tensor (N, ...), taken as constant.

    Returns:
        Tensor of the shape of `x`: for each sample the gradient of the sum of its own outputs.

    Raises:
        NotImplementedError: on a backend other than TensorFlow and PyTorch.
    """
    if is_tensorflow():
        import tensorflow as tf

        x = tf.stop_gradient(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)
    if is_torch():
        import torch

        with torch.enable_grad():  # also where losses are only evaluated
            x = x.detach().requires_grad_()
            return torch.autograd.grad(function(x).sum(), x, create_graph=True)[0]
    raise _untrainable()


def fused(forward, backward):
    """A function with a gradient of its own, each compiled into few passes over memory.

    TensorFlow's graphs go through memory once an operation, and some gradients of theirs (of slices, of mirrored
    borders) run on one core; XLA's convolutions are slow on CPUs. So XLA is given what lies between two convolutions.

    Args:
        forward: from tensors to `(result, kept)`, a tensor and a tuple of tensors; `keras.ops` only.
        backward: from the result's gradient, the tensors, the result and what was kept to the tensors' gradients, as a
            tuple.

    Returns:
        Function from the tensors to the result; on other backends than TensorFlow the plain one, whose gradient the
        backend finds itself. It can be differentiated twice.
    """
    if not is_tensorflow():
        return lambda *tensors: forward(*tensors)[0]
    import tensorflow as tf

    compiled = {own: jitted(own) for own in (forward, backward)}

    @tf.custom_gradient
    def function(*tensors):
        result, kept = compiled[forward](*tensors)

        @tf.custom_gradient
        def first(gradient, *tensors):
            def second(*upstream):  # for penalties: what is differentiated is computed anew, by TensorFlow's gradients
                with tf.GradientTape() as outer:
                    outer.watch([gradient, *tensors])
                    with tf.GradientTape() as inner:
                        inner.watch(tensors)
                        again = forward(*tensors)[0]
                    gradients = inner.gradient(again, tensors, gradient)
                return outer.gradient(gradients, [gradient, *tensors], upstream, unconnected_gradients="zero")

            return compiled[backward](gradient, tensors, result, kept), second

        return result, lambda gradient: first(gradient, *tensors)

    return lambda *tensors: function(*map(tf.convert_to_tensor, tensors))  # variables would have to be named


def jitted(function):
    """A function of nested tensors, compiled by XLA into few passes over memory; no gradient goes through it. On other
    backends than TensorFlow as it is.
    """
    if not is_tensorflow():
        return function
    import tensorflow as tf

    @functools.cache
    def concrete(specs):  # a tf.function would warn of its many shapes
        together = tf.function(lambda arguments: function(*arguments), jit_compile=True, autograph=False)
        return together.get_concrete_function(specs)

    def compiled(*arguments):
        # Else a compiled function returns all of its intermediate values for the tape.
        constant = tf.nest.map_structure(tf.stop_gradient, arguments)
        specs = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), constant)
        return concrete(specs)(constant)

    return compiled


def with_gradient(forward, backward):
    """A function of tensors with a gradient that is computed in another way than TensorFlow would.

    Args:
        forward: from tensors to one.
        backward: from the result's gradient and the tensors to the tensors' gradients, as a tuple.

    Returns:
        The function; on other backends than TensorFlow `forward` itself. It can be differentiated twice if `backward`
        can be once.
    """
    if not is_tensorflow():
        return forward
    import tensorflow as tf

    @tf.custom_gradient
    def function(*tensors):
        return forward(*tensors), lambda gradient: backward(gradient, *tensors)

    return lambda *tensors: function(*map(tf.convert_to_tensor, tensors))


def pullback(function, tensors, gradient):
    """On TensorFlow, the gradients of a function's tensors, given its result's. In a graph, where they do not need the
    result, it is not computed.
    """
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(tensors)
        result = function(*tensors)
    return tape.gradient(result, tensors, gradient)


def fuses(x, training):
    """Whether a layer is to compute on `x` (N, ...) by `fused`: in training, and in `translate` where `x` is large.

    What is exported consists of plain operations, and small networks answer at once, without compiling.
    """
    large_at_home = _at_home.get() and math.prod(x.shape[1:]) >= LARGE
    return is_tensorflow() and not _plain.get() and (training or large_at_home)


@contextlib.contextmanager
def plainly():
    """A context in which layers compute by plain operations, for what is run once: compiling would take longer."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


@contextlib.contextmanager
def leaving():
    """A context of tracing and writing what others will run, in which layers may have their weights `recast`."""
    token = _leaving.set({})
    try:
        yield
    finally:
        _leaving.reset(token)


def recast(variable, transform):
    """Within `leaving`, a variable of what a function makes of another variable, made once for all graphs; else None.

    It is what the file has in place of the other, by which its runtime computes the same faster. It goes with the
    context.
    """
    made = _leaving.get()
    if made is None:
        return None
    if id(variable) not in made:
        import tensorflow as tf

        with tf.init_scope():
            made[id(variable)] = tf.Variable(transform(variable.value), trainable=False)
    return made[id(variable)]


def depth_to_space(x, size):
    """On TensorFlow, (N, H, W, size^2 C) as (N, size H, size W, C); `ops.depth_to_space` is not in Keras 3.12."""
    import tensorflow as tf

    return tf.nn.depth_to_space(x, size)


@contextlib.contextmanager
def forgetting_graphs():
    """A context after which TensorFlow forgets the gradients that `tf.custom_gradient` has registered in it, by a name
    each and for good, and with them the graphs that they were traced in. What was compiled there works on; it can no
    longer be differentiated.
    """
    registered = {}
    if is_tensorflow():
        from tensorflow.python.framework import ops

        registered = getattr(getattr(ops, "gradient_registry", None), "_registry", registered)
    before = set(registered)
    try:
        yield
    finally:
        for name in [name for name in registered if name.startswith("CustomGradient-") and name not in before]:
            del registered[name]


def in_one_pass(function, *tensors):
    """Calls `function(*tensors)`, which changes a variable of that shape and returns nothing.

    Optimizers of Keras go through memory once an operation. On CPUs, in a step that XLA does not compile as a whole,
    the update of a large variable is therefore compiled by itself; all together would hold all of their new values
    beside the old ones.
    """
    if is_tensorflow():
        import tensorflow as tf

        dense = not any(isinstance(tensor, tf.IndexedSlices) for tensor in tensors)
        large = dense and math.prod(tensors[0].shape) >= SOME
        # Of several replicas, each updates its own variables outside of the replicas' common context.
        alone = replica_count() == 1 or tf.distribute.get_replica_context() is None
        if large and on_cpu() and tf.inside_function() and alone:
            tensors = map(tf.convert_to_tensor, tensors)  # it takes no Keras variables
            function = tf.function(function, jit_compile=True, autograph=False)
    function(*tensors)


def only_if(condition, function, variables, *, branch):
    """Calls `function`, which changes `variables` and nothing else; where the condition is False they keep every bit.

    Args:
        condition: boolean scalar tensor, equal on all replicas.
        function: without arguments.
        variables: list of all that it may change.
        branch: whether a conditional may be compiled. Otherwise all is computed, and the old values are selected: XLA
            fuses that, and a collective inside of a conditional is refused by `tf.distribute`.
    """
    if is_torch():
        if bool(condition):
            function()
    elif is_tensorflow() and branch and replica_count() == 1:
        import tensorflow as tf

        def taken():
            function()
            return tf.constant(0)

        tf.cond(condition, taken, lambda: tf.constant(0))
    else:
        before = [keras.ops.copy(keras.ops.convert_to_tensor(variable)) for variable in variables]
        function()
        assign(variables, [keras.ops.where(condition, v, old) for v, old in zip(variables, before, strict=True)])


def on_cpu():
    """Whether TensorFlow computes here, and has nothing but processors: what is slow there is then done another way."""
    if not is_tensorflow():
        return False
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU")


def limit_threads(count):
    """Lets TensorFlow, before it computes, use `count` threads an operation, and as many operations at a time."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)


def values_of(gradient):
    """The numbers of a gradient, also of one that TensorFlow gives for the looked-up rows of an embedding alone."""
    if is_tensorflow():
        import tensorflow as tf

        if isinstance(gradient, tf.IndexedSlices):
            return gradient.values
    return gradient


def _untrainable():
    return NotImplementedError(
        f"Training runs on Keras's tensorflow and torch backends, not on {keras.backend.backend()!r}: "
        "set KERAS_BACKEND before importing keras."
    )


def update(function):
    """Runs `function` (optimizer and state updates) outside of the recorded graph of a backend that records always."""
    if is_torch():
        import torch

        with torch.no_grad():
            return function()
    return function()


def replica_count():
    """How many replicas share the current step (1 without a `tf.distribute` strategy)."""
    if is_tensorflow():
        import tensorflow as tf

        return tf.distribute.get_strategy().num_replicas_in_sync
    return 1


def replica_place():
    """Which of the replicas of the current step this is, an int32 scalar; None where there is one, or no step."""
    if replica_count() == 1:
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return None if context is None else context.replica_id_in_sync_group


def replica_scope(model):
    """The context in which a model's variables are made: the scope of its `tf.distribute` strategy, if any."""
    return model.distribute_strategy.scope() if is_tensorflow() else contextlib.nullcontext()


def outside_scope(function, *args, **options):
    """Calls a function where no strategy's scope holds, though this be in one, and returns what it returns.

    What one worker does alone must make no variable in a scope: those of `MultiWorkerMirroredStrategy` are broadcast,
    which waits for the other workers for ever. Keras makes some even to save weights (an optimizer, to compare with).
    """
    if not is_tensorflow():
        return function(*args, **options)
    with concurrent.futures.ThreadPoolExecutor(1) as thread:  # scopes are a thread's own
        return thread.submit(function, *args, **options).result()


def step_logs(logs):
    """What a compiled step returns of its logs: Keras averages those of workers over an axis, which scalars lack."""
    if is_tensorflow():
        import tensorflow as tf

        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            return {name: keras.ops.reshape(value, (1,)) for name, value in logs.items()}
    return logs


def replica_mean(value):
    """Within a step, the mean of a scalar over the replicas; the value itself on one device and outside of steps."""
    if replica_count() == 1:
        return value
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return value if context is None else context.all_reduce(tf.distribute.ReduceOp.MEAN, value)


def replica_sum(tensors):
    """Within a step, the sums of tensors over the replicas; gradients of looked-up rows become whole ones."""
    import tensorflow as tf

    whole = [tf.convert_to_tensor(tensor) for tensor in tensors]
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, whole)


def assign(variables, values):
    """Within a step, assigns values that are equal on all replicas; networks' variables take none otherwise."""
    if replica_count() == 1:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return
    import tensorflow as tf

    def merged(strategy, values):
        for variable, value in zip(variables, values, strict=True):
            strategy.extended.update(variable.value, lambda own, new: own.assign(new), args=(value,), group=False)

    tf.distribute.get_replica_context().merge_call(merged, args=(values,))


def argmax(x):
    """The place of the largest value on the last axis, int32.

    On TensorFlow its own, which TFLite has; that of Keras tells -0.0 from 0.0 by its bits, which TFLite cannot.
    """
    if is_tensorflow():
        import tensorflow as tf

        return tf.argmax(x, axis=-1, output_type="int32")
    return keras.ops.cast(keras.ops.argmax(x, axis=-1), "int32")


def compiled_inference(function):
    """Wraps a function of tensors for repeated calls without gradients: a graph on TensorFlow, `no_grad` on PyTorch.

    The result takes NumPy arrays and returns one. Variables are read at each call, so later training shows.
    """
    if is_tensorflow():
        import tensorflow as tf

        def at_home(*tensors):
            token = _at_home.set(True)
            try:
                return function(*tensors)
            finally:
                _at_home.reset(token)

        graph = tf.function(at_home, reduce_retracing=True)
        return lambda *arrays: graph(*map(tf.constant, arrays)).numpy()

    def run(*arrays):
        def forward():
            return keras.ops.convert_to_numpy(function(*map(keras.ops.convert_to_tensor, arrays)))

        return update(forward)

    return run
