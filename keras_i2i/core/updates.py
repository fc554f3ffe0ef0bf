"""How an optimizer's step goes through memory."""

import contextlib

from keras_i2i.core import backend


@contextlib.contextmanager
def one_by_one(optimizer):
    """A context in which each large variable's update by any optimizer is compiled into one pass over memory."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    own = inner.update_step

    def update_step(gradient, variable, learning_rate):
        backend.in_one_pass(lambda g, rate: own(g, variable, rate), gradient, learning_rate)

    inner.update_step = update_step
    try:
        yield
    finally:
        del inner.update_step
