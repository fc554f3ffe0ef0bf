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
    rows = "epoch,loss,measured/accuracy,monitor/controller\n0,1.0,0.5,0.1\n1,0.5,0.75,0.2\n"
    (tmp_path / "run/log.csv").write_text(rows)
    text = "{name: n, task: t, method: m, license: {code: a, weights: a, data: a}, steps: 20, steps_per_epoch: 10,\n"
    part = "{x: {source: {folder: /nowhere}}}"
    text += f"data: {{image_size: 16, batch_size: 2, domains: {{a: {part}, b: {part}}}}}}}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    weights = types.SimpleNamespace(sha256="0" * 64)
    record = types.SimpleNamespace(
        name="n", method="m", task="t", weights=weights, training={"seed": 1, "steps": 20, "data": {}}
    )
    made = claims.report(types.SimpleNamespace(record=record, folder=tmp_path), {"accuracy": 0.8}, "test", 1234)
    assert made["curve"] == {"step": [10, 20], "accuracy": [0.5, 0.75], "monitor/controller": [0.1, 0.2]}
    assert (
        made["parameters"] == 1234
        and made["seed"] == 1
        and made["metrics"] == {"accuracy": 0.8}
        and made["weights_sha256"] == "0" * 64
    )
    before = types.SimpleNamespace(name="first", training={"steps": 5, "pairs": 50, "wall_time_s": 2.0})
    record.training |= {"pairs": 40, "wall_time_s": 1.0}
    found, before = (types.SimpleNamespace(record=one, folder=tmp_path) for one in (record, before))
    both = claims.report(found, {}, "test", 12, before)
    assert (both["name"], both["steps"], both["pairs"], both["wall_time_s"]) == ("first+n", 25, 90, 3.0)
    folder = tmp_path / "tests/claims/digits/reports"
    folder.mkdir(parents=True)
    (folder / "n-1.json").write_text(json.dumps(made))
    assert claims.read(tmp_path, "digits") == [made]


def test_every_comparison_has_a_table_without_reports():
    for name in claims.COMPARISONS:
        assert claims.table(name, []).count("not measured yet") == len(claims.COMPARISONS[name].claims)


def test_dino_is_held_against_the_others_in_its_own_world():
    values = dict(psnr=20.0, ssim=0.8, pixel_accuracy=0.9, mean_iou=0.7, parameters=10_000_000)
    reports = [run(f"{name}_rooms", **values) for name in ("dino", "dino_bidirectional", "pix2pix", "bicyclegan")]
    for one in reports:
        one["parameters"] = one["metrics"].pop("parameters")
    text = claims.table("rooms", reports)
    assert text.count("**holds**") == 2 and "10.0 and 20.0 million parameters" in text and "| 10000000 |" in text
    reports[0]["metrics"]["ssim"] = 0.79
    reports[1]["metrics"]["psnr"] = 19.0
    text = claims.table("rooms", reports)
    assert text.count("**does not hold**") == 2 and "ssim 0.790 (best other 0.800)" in text
    assert claims.table("avatar_parts", reports).count("not measured yet") == 2


def test_orders_of_ablations_must_rise_everywhere():
    names = [f"mix_match_{name}_modalities" for name in ("pairs", "autoencoders", "latent", "noise")]
    reports = [run(name, mean_iou=0.1 * place) for place, name in enumerate([*names, "mix_match_rooms"])]
    text = claims.table("modalities", reports)
    assert "pseudo-pairs: **holds**, 0.000 < 0.100 < 0.200 < 0.300 < 0.400." in text
    reports[2]["metrics"]["mean_iou"] = 0.1
    assert "pseudo-pairs: **does not hold**" in claims.table("modalities", reports)
    reports += [
        run("pix2pix_depth_rgb+pix2pix_rgb_segmentation", mean_iou=0.2),
        run("cyclegan_modalities", mean_iou=0.1),
    ]
    assert "above CycleGAN: **holds**, 0.400, 2x pix2pix 0.200, CycleGAN 0.100." in claims.table("modalities", reports)
