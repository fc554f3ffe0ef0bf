"""Contestants that take turns, each in a process of its own, warm and waiting: what else a shared machine does meets
all of them, and none meets another's threads or memory.
"""

import dataclasses
import statistics
import subprocess
import sys
import tempfile
import time


@dataclasses.dataclass
class Contestant:
    """One way to do the same work.

    Attributes:
        name: in the table.
        command: of a process that speaks the protocol of `serve`.
        seconds: of each of its turns.
        peak_mb: largest resident memory of its process, in MB (10^6 bytes).
    """

    name: str
    command: list[str]
    seconds: list[float] = dataclasses.field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def median(self):
        return statistics.median(self.seconds)


def serve(work, *, warm=3):
    """What a contestant's process does: `warm` times its work unseen, then once each time that it is told to.

    Prints "ready"; answers each line "go" with the seconds that it took, and "end" with its peak memory in bytes.
    """
    for _ in range(warm):
        work()
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            print(peak_bytes(), flush=True)
            return
        start = time.perf_counter()
        work()
        print(time.perf_counter() - start, flush=True)


def peak_bytes():
    """The largest resident memory of this process so far."""
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest


def compete(contestants, rounds):
    """Lets all take turns for `rounds` rounds, and fills in their seconds and memory.

    Raises:
        RuntimeError: a process ended before its time; the message has the last line of what it said.
    """
    processes = []
    try:
        for contestant in contestants:  # one after the other: each compiles alone
            errors = tempfile.TemporaryFile("w+")  # a pipe that nobody reads fills up
            process = subprocess.Popen(
                contestant.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            process.errors = errors
            processes.append(process)
            _answer(contestant, process, until="ready")
        for _ in range(rounds):
            for contestant, process in zip(contestants, processes, strict=True):
                contestant.seconds.append(float(_answer(contestant, process, "go")))
        for contestant, process in zip(contestants, processes, strict=True):
            contestant.peak_mb = int(_answer(contestant, process, "end")) / 1e6
    finally:
        for process in processes:
            process.kill()
            process.communicate()
            process.errors.close()


def _answer(contestant, process, order=None, until=None):
    try:
        if order is not None:
            process.stdin.write(f"{order}\n")
            process.stdin.flush()
        line = process.stdout.readline()
        while until is not None and line and line.strip() != until:
            line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    if not line:
        process.wait()
        process.errors.seek(0)
        said = process.errors.read().strip().splitlines() or ["it said nothing"]
        raise RuntimeError(f"The process of {contestant.name!r} ended before its time ({said[-1].rstrip('.')}).")
    return line.strip()
