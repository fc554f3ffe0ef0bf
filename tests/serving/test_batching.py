"""The gathering of requests, with what is computed under the test's control."""

import asyncio
import threading

import numpy as np
import pytest

from keras_i2i.serving.batching import Batcher, Limits
from keras_i2i.serving.refusals import Reason, Refused


class Doubling:
    """Doubles what it is given; refuses negative numbers; can be held, and remembers the rows of its batches."""

    def __init__(self):
        self.batches, self.free, self.begun = [], threading.Event(), threading.Event()
        self.free.set()

    def __call__(self, key, arrays):
        self.batches.append(len(arrays["x"]))
        self.begun.set()
        assert self.free.wait(10)
        if arrays["x"].min() < 0:
            raise Refused(Reason.INVALID_ARGUMENT, "x is negative.")
        return {"y": 2 * arrays["x"]}


def rows(*values):
    return {"x": np.array(values, np.float32)}


def holding(test, **limits):
    """Runs `test(batcher, run, submit)` while the first batch, of one row 0, is held."""

    async def main():
        run = Doubling()
        run.free.clear()
        batcher = Batcher(run, Limits(**{"wait": 0, **limits}))
        first = asyncio.ensure_future(batcher.submit("double", rows(0)))
        await asyncio.to_thread(run.begun.wait, 10)

        def submit(*values, key="double", **options):
            return asyncio.ensure_future(batcher.submit(key, rows(*values), **options))

        try:
            await test(batcher, run, submit)
            await first
        finally:
            run.free.set()
            assert await batcher.close(5)
        assert batcher.rows == batcher.bytes == 0

    asyncio.run(main())


