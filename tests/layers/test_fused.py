"""What is compiled by XLA in training has the values and the gradients, the second ones too, of the plain layer."""

import keras
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow alone computes these in another way", allow_module_level=True)

from keras_i2i.core import backend  # noqa: E402
from keras_i2i.layers import convolution, dense, winograd  # noqa: E402
from keras_i2i.layers.convolution import Conv2D, Conv2DTranspose  # noqa: E402
from keras_i2i.layers.normalization import GroupNorm  # noqa: E402
from keras_i2i.layers.padding import ReflectionPadding2D  # noqa: E402

LAYERS = {
    "instance": lambda: GroupNorm(16, affine=False),
    "instance, relu": lambda: GroupNorm(16, affine=False, slope=0.0),
    "group, leaky relu": lambda: GroupNorm(4, slope=0.2),
    "group": lambda: GroupNorm(4),
    "group without weights": lambda: GroupNorm(4, affine=False),
    "reflection": lambda: ReflectionPadding2D(1),
    "wide reflection": lambda: ReflectionPadding2D(3),
    "wide": lambda: Conv2D(7, 3),
    "few channels": lambda: Conv2D(3, 5, activation="tanh"),
    "few channels, transposed": lambda: Conv2DTranspose(3, 4, 2, "same", activation="tanh"),
    "few channels, transposed, without bias": lambda: Conv2DTranspose(1, 4, 2, "same", use_bias=False),
    "from few channels": lambda: Conv2D(5, 4, 2, "same", activation="tanh"),
    "few channels, other sides": lambda: Conv2D(2, (3, 1), use_bias=False),
}


def derivatives(layer, x, training):
    """The output, the gradients of a loss, and the gradients of the first of them."""
    rng = np.random.default_rng(1)
    weights = [variable.value for variable in layer.trainable_variables]

    @tf.function
    def run(x):
        with tf.GradientTape() as second:
            second.watch(x)
            with tf.GradientTape() as first:
                first.watch(x)
                y = layer(x, training=training)
                loss = tf.reduce_sum(tf.sin(y) * tf.constant(rng.normal(size=y.shape).astype(np.float32)))
            gradients = first.gradient(loss, [x, *weights])
            again = tf.reduce_sum(tf.sin(gradients[0]) * tf.constant(rng.normal(size=x.shape).astype(np.float32)))
        return y, *gradients, *second.gradient(again, [x, *weights], unconnected_gradients="zero")

    return run(x)


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_training_computes_the_plain_layer(make, monkeypatch):
    monkeypatch.setattr(convolution, "MANY", 1)
    monkeypatch.setattr(convolution, "FEW", 16)
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(2, 3, (4, 10, 14, 16)).astype(np.float32))
    layer = make()
    layer.build(x.shape)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    assert not isinstance(layer, Conv2D) or layer._faster(x, True)
    for plain, fused in zip(derivatives(layer, x, False), derivatives(layer, x, True), strict=True):
        np.testing.assert_allclose(fused, plain, rtol=2e-4, atol=2e-5 * np.abs(plain).max() + 1e-7)


def test_second_gradient_of_a_norm_is_the_slope_of_the_first():
    """A mean held constant in the variance has the same first gradient, and another second one."""
    rng = np.random.default_rng(3)
    layer = GroupNorm(4)
    layer.build((4, 8, 10, 16))
    x, g, h, d = (tf.constant(rng.normal(size=(4, 8, 10, 16)).astype(np.float32)) for _ in range(4))

    def first(x, training):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x, training=training)) * g)
        return tape.gradient(loss, x)

    slope = float(tf.reduce_sum((first(x + 1e-2 * d, False) - first(x - 1e-2 * d, False)) * h)) / 2e-2
    for training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(first(x, training) * h)
        assert float(tf.reduce_sum(tape.gradient(total, x) * d)) == pytest.approx(slope, rel=2e-3)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_normalises_in_float32(dtype):
    layer = GroupNorm(4, slope=0.0, dtype=dtype)
    x = tf.constant(np.random.default_rng(0).normal(300, 1, (2, 8, 8, 16)), tf.float16)
    layer.build(x.shape)
    plain, fused = layer(x, training=False), layer(x, training=True)
    assert plain.dtype == fused.dtype == layer.compute_dtype
    np.testing.assert_allclose(tf.cast(fused, "float32"), tf.cast(plain, "float32"), atol=0.05)


AT_HOME = {
    "winograd": (lambda: Conv2D(24, 3), (6, 14)),
    "winograd with bias": (lambda: Conv2D(5, 3, activation="relu", bias_initializer="normal"), (10, 6)),
    "other sides": (lambda: Conv2D(5, 3), (6, 8)),
    "half precision": (lambda: Conv2D(5, 3, dtype="mixed_bfloat16"), (6, 10)),
    "norm": (lambda: GroupNorm(4, slope=0.2), (6, 10)),
    "reflection": (lambda: ReflectionPadding2D(2), (6, 10)),
}


@pytest.mark.parametrize("make, size", AT_HOME.values(), ids=AT_HOME)
def test_large_maps_are_compiled_in_inference_alone(make, size, monkeypatch):
    x = np.random.default_rng(0).normal(size=(3, *size, 16)).astype(np.float32)
    layer = make()
    layer.build(x.shape)
    monkeypatch.setattr(convolution, "MANY", 5)
    taken = []
    for module, name in ((winograd, "convolution"), (backend, "fused")):
        own = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *args, own=own: taken.append(own) or own(*args))
    plain = keras.ops.convert_to_numpy(layer(x))
    run = backend.compiled_inference(layer)
    assert run(x).dtype == plain.dtype and not taken
    monkeypatch.setattr(backend, "LARGE", 1)
    compiled = backend.compiled_inference(layer)
    for count in (3, 1):
        found = np.asarray(compiled(x[:count]), np.float32)
        np.testing.assert_allclose(found, np.asarray(plain[:count], np.float32), rtol=0, atol=2e-5)
    if isinstance(layer, Conv2D):
        assert bool(taken) == (size[1] % 4 == 2 and layer.compute_dtype == "float32")
    assert layer(x) is not None and len(taken) <= 2, "what is not run at home is plain"


