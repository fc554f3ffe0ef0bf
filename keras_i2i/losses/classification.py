"""Terms and measures of classifiers, on logits (N, C) and labels int32 (N,)."""

from keras import ops

from keras_i2i.losses.adversarial import float32


def cross_entropy(logits, labels):
    """-log p(label), per sample: shape (N,), from 0 up; ln C for equal logits."""
    return ops.sparse_categorical_crossentropy(labels, float32(logits), from_logits=True)


def accuracy(logits, labels):
    """The share of samples whose largest logit is their label's, a scalar in [0, 1]."""
    return ops.mean(ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), labels), "float32"))
