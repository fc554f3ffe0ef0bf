"""A run that is killed, again and again and at any moment, ends in the same bits as one that is left alone."""

import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.core.runs import STEPS
from tests.harness import ROOT

pytestmark = pytest.mark.slow


def run(method, folder, out, moment):
    """Starts a run and waits for its end; returns its exit code."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ROOT, "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-m", "tests.core.runs", method, str(folder), str(out), str(moment)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-4000:]
    return done.returncode


def assert_same_bits(method, kills, tmp_path):
    never = 10**6
    assert run(method, tmp_path / "whole", tmp_path / "whole.npz", never) == 0
    rng = random.Random(method)
    for count in range(kills):
        moment = rng.randint(1, 4 * STEPS + 12)  # within two epochs and their checkpoints
        assert run(method, tmp_path / "killed", tmp_path / "killed.npz", moment) == -signal.SIGKILL, (count, moment)
    assert run(method, tmp_path / "killed", tmp_path / "killed.npz", never) == 0
    whole, killed = (dict(np.load(tmp_path / f"{name}.npz")) for name in ("whole", "killed"))
    assert set(whole) == set(killed) and len(whole) > 10
    for key, value in whole.items():
        assert np.array_equal(killed[key], value), key


# A class each, since several processes share the tests by classes: these are the longest. What starts soonest is killed
# most often, as all write their checkpoints alike.
class TestCycleGAN:
    def test_ends_in_the_same_bits(self, tmp_path):
        assert_same_bits("cyclegan", 3, tmp_path)


class TestXGAN:
    def test_ends_in_the_same_bits(self, tmp_path):
        assert_same_bits("xgan", 3, tmp_path)


class TestStaged:
    def test_ends_in_the_same_bits(self, tmp_path):
        assert_same_bits("staged", 14, tmp_path)
