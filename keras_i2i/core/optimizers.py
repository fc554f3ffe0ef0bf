"""Optimizers as papers' code has them, where Keras's mean something else."""

import keras

from keras_i2i.core import backend


@keras.saving.register_keras_serializable(package="keras_i2i")
class L2Adam(keras.optimizers.Adam):
    """Adam on the gradient of the loss plus l2 / 2 |w|^2: what PyTorch's Adam does with its `weight_decay`.

    Keras's own `weight_decay` is the decoupled one (Loshchilov & Hutter 2019, arXiv 1711.05101), a shrinking by
    `learning_rate * weight_decay` a step. Here the decay goes through Adam's normalisation, so that a weight without
    any other gradient moves by the whole learning rate.

    Args:
        learning_rate: a float or a schedule.
        l2: factor of the weights in the gradient, 0 or more.
        **options: as in `keras.optimizers.Adam`.

    Raises:
        ValueError: for a negative `l2`.
    """

    def __init__(self, learning_rate=1e-3, l2=0.0, **options):
        super().__init__(learning_rate, **options)
        if l2 < 0:
            raise ValueError(f"l2 must be 0 or more, got {l2}.")
        self.l2 = l2

    def apply(self, grads, trainable_variables=None):
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        if self.l2:
            share = self.l2 / backend.replica_count()  # gradients of replicas are summed
            grads = [g if g is None else g + share * v for g, v in zip(grads, variables, strict=True)]
        super().apply(grads, trainable_variables)

    def get_config(self):
        return {**super().get_config(), "l2": self.l2}
