"""Settings of Keras's optimizers that mean another thing on several replicas: clipping, and accumulation."""

from keras import ops

from keras_i2i.core import backend


def check(player, optimizer, replicas):
    """Raises ValueError for what an optimizer cannot do on several replicas.

    Args:
        player: the name of who steps by it.
        optimizer: a `keras.optimizers.Optimizer`.
        replicas: how many.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if replicas == 1:
        return
    if inner.gradient_accumulation_steps:
        raise ValueError(
            f"Under a strategy with {replicas} replicas, {player!r} cannot have gradient_accumulation_steps: make the"
            " batch larger."
        )
    if inner is not optimizer and _bound(inner):
        raise ValueError(
            f"Under a strategy with {replicas} replicas, {player!r} cannot clip gradients of scaled losses: leave out"
            f" {_bound(inner)}, or mixed precision."
        )


def over_replicas(optimizer, gradients):
    """Gradients with which an optimizer that clips steps as on one device: Keras clips each replica's share alone.

    Args:
        optimizer: its `clipnorm`, `global_clipnorm` or `clipvalue` says how.
        gradients: of this replica, a list of tensors or None.

    Returns:
        As `gradients`. On several replicas, an equal share of the clipped sum of all, within the bounds of the
        optimizer, which adds the shares up.
    """
    count, kind = backend.replica_count(), _bound(optimizer)
    if count == 1 or kind is None:
        return gradients
    summed = backend.replica_sum([gradient for gradient in gradients if gradient is not None])
    clipped = iter(clip(summed, kind, getattr(optimizer, kind)))
    return [None if gradient is None else next(clipped) / count for gradient in gradients]


def may_skip(optimizer):
    """Whether an optimizer may leave its weights as they are: where it accumulates gradients, or scales losses."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return inner is not optimizer or bool(inner.gradient_accumulation_steps)


def weight_steps(optimizer):
    """How often an optimizer has changed its weights, a tensor: not by steps that accumulate, or overflowed."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return ops.copy(ops.convert_to_tensor(inner.iterations))


def clip(gradients, kind, bound):
    """Clips as Keras's optimizers do.

    Args:
        gradients: list of tensors.
        kind: "clipnorm" for the Euclidean norm of each, "global_clipnorm" for that of all together, "clipvalue" for
            each number.
        bound: above 0.
    """
    if kind == "clipvalue":
        return [ops.clip(gradient, -bound, bound) for gradient in gradients]
    squares = [ops.sum(ops.square(gradient)) for gradient in gradients]
    if kind == "global_clipnorm":
        squares = [sum(squares)] * len(squares)
    return [
        gradient * (bound / ops.maximum(ops.sqrt(square), bound))
        for gradient, square in zip(gradients, squares, strict=True)
    ]


def _bound(optimizer):
    return next((k for k in ("clipnorm", "global_clipnorm", "clipvalue") if getattr(optimizer, k, None)), None)
