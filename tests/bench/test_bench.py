"""The bench counts, takes turns and reports what it says."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_i2i import zoo
from keras_i2i.bench import deploy, flops, growth, inference, pipeline, scaling, serving, startup, training, worker
from keras_i2i.bench.turns import Contestant, compete
from keras_i2i.core import backend
from keras_i2i.export import tflite
from keras_i2i.methods.cyclegan import CycleGAN
from keras_i2i.methods.xgan import XGAN
from keras_i2i.networks.resnet import patch_discriminator, resnet_generator
from keras_i2i.training import environment
from tests.harness import refused, run_python
from tests.zoo.conftest import LICENSE, published, tiny_model, tiny_zoo  # noqa: F401

# Notes its turns in a file, and takes a while.
TURNS = """
import sys, time
from keras_i2i.bench.turns import serve
name, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
def work():
    time.sleep(seconds)
    open(path, "a").write(name)
serve(work, warm=1, imports=3_000_000 if name == "s" else 0)
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
    assert (quick.imports_mb, slow.imports_mb) == (0, 3)


@pytest.mark.parametrize("code", ["raise SystemExit('no such thing')", "print('ready', flush=True)"])
def test_a_contestant_that_dies_is_named(code):
    with refused(RuntimeError, match="'gone' ended before its time"):
        compete([Contestant("gone", [sys.executable, "-c", code])], 1)


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


