"""Networks that keep float32 where the others run in half precision."""

import contextlib

import keras


@contextlib.contextmanager
def float32(needed=True):
    """Layers made within the context run in float32, whatever the global policy is.

    A critic under a gradient penalty needs it: the gradient of a gradient overflows float16 soon.

    Args:
        needed: False to leave the policy as it is.
    """
    before = keras.config.dtype_policy()
    if needed:
        keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
