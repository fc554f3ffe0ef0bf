"""The one seam between Keras's backends: gradients, replicas and compiled inference.

Everything else in a method is `keras.ops`. `tensorflow` and `torch` are imported inside the functions, so that a
machine with PyTorch alone can train.
"""

import keras


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
    raise NotImplementedError(
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


def compiled_inference(function):
    """Wraps a function of tensors for repeated calls without gradients: a graph on TensorFlow, `no_grad` on PyTorch.

    The result takes and returns NumPy arrays. Variables are read at each call, so later training shows.
    """
    if is_tensorflow():
        import tensorflow as tf

        graph = tf.function(function, reduce_retracing=True)
        return lambda array: graph(tf.constant(array)).numpy()

    def run(array):
        def forward():
            return keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(array)))

        return update(forward)

    return run