@pytest.mark.parametrize("size", [3, 4, 5])
@pytest.mark.parametrize("sides", [(1, 1), (5, 6)])
def test_what_leaves_has_transposed_convolutions_in_another_form(size, sides):
    x = tf.constant(np.random.default_rng(0).normal(size=(2, *sides, 6)).astype(np.float32))
    layer = Conv2DTranspose(5, size, 2, "same", activation="tanh", bias_initializer="random_normal")
    expected = layer(x)
    with backend.leaving():
        function = tf.function(lambda x: layer(x)).get_concrete_function(tf.TensorSpec((None, None, None, 6)))
        twice = tf.function(lambda x: layer(x)).get_concrete_function(x)
        graph = {node.type for node in function.graph.get_operations()}
        assert "Conv2D" in graph and "Conv2DBackpropInput" not in graph
        np.testing.assert_allclose(function(x), expected, rtol=0, atol=1e-6)
        kernels = [{v.ref() for v in own.variables} - {layer.bias.value.ref()} for own in (function, twice)]
        assert len(kernels[0]) == 1 and kernels[0] == kernels[1], "one new kernel, and the layer's own is not there"
        before = np.asarray(function(x))
        layer.kernel.assign(2 * layer.kernel)
        np.testing.assert_array_equal(function(x), before)
    assert not np.allclose(layer(x), before), "elsewhere the layer has its own kernel"


@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 4, "padding": "valid"}, {"output_padding": 1}])
def test_other_transposed_convolutions_leave_as_they_are(options):
    layer = Conv2DTranspose(**{"filters": 2, "kernel_size": 4, "strides": 2, "padding": "same", **options})
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32))
    expected = layer(x)
    with backend.leaving():
        function = tf.function(lambda x: layer(x)).get_concrete_function(x)
    assert "Conv2DBackpropInput" in {node.type for node in function.graph.get_operations()}
    np.testing.assert_allclose(function(x), expected, rtol=0, atol=1e-6)


def test_what_is_exported_is_plain(monkeypatch):
    from keras_i2i.methods.cyclegan import CycleGAN

    monkeypatch.setattr(backend, "LARGE", 1)
    model = CycleGAN(image_size=32, filters=4, blocks=1, discriminator_filters=4, seed=0)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)

    def compiles(function):
        graph = function.get_concrete_function(tf.TensorSpec((None, 32, 32, 3), tf.float32)).graph
        return any("_XlaMustCompile" in own.attr for own in graph.as_graph_def().library.function)

    exported = tf.function(model.export_signatures()["serving_default"])
    assert not compiles(exported)
    np.testing.assert_allclose(model.translate(x), exported(x), rtol=0, atol=1e-5)
    assert not compiles(tf.function(model.export_signatures()["serving_default"]))


@pytest.mark.parametrize(
    "results, taps, points",
    [(4, 3, winograd.POINTS), (2, 3, (0, 1, -1)), (3, 2, (0.0, 1.0, -1.0)), (4, 2, (0.0, 1.0, -1.0, 2.0))],
)
def test_minimal_filtering_is_a_correlation(results, taps, points):
    at, g, bt = winograd.matrices(results, taps, points)
    rng = np.random.default_rng(0)
    signal, kernel = rng.normal(size=results + taps - 1), rng.normal(size=taps)
    expected = np.correlate(signal, kernel, "valid")
    np.testing.assert_allclose(at @ ((g @ kernel) * (bt @ signal)), expected, rtol=0, atol=1e-12)


def test_rounding_stays_near_that_of_a_direct_convolution():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, 18, 18, 128)), rng.normal(size=(3, 3, 128, 128)) / 34
    exact = tf.nn.conv2d(x, kernel, 1, "VALID")
    x, kernel = tf.constant(x, tf.float32), tf.constant(kernel, tf.float32)
    direct, fast = tf.nn.conv2d(x, kernel, 1, "VALID"), winograd.convolution()(x, kernel)
    errors = [np.std(y.numpy() - exact) / np.std(exact) for y in (direct, fast)]
    assert errors[0] < errors[1] < 8 * errors[0] and errors[1] < 2e-6


def test_a_wide_convolution_computes_outside_of_a_graph_too(monkeypatch):
    monkeypatch.setattr(convolution, "MANY", 1)
    layer = Conv2D(5, 3)
    x = np.random.default_rng(0).normal(size=(2, 6, 10, 4)).astype(np.float32)
    np.testing.assert_allclose(layer(x, training=True), layer(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", [lambda: dense.Dense(5, activation="tanh"), lambda: dense.Dense(3, use_bias=False)])
def test_large_dense_layers_compute_the_plain_layer(make, monkeypatch):
    monkeypatch.setattr(dense, "LARGE", 1)
    layer = make()
    x = tf.constant(np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32))
    layer.build(x.shape)
    for plain, fast in zip(derivatives(layer, x, False), derivatives(layer, x, True), strict=True):
        np.testing.assert_allclose(fast, plain, rtol=1e-5, atol=1e-6)
