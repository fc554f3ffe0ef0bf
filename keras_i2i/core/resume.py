"""`fit(resume=...)`: a run that is killed, and started again by the same lines, ends as if it had never been killed."""

import keras

from keras_i2i.core import backend, batches
from keras_i2i.core.checkpoint import Checkpoint, restore
from keras_i2i.core.team import Team


def take_up(model, directory, data, *, steps_per_epoch=None, batch_size=None, shuffle=True):
    """Brings a model and its data to where a run's last checkpoint stands, the end of an epoch.

    Args:
        model: a compiled `Method`.
        directory: of the run's checkpoints; with several workers, one that all of them see.
        data, steps_per_epoch, batch_size, shuffle: what `fit` was given.

    Returns:
        `(data, steps_per_epoch, epoch, callbacks)`: what `fit` is to be given, the data from that place on; the number
        of the next epoch; and the callbacks that write the next checkpoints, none on other workers than the first.

    Raises:
        ValueError: the place in the data cannot be found again, epochs are not as long as they were, the workers find
            different checkpoints, or as `checkpoint.restore`.
    """
    length = steps_per_epoch or _length(data, batch_size)
    if not length:
        raise ValueError("A run that can be resumed needs to know how long its epochs are: give steps_per_epoch.")
    _check_order(data, steps_per_epoch, shuffle)
    seconds = restore(model, directory)
    team = Team.of(model.distribute_strategy if backend.is_tensorflow() else None)
    if not team.agree(model.steps_taken):
        raise ValueError(
            f"The workers find different checkpoints in {str(directory)!r}: give them a folder that all share."
        )
    epoch, rest = divmod(model.steps_taken, length)
    if rest:
        raise ValueError(
            f"The run in {str(directory)!r} has made {model.steps_taken} steps, which are no whole epochs of {length}:"
            " give the data, or steps_per_epoch, that it was begun with."
        )
    callbacks = [Checkpoint(directory, seconds=seconds)] if team.index == 0 else []
    if hasattr(data, "skip_epochs"):  # of ki.data
        data.skip_epochs(epoch)
    elif hasattr(data, "element_spec"):
        # In one iteration, for Keras begins more of them than it has epochs, and each is shuffled anew.
        data, steps_per_epoch = data.repeat().skip(model.steps_taken), length
    elif isinstance(data, keras.utils.PyDataset):
        for _ in range(epoch):
            data.on_epoch_begin()
            data.on_epoch_end()
    return data, steps_per_epoch, epoch, callbacks


def _length(data, batch_size):
    if isinstance(data, dict):
        return -(-len(next(iter(data.values()))) // (batch_size or 32))
    return batches.cardinality(data)


def _check_order(data, steps_per_epoch, shuffle):
    """Raises ValueError for data whose order a new process cannot find again."""
    if shuffle and isinstance(data, dict | keras.utils.PyDataset):
        raise ValueError(
            "A run that can be resumed needs batches whose order is known: give what ki.data makes, or shuffle=False."
        )
    if steps_per_epoch and (isinstance(data, dict | keras.utils.PyDataset) or batches.cardinality(data) is not None):
        raise ValueError("A run that can be resumed goes once through its data an epoch: leave out steps_per_epoch.")
