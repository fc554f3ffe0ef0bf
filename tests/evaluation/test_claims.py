"""Tables of claims: means and spreads over seeds, and verdicts that numbers can turn."""

import json
import types

import pytest

from keras_i2i.evaluation import claims


def run(name, seed=0, curve=None, **metrics):
    return {
        "name": name,
        "method": name.split("_")[0],
        "seed": seed,
        "steps": 100,
        "pairs": 800,
        "wall_time_s": 120.0,
        "metrics": {**metrics, "protocol": {"images": 3}},
        "curve": curve or {},
    }


def test_means_and_spreads_are_over_seeds():
    reports = [
        run("xgan_digits", 0, accuracy=0.9),
        run("xgan_digits", 1, accuracy=0.8),
        run("dtn_digits", accuracy=0.7),
    ]
    lines = claims.table("digits", reports).splitlines()
    assert lines[2].startswith("| `xgan_digits` | 2 | 100 | 1600 | 2 ± 0 | 0.850 ± 0.071 |")
    assert lines[3].startswith("| `dtn_digits` | 1 | 100 | 1600 | 2 | 0.700 |  |")


def test_verdicts_follow_the_numbers():
    good = [
        run("xgan_digits", accuracy=0.9),
        run("dtn_tuned_digits", accuracy=0.5),
        run("cyclegan_digits", accuracy=0.6),
    ]
    text = claims.table("digits", good)
    assert "reaches 0.86: **holds**, 0.900." in text
    assert "about 0.70: not measured yet." in text and "stay below XGAN: not measured yet." in text
    bad = [
        *good[1:],
        run("xgan_digits", accuracy=0.59),
        run("unit_digits", accuracy=0.2),
        run("dtn_digits", accuracy=0.7),
    ]
    text = claims.table("digits", bad)
    assert "reaches 0.86: **does not hold**, 0.590." in text and "about 0.70: **holds**" in text
    assert "**does not hold**, cyclegan 0.600, unit 0.200, xgan 0.590." in text


def curve(accuracies, errors):
    return {"step": [25, 50, 75, 100], "accuracy": accuracies, "cycle_l1": errors}


@pytest.mark.parametrize(
    ("errors", "verdict"),
    [
        (
            [0.1, 0.1, 0.1, 0.1],
            "**holds**, both after 25 steps, accuracy after 25 steps, cycle error after 25 steps; UNIT trains for 100",
        ),
        (
            [0.3, 0.1, 0.1, 0.1],
            "**does not hold**, both after 50 steps, accuracy after 25 steps, cycle error after 50 steps",
        ),
        ([0.3, 0.3, 0.3, 0.3], "**does not hold**, both never, accuracy after 25 steps, cycle error never"),
    ],
)
def test_speed_is_read_off_the_curves(errors, verdict):
    unit = run("unit_haircolor", accuracy=0.9, curve=curve([0.1, 0.5, 0.8, 0.9], [0.9, 0.5, 0.3, 0.2]))
    avb = run("avb_gtn_haircolor", accuracy=1.0, curve=curve([0.95] * 4, errors))
    assert verdict in claims.table("haircolor", [unit, avb])
    assert "not measured yet" in claims.table("haircolor", [unit])


def test_a_report_has_the_run_and_its_curve(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/log.csv").write_text("epoch,loss,measured/accuracy\n0,1.0,0.5\n1,0.5,0.75\n")
    text = "{name: n, task: t, method: m, license: {code: a, weights: a, data: a}, steps: 20, steps_per_epoch: 10,\n"
    part = "{x: {source: {folder: /nowhere}}}"
    text += f"data: {{image_size: 16, batch_size: 2, domains: {{a: {part}, b: {part}}}}}}}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    weights = types.SimpleNamespace(sha256="0" * 64)
    record = types.SimpleNamespace(
        name="n", method="m", task="t", weights=weights, training={"seed": 1, "steps": 20, "data": {}}
    )
    made = claims.report(types.SimpleNamespace(record=record, folder=tmp_path), {"accuracy": 0.8}, "test")
    assert made["curve"] == {"step": [10, 20], "accuracy": [0.5, 0.75]}
    assert made["seed"] == 1 and made["metrics"] == {"accuracy": 0.8} and made["weights_sha256"] == "0" * 64
    folder = tmp_path / "tests/claims/digits/reports"
    folder.mkdir(parents=True)
    (folder / "n-1.json").write_text(json.dumps(made))
    assert claims.read(tmp_path, "digits") == [made]


def test_every_comparison_has_a_table_without_reports():
    for name in claims.COMPARISONS:
        assert claims.table(name, []).count("not measured yet") == len(claims.COMPARISONS[name].claims)
