"""Contestants that take turns, each in a process of its own, warm and waiting: what else a shared machine does meets
all of them, and none meets another's threads or memory.
"""

import contextlib
import dataclasses
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TWINS = pathlib.Path(__file__).parents[2] / "tests" / "bench" / "torch_worker.py"  # in a checkout alone
WAYS = {
    "eager": "PyTorch, eager",
    "channels_last": "PyTorch, channels_last",
    "channels_last+compiled": "PyTorch, channels_last+compiled",
    "onnxruntime": "ONNX Runtime",
}


@dataclasses.dataclass
class Contestant:
    """One way to do the same work.

    Attributes:
        name: in the table.
        command: of a process that speaks the protocol of `serve`.
        seconds: of each of its turns.
        peak_mb: largest resident memory of its process, in MB (10^6 bytes).
        imports_mb: how much of it its imports took.
    """

    name: str
    command: list[str]
    seconds: list[float] = dataclasses.field(default_factory=list)
    peak_mb: float = 0.0
    imports_mb: float = 0.0

    @classmethod
    def here(cls, name, kind, **case):
        """One that does what the function `kind` of `bench.worker` makes of a case."""
        return cls(name, worker(kind, **case))

    @classmethod
    def twins(cls, kind, ways, **case):
        """Those of the ways in `WAYS` that are installed, each of which does what the function `kind` of
        `tests/bench/torch_worker.py` makes of a case.
        """
        packages = {way: {"torch", "onnxruntime" if way == "onnxruntime" else "torch"} for way in ways}
        return [
            cls(WAYS[way], [sys.executable, str(TWINS), json.dumps({"kind": kind, **case, "way": way})])
            for way in ways
            if TWINS.is_file() and all(map(importlib.util.find_spec, packages[way]))
        ]

    @property
    def median(self):
        return statistics.median(self.seconds)

    def over(self, other):
        """How many times as long as another it takes: the median of the turns' ratios, to three digits."""
        return round(statistics.median(a / b for a, b in zip(self.seconds, other.seconds, strict=True)), 3)


def torch_ways(compiled):
    """The ways in which PyTorch takes part, with or without torch.compile."""
    return ("eager", "channels_last", "channels_last+compiled")[: 3 if compiled else 2]


def worker(kind, **case):
    """The command of a process that serves what the function `kind` of `bench.worker` makes of a case."""
    return [sys.executable, "-m", "keras_i2i.bench.worker", json.dumps({"kind": kind, **case})]


def serve(work, *, warm=3, again=0, repeat=1, imports=0):
    """What a contestant's process does: `warm` times its work unseen, then, whenever it is told to, `again` times
    unseen and `repeat` times on the clock.

    Prints "ready"; answers each line "go" with the seconds that the work took, or returns, in the mean, and "end" with
    its peak memory, and `imports`, in bytes.
    """
    for _ in range(warm):
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            print(peak_bytes(), imports, flush=True)
            return
        for _ in range(again):
            work()
        start = time.perf_counter()
        own = [work() for _ in range(repeat)]
        taken = time.perf_counter() - start
        print((taken if None in own else sum(own)) / repeat, flush=True)


def peak_bytes():
    """The largest resident memory of this process so far."""
    with contextlib.suppress(OSError, StopIteration):  # on Linux the other way would count the parent's, before exec
        status = pathlib.Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in status if line.startswith("VmHWM:")).split()[1])
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest


def compete(contestants, rounds):
    """Lets all take turns for `rounds` rounds, and fills in their seconds and memory.

    Raises:
        RuntimeError: a process ended before its time; the message has the last line of what it said.
    """
    with contextlib.ExitStack() as stack:
        players = [stack.enter_context(_playing(contestant)) for contestant in contestants]  # each compiles alone
        for _ in range(rounds):
            for contestant, answer in zip(contestants, players, strict=True):
                contestant.seconds.append(float(answer("go")))
        for contestant, answer in zip(contestants, players, strict=True):
            contestant.peak_mb, contestant.imports_mb = (int(count) / 1e6 for count in answer("end").split())


@contextlib.contextmanager
def _playing(contestant):
    """A function that gives a contestant's process, once it is ready, an order and returns the line that it answers."""
    with (
        tempfile.TemporaryFile("w+") as errors,  # a pipe that nobody reads fills up
        subprocess.Popen(
            contestant.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):

        def line():
            if not (said := process.stdout.readline()):
                process.wait()
                errors.seek(0)
                last = (errors.read().strip().splitlines() or ["it said nothing"])[-1].rstrip(".")
                raise RuntimeError(f"The process of {contestant.name!r} ended before its time ({last}).")
            return said.strip()

        def answer(order):
            with contextlib.suppress(BrokenPipeError):  # it is gone: there will be no line
                process.stdin.write(f"{order}\n")
                process.stdin.flush()
            return line()

        try:
            while line() != "ready":
                pass
            yield answer
        finally:
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
