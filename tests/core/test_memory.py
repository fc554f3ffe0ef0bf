"""Models that are trained and dropped leave nothing behind."""

import gc
import weakref

from tensorflow.python.framework.func_graph import FuncGraph

from tests.methods.test_xgan import CASE as XGAN


def trained(case, **settings):
    """Trains and evaluates a model, drops it, and returns a weak reference to it and how many graphs there are."""
    model = case.compiled(**settings)
    data = case.data(model)
    model.fit(data, verbose=0)
    model.evaluate(data, verbose=0)
    reference = weakref.ref(model)
    del model
    gc.collect()
    return reference, sum(type(kept) is FuncGraph for kept in gc.get_objects())


def test_graphs_go_with_their_model():
    """Also those in which our own operations' gradients are, of second order too, which TensorFlow would keep."""
    _, before = trained(XGAN, gradient_penalty=1.0)
    dropped, after = trained(XGAN, gradient_penalty=1.0)
    assert dropped() is None and after == before
