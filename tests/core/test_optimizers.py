"""L2 in the gradient against weight decay beside it, by hand and beside PyTorch."""

import keras
import numpy as np
import pytest

from keras_i2i.core.optimizers import L2Adam
from tests.harness import refused, run_python


def stepped(optimizer, start, *gradients):
    variable = keras.Variable(np.array(start, np.float32))
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient, np.float32))], [variable])
    return keras.ops.convert_to_numpy(variable)


def test_weights_without_a_gradient_move_by_the_learning_rate():
    """Adam's first step is the sign of its gradient; the decoupled decay moves them by 1e-2 * 1e-4 of themselves."""
    zero = [0.0, 0.0]
    np.testing.assert_allclose(stepped(L2Adam(1e-2, l2=1e-4, epsilon=1e-12), [1.0, -2.0], zero), [0.99, -1.99])
    decoupled = keras.optimizers.Adam(1e-2, weight_decay=1e-4, epsilon=1e-12)
    np.testing.assert_allclose(stepped(decoupled, [1.0, -2.0], zero), [1 - 1e-6, -2 + 2e-6], rtol=1e-7)


def test_gradient_and_l2_cancel():
    """To rounding: what is left is far below epsilon."""
    optimizer = L2Adam(1e-2, l2=0.5, epsilon=1e-3)
    np.testing.assert_array_equal(stepped(optimizer, [1.0, -2.0], [-0.5, 1.0]), [1.0, -2.0])


# Two replicas, each with its half of a gradient; the optimizer sums them up.
REPLICAS = """
import keras
import tensorflow as tf
from keras_i2i.core.optimizers import L2Adam

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    variable, optimizer = keras.Variable([1.0, -2.0]), L2Adam(1e-2, l2=0.5, epsilon=1e-3)
    optimizer.build([variable])
strategy.run(tf.function(lambda: optimizer.apply([tf.constant([-0.25, 0.0])], [variable])))
print(*keras.ops.convert_to_numpy(variable))
"""


def test_replicas_add_it_once():
    """As one device with the whole gradient: the first weight stays, the second goes towards 0."""
    expected = stepped(L2Adam(1e-2, l2=0.5, epsilon=1e-3), [1.0, -2.0], [-0.5, 0.0])
    assert expected[0] == 1 and expected[1] > -1.995
    found = [float(word) for word in run_python(REPLICAS).split()]
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_variables_without_a_gradient_stay():
    one, other = keras.Variable([1.0]), keras.Variable([1.0])
    optimizer = L2Adam(1e-2, l2=1.0)
    optimizer.build([one, other])
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([keras.ops.convert_to_tensor([0.0]), None], [one, other])
    assert float(one[0]) < 1 and float(other[0]) == 1


def test_config_round_trip():
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(L2Adam(1e-2, l2=3e-4, beta_1=0.5))
    )
    assert type(again) is L2Adam and again.l2 == 3e-4 and again.beta_1 == 0.5
    with refused(ValueError, match="l2 must be 0 or more, got -1"):
        L2Adam(l2=-1)


@pytest.mark.torch
def test_steps_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=7), rng.normal(scale=0.1, size=(5, 7))
    weights = torch.nn.Parameter(torch.tensor(start, dtype=torch.float32))
    theirs = torch.optim.Adam([weights], lr=1e-2, betas=(0.5, 0.999), eps=1e-8, weight_decay=0.1)
    for gradient in gradients:
        weights.grad = torch.tensor(gradient, dtype=torch.float32)
        theirs.step()
    ours = stepped(L2Adam(1e-2, l2=0.1, beta_1=0.5, epsilon=1e-8), start, *gradients)
    np.testing.assert_allclose(ours, weights.detach().numpy(), rtol=0, atol=2e-6)