async def settled():
    """After what is ready to run has run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_what_waits_is_computed_together_and_given_back_apart():
    async def test(batcher, run, submit):
        asked = [submit(1), submit(2, 3), submit(4)]
        await settled()
        assert batcher.rows == 4 and batcher.bytes == 16
        run.free.set()
        made = [(await one)["y"].tolist() for one in asked]
        assert made == [[2], [4, 6], [8]] and run.batches == [1, 4]

    holding(test)


def test_a_batch_has_no_more_rows_than_it_may():
    async def test(batcher, run, submit):
        asked = [submit(1, 1), submit(2), submit(3, 3), submit(4)]
        await settled()
        run.free.set()
        await asyncio.gather(*asked)
        assert run.batches == [1, 3, 3]

    holding(test, batch=3)


def test_a_request_of_many_rows_is_computed_in_pieces():
    async def test(batcher, run, submit):
        asked = submit(*range(7))
        run.free.set()
        assert (await asked)["y"].tolist() == [2.0 * x for x in range(7)] and run.batches == [1, 3, 3, 1]

    holding(test, batch=3)


def test_other_signatures_and_shapes_are_kept_apart_and_the_oldest_is_first():
    async def test(batcher, run, submit):
        wide = {"x": np.ones((1, 5), np.float32)}
        asked = [submit(1), submit(2, key="other"), asyncio.ensure_future(batcher.submit("double", wide)), submit(3)]
        await settled()
        run.free.set()
        made = await asyncio.gather(*asked)
        assert run.batches == [1, 2, 1, 1] and made[2]["y"].shape == (1, 5)

    holding(test)


def test_a_bad_request_fails_alone():
    async def test(batcher, run, submit):
        asked = [submit(1), submit(-1), submit(2)]
        await settled()
        run.free.set()
        with pytest.raises(Refused, match="x is negative"):
            await asked[1]
        assert [(await asked[at])["y"].tolist() for at in (0, 2)] == [[2], [4]]
        assert run.batches == [1, 3, 1, 1, 1]

    holding(test)


def test_what_fails_in_the_graph_does_not_end_the_server():
    async def main():
        def run(key, arrays):
            if key == "broken":
                raise ZeroDivisionError("broken")
            return arrays

        batcher = Batcher(run)
        with pytest.raises(ZeroDivisionError):
            await batcher.submit("broken", rows(1))
        assert (await batcher.submit("sound", rows(1)))["x"].tolist() == [1]
        assert await batcher.close(5)

    asyncio.run(main())


@pytest.mark.parametrize("limit", [{"rows": 3}, {"bytes": 12}])
def test_what_does_not_fit_into_the_queue_is_refused_at_once(limit):
    async def test(batcher, run, submit):
        asked = [submit(1, 1), submit(2)]
        await settled()
        with pytest.raises(Refused, match="3 images wait already") as refused:
            await submit(3)
        assert refused.value.reason is Reason.UNAVAILABLE
        run.free.set()
        await asyncio.gather(*asked)
        assert (await submit(4))["y"].tolist() == [8], "afterwards there is room"

    holding(test, **limit)


def test_what_is_too_late_is_not_computed():
    async def test(batcher, run, submit):
        late, early = submit(1, timeout=0.02), submit(2)
        with pytest.raises(Refused, match="within 0.02 seconds") as refused:
            await late
        assert refused.value.reason is Reason.DEADLINE_EXCEEDED
        run.free.set()
        assert (await early)["y"].tolist() == [4] and run.batches == [1, 1]

    holding(test)


def test_no_request_may_take_longer_than_the_server_says():
    async def main():
        run = Doubling()
        batcher = Batcher(run, Limits(wait=0, timeout=0.02))
        run.free.clear()
        with pytest.raises(Refused, match="within 0.02 seconds"):
            await batcher.submit("double", rows(1), timeout=100)
        run.free.set()
        assert await batcher.close(5)

    asyncio.run(main())


def test_who_hung_up_is_not_computed_for():
    async def test(batcher, run, submit):
        gone, there = submit(1), submit(2)
        await settled()
        gone.cancel()
        await settled()
        run.free.set()
        assert (await there)["y"].tolist() == [4] and run.batches == [1, 1]

    holding(test)


def test_a_request_waits_for_others_where_there_were_some_and_no_longer_than_it_may():
    async def main():
        run = Doubling()
        batcher = Batcher(run, Limits(batch=2, wait=0.05))
        loop = asyncio.get_running_loop()

        async def seconds(count):
            begun = loop.time()
            await asyncio.gather(*(batcher.submit("double", rows(1)) for _ in range(count)))
            return loop.time() - begun

        assert await seconds(1) < 0.045 and await seconds(1) < 0.045, "one after the other"
        assert await seconds(3) < 0.045 and run.batches == [1, 1, 1, 2], "a full batch does not wait"
        assert 0.045 < await seconds(1) < 5, "there were two together, and another might come"
        assert await seconds(1) < 0.045, "but none came"
        assert await batcher.close(5)

    asyncio.run(main())


def test_closing_answers_what_was_taken_and_nothing_more():
    async def main():
        run = Doubling()
        run.free.clear()
        batcher = Batcher(run, Limits(wait=10))
        asked = [asyncio.ensure_future(batcher.submit("double", rows(1))) for _ in range(3)]
        await settled()
        closing = asyncio.ensure_future(batcher.close(5))
        await settled()
        with pytest.raises(Refused, match="shutting down"):
            await batcher.submit("double", rows(2))
        run.free.set()
        assert await closing
        assert [(await one)["y"].tolist() for one in asked] == [[2]] * 3 and run.batches == [1, 2]

    asyncio.run(main())


def test_closing_says_when_it_waits_no_longer():
    async def main():
        run = Doubling()
        run.free.clear()
        batcher = Batcher(run, Limits(wait=0))
        asked = asyncio.ensure_future(batcher.submit("double", rows(1)))
        await asyncio.to_thread(run.begun.wait, 10)
        assert not await batcher.close(0.02)
        run.free.set()
        await asked

    asyncio.run(main())


@pytest.mark.parametrize("name", ["batch", "rows", "bytes", "workers", "timeout"])
def test_limits_are_above_zero(name):
    with pytest.raises(ValueError, match=f"{name} must be above 0"):
        Limits(**{name: 0})
