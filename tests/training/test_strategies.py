"""Strategies are checked before anything starts, and a worker that dies costs no step."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from keras_i2i import zoo
from keras_i2i.bench.scaling import free_ports
from keras_i2i.core import backend
from keras_i2i.training import strategies, train
from tests.harness import ROOT, refused

CLUSTER = {"worker": ["127.0.0.1:2222", "127.0.0.1:2223"]}


def test_auto_is_the_default_device_here():
    team = strategies.make()
    assert team.strategy is tf.distribute.get_strategy() and (team.index, team.workers) == (0, 1)
    assert team.agree(7)


def test_auto_takes_the_scope_that_it_is_called_in():
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    with strategy.scope():
        assert strategies.make().strategy is strategy
        assert strategies.make("one").strategy is strategy


def test_unknown_strategy():
    with refused(ValueError, match="no strategy 'horovod': choose one of auto, one, mirrored, multi"):
        strategies.make("horovod")


def test_mirrored_needs_two_devices():
    with refused(ValueError, match="there is one device"):
        strategies.make("mirrored")


def test_other_backends_have_no_strategies(monkeypatch):
    monkeypatch.setattr(backend, "is_tensorflow", lambda: False)
    assert strategies.make("auto").scope().__enter__() is None
    with refused(ValueError, match="KERAS_BACKEND=tensorflow"):
        strategies.make("mirrored")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cluster": {}}',
        json.dumps({"cluster": CLUSTER}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": 2}}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "worker", "index": -1}}),
        json.dumps({"cluster": CLUSTER, "task": {"type": "chief", "index": 0}}),
        json.dumps({"cluster": {"worker": ["127.0.0.1"]}, "task": {"type": "worker", "index": 0}}),
        json.dumps({"cluster": {"worker": "127.0.0.1:2222"}, "task": {"type": "worker", "index": 0}}),
    ],
)
def test_tf_config_that_names_no_worker(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with refused(ValueError, match="TF_CONFIG must name a cluster and this worker's task in it"):
        strategies.make()


def test_multiworker_without_tf_config(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with refused(ValueError, match="needs the environment variable TF_CONFIG"):
        strategies.make("multiworker")


def test_port_in_use(monkeypatch):
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        config = {"cluster": {"worker": [f"127.0.0.1:{port}"]}, "task": {"type": "worker", "index": 0}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        with refused(ValueError, match=f"port {port} is in use"):
            strategies.make("multiworker")


def test_workers_cannot_join_a_process_that_has_computed(monkeypatch):
    tf.constant(1.0) + 1
    (port,) = free_ports(1)
    config = {"cluster": {"worker": [f"127.0.0.1:{port}", "127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with refused(RuntimeError, match="started without its workers"):
        strategies.make()


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.1)


def workers_of(recipe):
    """Process ids of the running workers, by index."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{name}/cmdline").read().split("\0")
            environment = open(f"/proc/{name}/environ").read().split("\0")
        except OSError:
            continue
        if str(recipe) in command and "multiworker" in command:
            config = next((line for line in environment if line.startswith("TF_CONFIG=")), None)
            if config is not None and "keras-i2i" in " ".join(command):
                found[json.loads(config.removeprefix("TF_CONFIG="))["task"]["index"]] = int(name)
    return found


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="it finds the workers in /proc")
@pytest.mark.parametrize("victim", [0, 1])
def test_worker_that_dies_rejoins(recipe_file, tmp_path, victim):
    """scripts/workers.sh: one is killed in the middle, all go on, and the end is that of a run on one device."""
    recipe_file.write_text(recipe_file.read_text().replace("steps: 4", "steps: 12", 1))
    out = tmp_path / "team"
    port = min(free_ports(2))
    environment = {
        **os.environ,
        "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
        "PYTHONPATH": ROOT,
        "KERAS_BACKEND": "tensorflow",
    }
    command = [f"{ROOT}/scripts/workers.sh", "2", str(port), str(recipe_file), str(out)]
    process = subprocess.Popen(command, env=environment)
    try:
        wait_for(lambda: (out / "run/last.weights.h5").is_file())
        killed = workers_of(recipe_file)
        os.kill(killed[victim], signal.SIGKILL)
        assert process.wait(timeout=600) == 0
    finally:
        process.terminate()
    model = zoo.load(out)
    assert model.steps_taken == 12
    train(recipe_file, tmp_path / "one", verbose=0)
    one, team = (list(csv.DictReader((folder / "run/log.csv").open())) for folder in (tmp_path / "one", out))
    assert [row["epoch"] for row in team] == [row["epoch"] for row in one], "every epoch is logged once"
    for column in ("generator/reconstruction", "generator/domain"):
        found, expected = ([float(row[column]) for row in rows] for rows in (team, one))
        np.testing.assert_allclose(found, expected, rtol=0.02, err_msg=column)
