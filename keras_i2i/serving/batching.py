"""Requests that come at the same time are answered together."""

import asyncio
import collections
import concurrent.futures
import dataclasses
import time

import numpy as np

from keras_i2i.serving.refusals import Reason, Refused


@dataclasses.dataclass(frozen=True)
class Limits:
    """How requests are gathered, and what may wait.

    Attributes:
        batch: rows that are computed at once, at most; 1 for no gathering.
        wait: seconds that a request waits for others while nothing else is computed, if the last batch had several.
        rows: that wait, at most; more are refused.
        bytes: of arrays that wait, at most.
        workers: batches that are computed at the same time.
        timeout: seconds after which a request is given up, if it does not say so itself.
    """

    batch: int = 32
    wait: float = 0.002
    rows: int = 512
    bytes: int = 512 * 2**20
    workers: int = 1
    timeout: float = 30.0

    def __post_init__(self):
        for name in ("batch", "rows", "bytes", "workers", "timeout"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}.")
        if self.wait < 0:
            raise ValueError(f"wait must be 0 or more, got {self.wait}.")


@dataclasses.dataclass(eq=False)
class _Waiting:
    arrays: dict
    rows: int
    bytes: int
    since: float
    deadline: float
    answer: asyncio.Future


class Batcher:
    """Gathers requests of one kind (signature, and shapes of a row) into batches, oldest first.

    Where a batch fails, its requests are run again each by itself, so that one bad image costs the others time alone.
    All methods are called in one event loop.
    """

    def __init__(self, run, limits=None, observe=lambda rows, seconds: None):
        """
        Args:
            run: function (key, arrays) -> arrays, where arrays are dicts; called in a thread.
            limits: `Limits`.
            observe: function that is told the rows and seconds of every batch.
        """
        self.limits = limits or Limits()
        self.rows = self.bytes = 0  # of what waits
        self._run, self._observe = run, observe
        self._queues = collections.OrderedDict()  # by key and shapes, deques of `_Waiting`
        self._busy = 0
        self._gathered = 1  # requests of the last batch: where one comes after the other, none waits
        self._timer = None
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._pool = concurrent.futures.ThreadPoolExecutor(self.limits.workers, thread_name_prefix="batches")

    async def submit(self, key, arrays, timeout=None):
        """Waits for the answer to a request.

        Args:
            key: what is to be run, hashable; requests of one key may be run together.
            arrays: dict of arrays, all of as many rows.
            timeout: in seconds; None for that of the limits.

        Returns:
            Dict of arrays.

        Raises:
            Refused: too much waits, the time is over, the server closes, or what `run` raises.
        """
        loop = asyncio.get_running_loop()
        rows = len(next(iter(arrays.values())))
        size = sum(map(_bytes, arrays.values()))
        if self._closing:
            raise Refused(Reason.UNAVAILABLE, "The server is shutting down.")
        full = self.rows + rows > self.limits.rows or self.bytes + size > self.limits.bytes
        if self.rows and full:  # one that is larger than the limits by itself is taken where nothing waits
            raise Refused(Reason.UNAVAILABLE, f"{self.rows} images wait already: try again later.")
        timeout = self.limits.timeout if timeout is None else min(timeout, self.limits.timeout)
        kind = (key, tuple((name, array.shape[1:], array.dtype.str) for name, array in sorted(arrays.items())))
        now = loop.time()
        waiting = _Waiting(arrays, rows, size, now, now + timeout, loop.create_future())
        self._queues.setdefault(kind, collections.deque()).append(waiting)
        self.rows, self.bytes = self.rows + rows, self.bytes + size
        self._idle.clear()
        self._start()
        try:
            return await asyncio.wait_for(waiting.answer, timeout)
        except asyncio.TimeoutError:
            raise Refused(Reason.DEADLINE_EXCEEDED, f"There was no answer within {timeout:g} seconds.") from None

    async def close(self, grace=30.0):
        """Takes no more requests, and waits until those that it has are answered.

        Args:
            grace: seconds after which it waits no longer.

        Returns:
            Whether all were answered.
        """
        self._closing = True
        self._start()
        try:
            await asyncio.wait_for(self._idle.wait(), grace)
            return True
        except asyncio.TimeoutError:
            return False
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    # ---- which batch is next ----------------------------------------------------------------------------------------

    def _start(self):
        """Starts all batches that are due and that a worker is free for."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._busy < self.limits.workers:
            oldest = self._oldest(loop.time())
            if oldest is None:
                break
            kind, waiting = oldest
            due = waiting[0].since + (self.limits.wait if self._gathered > 1 else 0)
            full = sum(one.rows for one in waiting) >= self.limits.batch
            if not (full or self._closing or due <= loop.time()):
                self._timer = loop.call_at(due, self._start)
                break
            batch = self._taken(waiting)
            self._busy += 1
            self._gathered = len(batch)
            loop.create_task(self._answer(kind[0], batch))
        if not self._busy and not self._queues:
            self._idle.set()

    def _oldest(self, now):
        """(kind, queue) with the request that has waited longest of all; None if nobody waits."""
        for kind, queue in list(self._queues.items()):
            self._forget(queue, now)
            if not queue:
                del self._queues[kind]
        return min(self._queues.items(), key=lambda item: item[1][0].since, default=None)

    def _taken(self, queue):
        """Takes a batch from the front of a queue: as many requests as fit, and one in any case."""
        batch = [queue.popleft()]
        rows = batch[0].rows
        while queue and rows + queue[0].rows <= self.limits.batch:
            batch.append(queue.popleft())
            rows += batch[-1].rows
        self.rows -= rows
        self.bytes -= sum(one.bytes for one in batch)
        return batch

    def _forget(self, queue, now):
        """Drops requests from the front that nobody waits for any longer."""
        while queue and (queue[0].answer.done() or queue[0].deadline <= now):
            gone = queue.popleft()
            self.rows, self.bytes = self.rows - gone.rows, self.bytes - gone.bytes

    async def _answer(self, key, batch):
        loop = asyncio.get_running_loop()
        try:
            batch = [one for one in batch if not one.answer.done()]
            results = await loop.run_in_executor(self._pool, self._computed, key, batch)
            for one, result in zip(batch, results, strict=True):
                if one.answer.done():
                    continue
                if isinstance(result, BaseException):
                    one.answer.set_exception(result)
                else:
                    one.answer.set_result(result)
        except BaseException as error:
            for one in batch:
                if not one.answer.done():
                    one.answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._busy -= 1
            self._start()

    # ---- in a thread ------------------------------------------------------------------------------------------------

    def _computed(self, key, batch):
        """Of each request its arrays, or the error that it ends with."""
        if not batch:
            return []
        try:
            names = batch[0].arrays
            together = {name: np.concatenate([one.arrays[name] for one in batch]) for name in names}
            made = self._pieces(key, together)
            ends = np.cumsum([one.rows for one in batch])[:-1]
            parts = {name: np.split(array, ends) for name, array in made.items()}
            return [{name: parts[name][index] for name in parts} for index in range(len(batch))]
        except Exception as error:
            if len(batch) == 1:
                return [error]
        return [result for one in batch for result in self._computed(key, [one])]

    def _pieces(self, key, arrays):
        """What `run` makes of arrays of any number of rows, by batches."""
        step, count, made = self.limits.batch, len(next(iter(arrays.values()))), []
        for at in range(0, count, step):
            begun = time.perf_counter()
            made.append(self._run(key, {name: array[at : at + step] for name, array in arrays.items()}))
            self._observe(min(step, count - at), time.perf_counter() - begun)
        return made[0] if len(made) == 1 else {name: np.concatenate([one[name] for one in made]) for name in made[0]}


def _bytes(array):
    return sum(map(len, array.ravel())) if array.dtype == object else array.nbytes
