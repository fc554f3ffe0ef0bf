"""The processes that train one model together, and this one's place among them."""

import contextlib
import dataclasses
from typing import Any


class LostWorker(RuntimeError):
    """A worker cannot go on alone: all of them, started again, go on from the last checkpoint."""


@dataclasses.dataclass(frozen=True)
class Team:
    """The devices of a run, and this process's place among its workers.

    Attributes:
        strategy: a `tf.distribute.Strategy`; None on backends without.
        index: of this worker; the one with 0 writes the run's files.
        workers: how many processes there are.
    """

    strategy: Any = None
    index: int = 0
    workers: int = 1

    @classmethod
    def of(cls, strategy):
        """The team of a `tf.distribute.Strategy`, as TF_CONFIG names this process's place; None for one device."""
        resolver = getattr(strategy, "cluster_resolver", None)
        if resolver is None or not resolver.cluster_spec():
            return cls(strategy)
        spec = resolver.cluster_spec().as_dict()
        chiefs, workers = (len(spec.get(job, ())) for job in ("chief", "worker"))
        index = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
        return cls(strategy, index, chiefs + workers)

    def scope(self):
        """The context in which the model is made and compiled."""
        return contextlib.nullcontext() if self.strategy is None else self.strategy.scope()

    def agree(self, value):
        """Waits for all workers.

        Args:
            value: what each of them holds, a whole number below 2^53.

        Returns:
            Whether all workers hold the same.

        Raises:
            LostWorker: one of them is gone.
        """
        if self.workers == 1:
            return True
        import tensorflow as tf

        with lost_workers():
            mine = self.strategy.experimental_distribute_values_from_function(
                lambda _: tf.constant([1.0, value, value**2], tf.float64)
            )
            count, total, squares = self.strategy.reduce(tf.distribute.ReduceOp.SUM, mine, axis=None).numpy()
        return bool(count * squares == total**2)  # no variance


@contextlib.contextmanager
def lost_workers():
    """Turns the errors of a collective whose other side is gone into a `LostWorker`."""
    import tensorflow as tf

    gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)
    try:
        yield
    except gone as error:
        raise LostWorker(
            "Another worker is gone: start all again by the same command, and they go on from the last checkpoint."
        ) from error
