"""A run that is killed, again and again and at any moment, ends in the same bits as one that is left alone."""

import json
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


@pytest.fixture
def run(tmp_path):
    """A function that does a run and returns its exit code."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ROOT, "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-m", "tests.core.runs"]
    with open(tmp_path / "said", "w+") as said:
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said)
        with subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes) as process:

            def run(method, name, moment):
                line = json.dumps([method, str(tmp_path / name), str(tmp_path / f"{name}.npz"), moment])
                print(line, file=process.stdin, flush=True)
                code = process.stdout.readline().strip()
                assert code in ("0", f"{-signal.SIGKILL}"), (tmp_path / "said").read_text()[-4000:]
                return int(code)

            yield run
            process.stdin.close()


def assert_same_bits(run, method, kills, folder):
    never = 10**6
    assert run(method, "whole", never) == 0
    rng = random.Random(method)
    for count in range(kills):
        moment = rng.randint(1, 4 * STEPS + 12)  # within two epochs and their checkpoints
        assert run(method, "killed", moment) == -signal.SIGKILL, (count, moment)
    assert run(method, "killed", never) == 0
    whole, killed = (dict(np.load(folder / f"{name}.npz")) for name in ("whole", "killed"))
    assert set(whole) == set(killed) and len(whole) > 10
    for key, value in whole.items():
        assert np.array_equal(killed[key], value), key


# A class each, since several processes share the tests by classes: these are the longest. What starts soonest is killed
# most often, as all write their checkpoints alike.
class TestCycleGAN:
    def test_ends_in_the_same_bits(self, run, tmp_path):
        assert_same_bits(run, "cyclegan", 3, tmp_path)


class TestXGAN:
    def test_ends_in_the_same_bits(self, run, tmp_path):
        assert_same_bits(run, "xgan", 3, tmp_path)


class TestStaged:
    def test_ends_in_the_same_bits(self, run, tmp_path):
        assert_same_bits(run, "staged", 14, tmp_path)
