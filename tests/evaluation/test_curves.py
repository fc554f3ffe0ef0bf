"""Curves of runs."""

import json

import pytest
from PIL import Image

from keras_i2i.evaluation import curves

pytest.importorskip("matplotlib")


def report(name, seed, values):
    return {"name": name, "seed": seed, "curve": {"step": [1, 2, 3], "accuracy": values} if values else {}}


def test_command_draws_every_run_of_a_source_tree(tmp_path):
    folder = tmp_path / "tests/claims/haircolor/reports"
    folder.mkdir(parents=True)
    for one in (report("unit", 0, [0.1, 0.2, 0.3]), report("avb", 0, [0.5, 0.6, 0.7]), report("avb", 1, None)):
        (folder / f"{one['name']}-{one['seed']}.json").write_text(json.dumps(one))
    out = tmp_path / "curves.png"
    curves.main(["haircolor", "-o", str(out), "--metrics", "accuracy", "--root", str(tmp_path)])
    with Image.open(out) as drawn:
        assert drawn.size == (round(curves.WIDTH * curves.DOTS), round(curves.HEIGHT * curves.DOTS))
        colors = {color for _, color in drawn.convert("RGB").getcolors(1 << 20)}
    assert {(31, 119, 180), (255, 127, 14)} <= colors, "a line a method, in its own colour"


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="No report has a curve"):
        curves.draw([report("unit", 0, None)], {"accuracy": "accuracy"}, "none.png")
    with pytest.raises(ValueError, match="No report has a curve of monitor/controller"):
        curves.draw([report("unit", 0, [0.1, 0.2, 0.3])], {"monitor/controller": "controller"}, "none.png")
