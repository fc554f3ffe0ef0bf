"""One device, two replicas and two workers learn the same from the same global batches."""

import os
import subprocess
import sys

import numpy as np
import pytest

from keras_i2i.bench.scaling import free_ports
from tests.core.games import GAMES
from tests.harness import ROOT
from tests.training.test_run import arrays

pytestmark = pytest.mark.slow
PLACES = {"one": "one/0", "mirrored": "mirrored/0", "worker0": "workers/0", "worker1": "workers/1"}


def start(*arguments):
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ROOT, "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-m", "tests.core.games", *map(str, arguments)]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def finish(*processes, timeout=900):
    try:
        for process in processes:
            _, errors = process.communicate(timeout=timeout)
            assert process.returncode == 0, errors[-4000:]
    finally:
        for process in processes:
            process.kill()


@pytest.fixture(scope="module")
def folders(tmp_path_factory, recipe_text):
    """Where every way of playing has written."""
    root = tmp_path_factory.mktemp("games")
    # Adam divides rounding errors by gradients near 0: after few steps alone are weights comparable.
    (root / "tiny.yaml").write_text(recipe_text.replace("steps: 4\nsteps_per_epoch: 2", "steps: 2\nsteps_per_epoch: 1"))
    ways = {way: root / place for way, place in PLACES.items()}
    for folder in ways.values():
        folder.mkdir(parents=True)
    for way in ("one", "mirrored"):
        finish(start(way, ways[way], root / "tiny.yaml"))
    ports = free_ports(2)
    finish(*(start(index, ways[f"worker{index}"], root / "tiny.yaml", *ports) for index in (0, 1)))
    return ways


@pytest.fixture(scope="module")
def played(folders):
    """What every way of playing ended in: way -> game -> arrays."""
    return {way: {name: dict(np.load(folder / f"{name}.npz")) for name in GAMES} for way, folder in folders.items()}


@pytest.mark.parametrize("way", ["mirrored", "worker0"])
@pytest.mark.parametrize("name", GAMES)
def test_all_learn_the_same(played, name, way):
    """One optimizer step, or five over two stages, with averages and a frozen network; in the logs too."""
    expected, found = played["one"][name], played[way][name]
    assert set(expected) == set(found)
    for key, value in expected.items():
        kind = key.split("/")[0]
        tolerance = {"weight": GAMES[name].tolerance, "translation": 1e-4, "count": 0}.get(kind, 2e-5)
        if kind == "moment":  # of an optimizer: as large as gradients are
            tolerance *= max(1.0, np.abs(value).max())
        np.testing.assert_allclose(found[key], value, rtol=0, atol=tolerance, err_msg=key)


@pytest.mark.parametrize("name", GAMES)
def test_workers_end_equal_in_every_bit(played, name):
    first, second = played["worker0"][name], played["worker1"][name]
    for key in first:
        assert np.array_equal(first[key], second[key]), key


def test_gates_open_on_all_replicas_or_on_none(played):
    counts = {key: int(value) for key, value in played["worker0"]["gated"].items() if key.startswith("count")}
    assert counts == {"count/generator": 1, "count/discriminator_a": 1, "count/discriminator_b": 0}


def test_no_picture_is_seen_twice_in_an_epoch(folders):
    seen = {way: np.load(folder / "seen.npy") for way, folder in folders.items()}
    assert seen["worker0"].shape == seen["worker1"].shape == (6, 2)
    whole = np.concatenate([seen["worker0"], seen["worker1"]], axis=1)
    assert np.array_equal(whole, seen["one"]) and np.array_equal(whole, seen["mirrored"])
    assert sorted(whole.ravel()) == list(range(24))


def test_runs_are_taken_up_wherever_they_train(folders):
    ends = {way: dict(np.load(folder / "resumed.npz")) for way, folder in folders.items()}
    for key, value in ends["one"].items():
        for way in ("mirrored", "worker0"):
            np.testing.assert_allclose(ends[way][key], value, rtol=0, atol=1e-5)
        assert np.array_equal(ends["worker0"][key], ends["worker1"][key])


@pytest.mark.parametrize("way", ["mirrored", "worker0"])
def test_recipes_train_to_the_same_end(folders, way):
    """On the same global batches, of which each replica has its share, in two epochs."""
    one, other = (arrays(folders[name].parent / "trained/run/last.weights.h5") for name in ("one", way))
    assert set(one) == set(other)
    for name in {name for name in one if not name.startswith("optimizers/")}:
        np.testing.assert_allclose(other[name], one[name], rtol=0, atol=5e-5, err_msg=name)
