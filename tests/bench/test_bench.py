"""The bench counts, takes turns and reports what it says."""

import json
import sys

import keras
import pytest

from keras_i2i.bench import flops, training
from keras_i2i.bench.turns import Contestant, compete
from keras_i2i.methods.cyclegan import CycleGAN
from keras_i2i.networks.resnet import patch_discriminator, resnet_generator
from tests.harness import assert_one_sentence, run_python

# Notes its turns in a file, and takes a while.
TURNS = """
import sys, time
from keras_i2i.bench.turns import serve
name, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
def work():
    time.sleep(seconds)
    open(path, "a").write(name)
serve(work, warm=1)
"""


def turning(name, seconds, path):
    return Contestant(name, [sys.executable, "-c", TURNS, name, str(seconds), str(path)])


def test_contestants_take_turns(tmp_path):
    path = tmp_path / "turns"
    quick, slow = turning("q", 0.0, path), turning("s", 0.05, path)
    compete([quick, slow], 3)
    assert path.read_text() == "qs" + 3 * "qs"  # warm, one after the other; then in turns
    assert len(quick.seconds) == len(slow.seconds) == 3
    assert quick.median < 0.05 <= slow.median and min(quick.peak_mb, slow.peak_mb) > 5


@pytest.mark.parametrize("code", ["raise SystemExit('no such thing')", "print('ready', flush=True)"])
def test_a_contestant_that_dies_is_named(code):
    with pytest.raises(RuntimeError, match="'gone' ended before its time") as caught:
        compete([Contestant("gone", [sys.executable, "-c", code])], 1)
    assert_one_sentence(caught)


def test_operations_are_those_counted_by_hand():
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, 2, "same"),
            keras.layers.Conv2DTranspose(5, 4, 2, "same"),
            keras.layers.Flatten(),
            keras.layers.Dense(7),
        ]
    )
    first = 2 * 4 * 4 * 9 * 3 * 4
    assert flops.forward(network) == (first + 2 * 4 * 4 * 16 * 4 * 5 + 2 * 8 * 8 * 5 * 7, first)


def test_the_case_of_cyclegan_has_the_arithmetic_counted_by_hand():
    generator = 2 * 64 * 64 * 49 * 3 * 32  # c7s1-32
    first = generator
    generator += 2 * (32 * 32 * 9 * 32 * 64 + 16 * 16 * 9 * 64 * 128)
    generator += 12 * 2 * 16 * 16 * 9 * 128 * 128
    generator += 2 * (16 * 16 * 9 * 128 * 64 + 32 * 32 * 9 * 64 * 32) + 2 * 64 * 64 * 49 * 32 * 3
    assert flops.forward(resnet_generator((64, 64, 3), filters=32, blocks=6)) == (generator, first)
    judge = 2 * 32 * 32 * 16 * 3 * 64
    judge_first = judge
    judge += 2 * (16 * 16 * 16 * 64 * 128 + 8 * 8 * 16 * 128 * 256 + 7 * 7 * 16 * 256 * 512 + 6 * 6 * 16 * 512)
    assert flops.forward(patch_discriminator((64, 64, 3))) == (judge, judge_first)
    step = 2 * (9 * generator - 2 * first) + 2 * (8 * judge - 2 * judge_first)
    case = training.CASES["cyclegan"]
    assert flops.cyclegan_step(CycleGAN(**case.config)) == step
    assert 24e9 < step < 27e9


@pytest.mark.slow
def test_a_step_is_measured_and_reported(monkeypatch):
    config = dict(image_size=32, filters=4, blocks=1, discriminator_filters=4, pool_size=0)
    monkeypatch.setitem(training.CASES, "cyclegan", training.Case(config, 2, flops.cyclegan_step))
    report = training.measure("cyclegan", rounds=2, threads=1, compiled=False)
    ours = report["contestants"]["keras_i2i"]
    assert len(ours["seconds"]) == 2 and ours["median_s"] > 0 and ours["peak_mb"] > 100
    assert 0 < ours["share_of_product"] < 1 and json.loads(json.dumps(report)) == report
    table = training.table(report)
    assert f"| {ours['median_s']:.3f} |" in table and table.count("\n| ") == 1 + len(report["contestants"])
    if "best_twin" in report:
        assert report["speed_over_best_twin"] > 0 and "PyTorch, eager" in table


def test_unknown_case_is_a_usage_error():
    code = "import sys; sys.argv = ['keras-i2i', 'bench', 'train', 'Cycle']; from keras_i2i.cli import main; main()"
    with pytest.raises(AssertionError, match="no case for 'Cycle'"):
        run_python(code)