def test_the_case_of_xgan_has_the_arithmetic_counted_by_hand():
    def grown(side, before, widths, half):
        total = 0
        for width in widths:
            side = side // 2 if half else 2 * side
            total += 2 * 16 * before * width * (side if half else side // 2) ** 2
            before = width
        return total

    front = grown(64, 3, (32, 64), True)
    trunk = grown(16, 64, (128, 256), True) + 2 * 4096 * 1024 + 2 * 1024 * 1024
    stem = 2 * 1024 * 8192 + grown(4, 512, (256,), False)
    head = grown(8, 256, (128, 64, 3), False)
    classifier = 2 * (2 * 1024 * 1024 + 1024)
    judge = grown(64, 3, (16, 32, 32, 32), True) + 2 * 512
    total = 2 * (6 * front - 2 * 16 * 3 * 32 * 32**2) + 12 * trunk + 6 * stem + 12 * head + 6 * classifier
    total += 8 * judge - 2 * (2 * 16 * 3 * 16 * 32**2)
    assert flops.xgan_step(XGAN(**training.CASES["xgan"].config)) == total


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
    found = training.measure("cyclegan", rounds=2, threads=1, compiled=False)
    ours = found["contestants"]["keras_i2i"]
    assert len(ours["seconds"]) == 2 and ours["median_s"] > 0 and ours["peak_mb"] > ours["imports_mb"] > 100
    assert 0 < ours["share_of_product"] < 1 and json.loads(json.dumps(found)) == found
    table = training.table(found)
    assert f"| {ours['median_s']:.3f} |" in table and table.count("\n| ") == 2 + len(found["contestants"])
    if "best_twin" in found:
        assert found["speed_over_best_twin"] > 0 and "PyTorch, eager" in table


TINY = dict(image_size=32, filters=4, blocks=1, discriminator_filters=4, pool_size=0, seed=0)
CYCLEGAN = {"method": "cyclegan", "config": TINY}
KINDS = {
    "train": {**CYCLEGAN, "batch_size": 2, "jit_compile": "auto", "threads": 1},
    "product": {"size": 16, "threads": 1},
    "translate": {**CYCLEGAN, "batch_size": 2, "threads": 1},
    "network": {**CYCLEGAN, "batch_size": 2, "threads": 1},
    "batches": {"image_size": 16, "batch_size": 2, "count": 3, "threads": 1},
    "process": {"code": "print('said'); print(0.25)"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the bench is TensorFlow's")
def test_every_kind_of_work_can_be_repeated(kind, monkeypatch):
    monkeypatch.setattr(backend, "limit_threads", lambda count: None)  # this process has computed already
    work = worker.KINDS[kind](**KINDS[kind])
    assert {work(), work()} == {0.25 if kind == "process" else None}


def test_steps_train_as_fit_does(monkeypatch):
    models = []
    own = worker._model
    monkeypatch.setattr(backend, "limit_threads", lambda count: None)
    monkeypatch.setattr(worker, "_model", lambda *args: models.append(own(*args)) or models[-1])
    step = worker.train(**KINDS["train"])
    assert models[0].steps_taken == 1
    step()
    assert models[0].steps_taken == 2


def guessed(contestants, rounds):
    """In place of `compete`: the n-th contestant takes n seconds, and every turn a tenth more."""
    for number, contestant in enumerate(contestants, 1):
        contestant.seconds = [number * (1 + turn / 10) for turn in range(rounds)]
        contestant.peak_mb, contestant.imports_mb = 100.0 * number, 50.0


@pytest.mark.parametrize("bench", [training, inference, startup, pipeline, growth, scaling])
def test_reports_are_plain_values_and_tables_hold_them(bench, monkeypatch):
    monkeypatch.setattr(bench, "compete", guessed)
    monkeypatch.setattr(
        os, "sched_getaffinity", lambda process: {0, 1}, raising=False
    )  # whatever there is: none is used
    options = {training: {"method": "xgan"}}.get(bench, {})
    found = bench.measure(rounds=3, **options)
    assert json.loads(json.dumps(found)) == found and found["rounds"] == 3
    table = bench.table(found)
    assert found["machine"] in table and found["date"] in table and "| ---: |" in table
    widths = {line.count("|") for line in table.splitlines() if line.startswith("|")}
    assert len(widths) == 1, "a ragged table"
    if bench is training:
        assert found["contestants"]["keras_i2i"]["images_per_s"] == pytest.approx(32 / 1.1, abs=0.01)
        if "best_twin" in found:
            assert found["memory_over_best_twin"] == 0.5
            assert found["memory_without_imports_over_best_twin"] == pytest.approx(50 / 150, abs=1e-3)
    if bench is inference:
        assert found["best_other"] == "tf.function" and found["time_over_best_other"] == 0.5
        assert found["translate_over_network"]["resnet"]["ratio"] == 0.5 and "-50.0 %" in table
    if bench is startup:
        assert found["import_adds_s"] == pytest.approx(1.1) and "1.10 s to Keras" in table
    if bench is pipeline:
        own = found["sizes"]["64"]  # 64 batches in 1.1 s, a step in 2.2 and 3.3
        assert own["pipeline_over_fastest"] == 128.0 and own["pairs_per_s"]["xgan"] == pytest.approx(32 / 2.2, abs=0.01)
    if bench is growth:
        assert found["batch_size"]["exponent"] == found["image_size"]["exponent"] == 0
    if bench is scaling:
        assert found["share_of_ideal"] == 0.5


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="what is exported is TensorFlow's")
def test_formats_are_exported_and_timed(tmp_path, monkeypatch):
    from tests.methods.test_xgan import tiny

    monkeypatch.setattr(deploy, "compete", guessed)
    zoo.publish(tiny(image_size=32), tmp_path / "tiny", name="tiny", task="t", license=LICENSE)
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    kinds = ("savedmodel", "tflite", "tflite int8", "onnx")
    found = deploy.measure(model=tmp_path / "tiny", on=images[:3], calibrate=images[3:], rounds=3, kinds=kinds)
    assert json.loads(json.dumps(found)) == found and found["images"] == 3 and list(found["artifacts"]) == list(kinds)
    sizes = {kind: one["bytes"] for kind, one in found["artifacts"].items()}
    assert 0 < sizes["tflite int8"] < sizes["tflite"]
    assert found["artifacts"]["tflite"]["psnr"] > 70 > found["artifacts"]["tflite int8"]["psnr"] >= 32
    # Guessed times: the contestants of 1 and 2 threads in the order of the kinds take 1, 2, 3, ... seconds.
    assert found["artifacts"]["tflite int8"]["ms"] == {"1": 5500.0, "2": 6600.0}
    assert found["ratios"] == {"tflite int8 / tflite": {"1": 1.667, "2": 1.5}, "tflite / onnx": {"1": 0.429, "2": 0.5}}
    assert found["psnr_of_int8_norms"] > 10
    table = deploy.table(found)
    for known, said in ((False, True), (True, False), (None, False)):
        assert ("VNNI" in deploy.table({**found, "multiplies_int8": known})) == said
    assert "| `--to tflite`, `--quantize int8` |" in table and "tflite int8 (1.20)" in table and "3 images" in table


def test_exported_files_are_timed_in_turns(tiny_zoo, tmp_path):  # noqa: F811
    """By the script that needs neither Keras nor TensorFlow; its processes take part in our turns."""
    path = tflite.write(zoo.load("xgan_tiny"), tmp_path / "tiny.tflite")
    one = Contestant("lite", [sys.executable, str(deploy.SCRIPT), "--turns", str(path), "1"])
    compete([one], 2)
    assert len(one.seconds) == 2 and 0 < one.median < 1 and 10 < one.peak_mb < 300
    block = "import sys, runpy\nfor name in ('tensorflow', 'keras', 'keras_i2i'): sys.modules[name] = None\n"
    run = "sys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')\n"

    def script(*arguments):
        command = [sys.executable, "-c", block + run, str(deploy.SCRIPT), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    done = script(path, path, "--threads", 1, 2, "--rounds", 2)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[0] == "| file | MB | ms, threads: 1 | ms, threads: 2 | peak MB |"
    assert len(lines) == 4 and {line.count("|") for line in lines} == {6} and lines[2].startswith("| tiny.tflite |")
    (tmp_path / "no.tflite").write_bytes(b"no model")
    for name, text in {"missing.tflite": "There is no file", "no.tflite": "ended before its time"}.items():
        done = script(tmp_path / name)
        assert done.returncode == 1 and text in done.stderr and done.stdout == ""


@pytest.mark.parametrize(
    ("key", "value", "multiplies"),
    [
        ("flags", "fpu sse4_2 avx2 fma", False),
        ("flags", "avx2 avx512_vnni", True),
        ("Features", "fp asimd asimddp", True),
        ("Features", "fp asimd", False),
        ("bogomips", "4800", None),
    ],
)
def test_whether_a_processor_multiplies_int8_is_read_off_what_the_system_says(monkeypatch, key, value, multiplies):
    monkeypatch.setattr(environment, "_first", lambda path, asked: value if asked == key else None)
    assert environment.multiplies_int8() is multiplies


def test_exponents_are_those_of_powers():
    counts = [1, 2, 4, 8]
    assert growth.exponent(counts, [3 * n**1.5 for n in counts]) == pytest.approx(1.5)
    assert growth.exponent(counts, [0.7] * 4) == pytest.approx(0)


@pytest.mark.slow
def test_two_workers_step_together():
    found = scaling.measure(rounds=1, batch_size=2, config=TINY)
    assert all(c["median_s"] > 0 for c in found["contestants"].values()) and found["share_of_ideal"] > 0


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.parametrize("way", ["eager", "channels_last", "onnxruntime"])
def test_twins_translate(way):
    pytest.importorskip("torch")
    if way == "onnxruntime":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnx")
    case = {"kind": "translate", **CYCLEGAN, "batch_size": 1, "threads": 1, "ways": [way]}
    (twin,) = Contestant.twins(**case)
    compete([twin], 1)
    assert twin.median > 0


def test_unknown_case_is_a_usage_error():
    code = "import sys; sys.argv = ['keras-i2i', 'bench', 'train', 'Cycle']; from keras_i2i.cli import main; main()"
    with pytest.raises(AssertionError, match="no case for 'Cycle'"):
        run_python(code)


@pytest.mark.slow
def test_a_server_under_load_and_under_bad_requests(tmp_path):
    from tests.methods.test_xgan import tiny

    tiny().export(tmp_path / "faces" / "1")
    options = dict(clients=(1, 3), seconds=0.3, rounds=1, bad=30, large=70 * 2**20)
    found = json.loads(json.dumps(serving.measure(model=str(tmp_path / "faces"), **options)))
    kinds = [(one["protocol"], one["clients"], one["server"]) for one in found["loads"]]
    assert kinds == [("grpc", n, name) for n in (1, 3) for name in ("batching", "one by one")] + [
        ("rest", 3, "batching")
    ]
    assert all(0 < one["p50_ms"] <= one["p99_ms"] and one["per_s"] > 1 for one in found["loads"])
    bad = found["malformed"]
    assert (bad["requests"], bad["wrong"]) == (30, 0) and bad["statuses"]["body of 70 MB"] == {"413": 10}
    assert found["sigterm"]["lost"] == found["sigterm"]["exit_code"] == 0 and found["sigterm"]["answered"] >= 200
    told = serving.table(found)
    assert (
        "30 malformed requests, 0 with another status" in told and "0 lost" in told and "| gRPC, batching | 3 |" in told
    )


def test_statuses_that_are_not_due_are_counted(monkeypatch):
    """The bench's own eyes: a server that lets everything pass is found out."""

    class Lax:
        rest, name = "http://127.0.0.1:1/v1/models/lax", "lax"

        def memory_mb(self):
            return None

    monkeypatch.setattr(serving, "_post", lambda *_: 200)
    monkeypatch.setattr(serving, "hang_up", lambda *_: 0)
    monkeypatch.setattr(serving, "asker", lambda *_: (lambda: None, lambda: None))
    found = serving.malformed(Lax(), 20, large=10)
    assert found["wrong"] == found["requests"] == 20 and found["before_mb"] is None
