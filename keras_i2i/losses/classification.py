"""Terms and measures of classifiers, on logits (N, C) and labels int32 (N,)."""

from keras import ops

from keras_i2i.losses.adversarial import float32


def cross_entropy(logits, label):
    """Softmax cross-entropy of logits (N, K), per sample: shape (N,), from 0 up; ln K for equal logits.

    Args:
        logits: float tensor (N, K).
        label: the class of all samples, or an integer tensor (N,) of their classes, in 0..K - 1.
    """
    logits = float32(logits)
    labels = ops.broadcast_to(label, ops.shape(logits)[:1])
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)


def accuracy(logits, labels):
    """The share of samples whose largest logit is their label's, a scalar in [0, 1]."""
    return ops.mean(ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), labels), "float32"))
