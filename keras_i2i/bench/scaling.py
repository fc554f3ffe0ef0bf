"""What two workers train beside one, each on one core."""

import os
import socket

from keras_i2i.bench import report
from keras_i2i.bench.turns import Contestant, compete

CONFIG = {"image_size": 64, "filters": 32, "blocks": 6, "pool_size": 0}


def measure(*, rounds=5, batch_size=8, config=None):
    """Times CycleGAN's training step by one worker on one core, and by two on a core each.

    Args:
        rounds: turns of each.
        batch_size: images of each domain a worker.
        config: of the `CycleGAN`.

    Returns:
        A dict of plain values: the times, pairs a second, and the share of twice the one worker's that two reach.

    Raises:
        RuntimeError: there is one core, or the system does not let a process choose its core.
    """
    config = config or CONFIG
    cores = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_setaffinity") else []
    if len(cores) < 2:
        raise RuntimeError("Two workers need two cores, and a system where a process chooses its core, such as Linux.")
    case = dict(method="cyclegan", config={**config, "seed": 0}, batch_size=batch_size)
    ports = free_ports(2)
    one = Contestant.here("one worker", "workers", **case, cores=cores[:1], ports=ports[:1])
    two = Contestant.here("two workers", "workers", **case, cores=cores, ports=ports)
    compete([one, two], rounds)
    found = report.begin("scaling", config=config, batch_size=batch_size, threads=1, rounds=rounds)
    found["contestants"] = {
        c.name: {**report.times(c), "pairs_per_s": round(count * batch_size / c.median, 3)}
        for count, c in enumerate((one, two), 1)
    }
    found["share_of_ideal"] = one.over(two)
    return found


def free_ports(count):
    """Ports of this machine that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def table(found):
    """A report as Markdown."""
    rows = [
        [name, f"{c['median_s']:.3f}", f"{c['pairs_per_s']:.2f}", c["peak_mb"]]
        for name, c in found["contestants"].items()
    ]
    return "\n".join(
        [
            f"`cyclegan` ({report.settings(found['config'])}), batch {found['batch_size']} a worker, a core each:"
            f" {report.conditions(found)}",
            "",
            report.markdown(["a step by", "seconds", "pairs/s", "peak MB of the first"], rows),
            "",
            f"Two workers reach {found['share_of_ideal']:.2f} of twice the one's pairs (median of the turns' ratios).",
        ]
    )
