"""How an optimizer's step goes through memory."""

from keras_i2i.core import backend


def compile_each(optimizer):
    """Lets an optimizer, whichever it is, update each large variable in one compiled pass over memory."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if "update_step" in vars(inner):
        return  # it was compiled with before
    own = inner.update_step

    def update_step(gradient, variable, learning_rate):
        backend.in_one_pass(lambda g, rate: own(g, variable, rate), gradient, learning_rate)

    inner.update_step = update_step
