"""Loss terms against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from keras_i2i.losses import adversarial, classification, gradient_penalty, reconstruction, smoothness, wasserstein

ROWS = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
ZERO = np.zeros((2, 2), np.float32)


def test_undecided_logits():
    zero = np.zeros((3, 1), np.float32)
    np.testing.assert_allclose(adversarial.generator_loss(zero), [np.log(2)] * 3, rtol=1e-6)
    np.testing.assert_allclose(adversarial.discriminator_loss(zero, zero), [2 * np.log(2)] * 3, rtol=1e-6)


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_binary_cross_entropy_is_the_softplus(target):
    logits = np.array([[-30.0], [-1.0], [0.5], [30.0]], np.float32)
    expected = np.logaddexp(0, np.where(target, -logits, logits).astype(np.float64))[:, 0]
    np.testing.assert_allclose(adversarial.binary_cross_entropy(logits, target), expected, rtol=1e-5, atol=1e-7)


def test_patch_logits_are_averaged_per_sample():
    logits = np.array([[0.0, 0.0], [50.0, 0.0]], np.float32).reshape(2, 1, 2, 1)
    np.testing.assert_allclose(adversarial.generator_loss(logits), [np.log(2), np.log(2) / 2], rtol=1e-6)


def test_generator_gradient_does_not_saturate():
    """Where the discriminator is sure of a fake, d BCE(D, 1) / d logit is -1, not 0."""
    logits = tf.constant([[-20.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = adversarial.generator_loss(logits)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[-1.0]], atol=1e-6)


def test_accuracy_is_the_mean_of_both_classes():
    real, fake = np.array([[2.0], [1.0], [-1.0], [3.0]]), np.array([[-1.0], [1.0], [0.0], [2.0]])
    assert float(adversarial.accuracy(real, fake)) == (0.75 + 0.5) / 2
    assert float(adversarial.accuracy(ZERO, ZERO)) == 0.5


def test_per_sample_averages_all_but_the_first_axis():
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
    np.testing.assert_allclose(adversarial.per_sample(values), [5.5, 17.5])
    np.testing.assert_allclose(adversarial.per_sample(np.array([1.0, 2.0], np.float32)), [1, 2])


def test_distances():
    np.testing.assert_allclose(reconstruction.l1(ROWS, ZERO), [3.5, 0])
    np.testing.assert_allclose(reconstruction.l2_norm(ROWS, ZERO), [5, 0], atol=2e-6)
    np.testing.assert_allclose(reconstruction.mean_squared(ROWS, ZERO), [12.5, 0])
    np.testing.assert_allclose(reconstruction.cosine_distance(ROWS, 7 * ROWS), [0, 1], atol=1e-6)
    np.testing.assert_allclose(reconstruction.cosine_distance(ROWS, -ROWS)[0], 2, atol=1e-6)


def test_cross_entropy_of_one_label_and_of_many():
    logits = np.log([[1.0, 1.0, 2.0], [1.0, 2.0, 5.0]]).astype(np.float32)
    np.testing.assert_allclose(classification.cross_entropy(logits, 2), [np.log(2), np.log(8 / 5)], rtol=1e-5)
    np.testing.assert_allclose(classification.cross_entropy(logits, np.array([0, 1])), [np.log(4)] * 2, rtol=1e-5)
    zeros = np.zeros((2, 3), np.float16)
    np.testing.assert_allclose(classification.cross_entropy(zeros, 0), [np.log(3)] * 2, rtol=1e-6)


def test_total_variation_of_a_constant_image_and_of_one_of_four_pixels():
    """|1 - 0| and |4 - 2| to the right, |2 - 0| and |4 - 1| down."""
    square = np.array([[0.0, 1.0], [2.0, 4.0]], np.float32)
    shown = np.stack([np.full((2, 2, 3), 0.7, np.float32), np.repeat(square[..., None], 3, axis=-1)])
    np.testing.assert_allclose(smoothness.total_variation(shown), [0, (1 + 2) / 2 + (2 + 3) / 2], rtol=1e-6)


@pytest.mark.parametrize(
    "distance",
    [reconstruction.l1, reconstruction.l2_norm, reconstruction.mean_squared, reconstruction.cosine_distance],
)
def test_gradients_are_finite_where_both_are_equal(distance):
    x = tf.constant(ROWS)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = distance(x, ROWS)
    assert np.isfinite(tape.gradient(value, x)).all()


def test_gradient_penalty_of_a_linear_and_of_a_quadratic_critic():
    """The gradient of w.x is w everywhere, that of |x|^2 / 2 is x; the penalty of w changes by w."""
    w, x = tf.Variable([[3.0], [4.0]]), tf.constant(ROWS)
    with tf.GradientTape() as tape:
        linear = gradient_penalty.zero_centered(lambda x: x @ w, x)
        total = tf.reduce_mean(linear)
    np.testing.assert_allclose(linear, [12.5, 12.5])
    np.testing.assert_allclose(tape.gradient(total, w), w)
    images = tf.reshape(x, (2, 1, 2, 1))
    np.testing.assert_allclose(gradient_penalty.zero_centered(lambda x: x**2 / 2, images), [12.5, 0])


def test_gradient_penalty_is_float32_where_the_critic_is_not():
    x = tf.constant([[300.0, 0.0]], tf.float16)
    assert gradient_penalty.zero_centered(lambda x: x**2 / 2, x).dtype == "float32"
    np.testing.assert_allclose(gradient_penalty.zero_centered(lambda x: x**2 / 2, x), [45000.0])


def test_wasserstein_terms_of_critic_and_generator():
    """The critic wants real logits up and generated ones down, the generator its own up; maps are averaged."""
    real, fake = np.array([[1.0, 3.0], [5.0, 5.0]], np.float16), np.array([[4.0, 4.0], [1.0, 0.0]], np.float16)
    np.testing.assert_allclose(wasserstein.critic_loss(real, fake), [2, -4.5])
    np.testing.assert_allclose(wasserstein.generator_loss(fake), [-4, -0.5])
    assert wasserstein.critic_loss(real, fake).dtype == "float32"


def test_one_centered_penalty_of_a_linear_critic():
    """It is (5 - 1)^2 = 16 for w = (3, 4) and any data, and w = 0 has the penalty 1 and a finite gradient."""
    x, y, alpha = tf.constant(ROWS), tf.constant(ROWS[::-1].copy()), np.array([0.3, 0.9], np.float32)
    for w, expected in (([[3.0], [4.0]], 16), ([[0.6], [0.8]], 0), ([[0.0], [0.0]], 1)):
        w = tf.Variable(w)
        with tf.GradientTape() as tape:
            penalty = gradient_penalty.one_centered(lambda x, w=w: x @ w, x, y, alpha)
            total = tf.reduce_mean(penalty)
        np.testing.assert_allclose(penalty, [expected] * 2, atol=1e-5)
        assert np.isfinite(tape.gradient(total, w)).all()


def test_one_centered_penalty_is_taken_between_real_and_generated_sample_by_sample():
    """The gradient of |x|^2 / 2 is x: at alpha 0 the real image, at 1 the generated one, at 0.5 their middle."""
    real = tf.constant(np.array([[3.0, 4.0], [3.0, 4.0], [1.0, 0.0]], np.float32).reshape(3, 1, 2, 1))
    fake = tf.constant(np.array([[6.0, 8.0], [6.0, 8.0], [-1.0, 0.0]], np.float32).reshape(3, 1, 2, 1))

    def critic(x):
        return x**2 / 2

    penalty = gradient_penalty.one_centered(critic, real, fake, np.array([0.0, 1.0, 0.5], np.float32))
    np.testing.assert_allclose(penalty, [(5 - 1) ** 2, (10 - 1) ** 2, 1], rtol=1e-5)
    halves = gradient_penalty.one_centered(critic, tf.cast(real, "float16"), tf.cast(fake, "float16"), np.zeros(3))
    assert halves.dtype == "float32"


def depth(*values):
    return np.array(values, np.float32).reshape(1, 1, -1, 1)


def test_berhu_by_hand():
    """With a limit of 0.2: 0.1, 0.2 and (1 + 0.04) / 0.4."""
    cost = reconstruction.berhu(depth(0.1, -0.2, 1.0), depth(0.0, 0.0, 0.0))
    np.testing.assert_allclose(cost, [(0.1 + 0.2 + 2.6) / 3], rtol=1e-6)
    np.testing.assert_allclose(reconstruction.berhu(depth(1.0, 2.0), depth(1.0, 2.0)), [0.0])


def test_each_image_has_its_own_limit():
    x = np.concatenate([depth(0.1, 0.2, 1.0), depth(1.0, 2.0, 10.0)])
    one, ten = np.asarray(reconstruction.berhu(x, 0 * x))
    assert ten == pytest.approx(10 * one, rel=1e-5)


def test_holes_do_not_count():
    known = depth(1, 1, 1, 0)
    cost = reconstruction.berhu(depth(0.1, 0.2, 1.0, 7.0), depth(0.0, 0.0, 0.0, np.nan), known)
    np.testing.assert_allclose(cost, [2.9 / 3], rtol=1e-6)
    x = tf.Variable(depth(0.1, 0.2, 1.0, 7.0))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(reconstruction.berhu(x, depth(0.0, 0.0, 0.0, np.nan), known))
    # 1 below the limit, r / c above.
    np.testing.assert_allclose(tape.gradient(total, x), depth(1, 1, 5, 0) / 3, rtol=1e-5)
    np.testing.assert_allclose(reconstruction.berhu(depth(3.0), depth(np.nan), depth(0)), [0.0])
