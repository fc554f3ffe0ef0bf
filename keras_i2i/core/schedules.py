"""Learning rates over training steps. They read the optimizer's own count, which is saved: a resumed run goes on."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_i2i")
class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant, then on a straight line to 0 or a share of the rate, as in CycleGAN and its successors.

    Args:
        rate: learning rate at the start.
        constant_steps: steps at this rate.
        decay_steps: steps from there to the end of the line.
        final: where it ends, as a share of `rate`.

    Raises:
        ValueError: for a negative number of steps, or no step of decay.
    """

    def __init__(self, rate, constant_steps, decay_steps, final=0.0):
        if constant_steps < 0 or decay_steps < 1:
            raise ValueError(
                f"LinearDecay needs constant_steps of 0 or more and decay_steps of 1 or more, got {constant_steps} and"
                f" {decay_steps}."
            )
        self.rate, self.constant_steps, self.decay_steps, self.final = rate, constant_steps, decay_steps, final

    def __call__(self, step):
        done = (ops.cast(step, "float32") - self.constant_steps) / self.decay_steps
        return self.rate * (1.0 - (1.0 - self.final) * ops.clip(done, 0.0, 1.0))

    def get_config(self):
        return {name: getattr(self, name) for name in ("rate", "constant_steps", "decay_steps", "final")}


def decaying_adam(config):
    """Adam with beta_1 0.5, as CycleGAN and its successors have it.

    Args:
        config: of a method: its `learning_rate` holds for `constant_steps`, then falls to 0 within `decay_steps`; 0 of
            these for a rate that stays.
    """
    rate = config.learning_rate
    if config.decay_steps:
        rate = LinearDecay(rate, config.constant_steps, config.decay_steps)
    return keras.optimizers.Adam(rate, beta_1=0.5, epsilon=1e-8)
