"""Fixtures of the data tests: tiny pictures, and packages of them."""

import dataclasses
import io
import json
import os
import tarfile

import numpy as np
import pytest
from PIL import Image

from keras_i2i.data import art
from keras_i2i.data.packages import Package, integrity


@pytest.fixture
def folder(tmp_path):
    """Twelve 20x20 PNG files in two sub-folders, each of one grey level: 0, 20, 40, ..."""
    for index in range(12):
        path = tmp_path / "pictures" / ("even" if index % 2 == 0 else "odd") / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (index * 20,) * 3).save(path)
    return tmp_path / "pictures"


@pytest.fixture
def ramps():
    """Eight 16x16 pictures, no two pixels of one alike in any channel but the last."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    number = np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1) * 30
    return np.concatenate([np.tile(ramp, (8, 1, 1, 1)), np.tile(255 - ramp, (8, 1, 1, 1)), number + 0 * ramp], axis=-1)


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A shop of packages, with an npm on PATH that knows no other, and an empty cache.

    Returns:
        A function of a name and of path -> bytes, which makes a package of the version 1.0.0 and returns it. Its
        `calls` is the file in which npm notes what it was asked, `shop` the tarballs' folder, `cache` the cache.
    """
    shop, calls, tools = tmp_path / "shop", tmp_path / "calls", tmp_path / "tools"
    shop.mkdir()
    tools.mkdir()
    (tools / "npm").write_text(
        f"""#!/bin/sh
echo "$*" >> '{calls}'
file="{shop}/$(echo "$2" | tr @ -).tgz"
[ -f "$file" ] || {{ echo 'npm error code ENOTFOUND' >&2; exit 1; }}
cp "$file" .
"""
    )
    (tools / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "cache"))

    def offer(name, files):
        path = shop / f"{name}-1.0.0.tgz"
        with tarfile.open(path, "w:gz") as archive:
            for file, content in files.items():
                member = tarfile.TarInfo(file)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        return Package(name, "1.0.0", integrity(path))

    offer.calls, offer.shop, offer.cache = calls, shop, tmp_path / "cache"
    return offer


@pytest.fixture
def tiny_emoji(npm, monkeypatch):
    """The set "emoji" with seven pictures of 16x16 pixels, transparent but for a square; the last two share a drawing.

    Returns:
        Code points -> the red of the square as Google draws it; Twitter's is brighter by 100.
    """
    reds = {"1F44B": 10, "1F44B-1F3FB": 20, "1F600": 30, "1F512": 40, "1F608": 50, "1F1EB-1F1F7": 60, "1F1E8-1F1F5": 60}
    entries = [{"image": f"{name.lower()}.png", "category": "Things"} for name in reds if name != "1F44B-1F3FB"]
    entries[0]["skin_variations"] = {"1F3FB": {"image": "1f44b-1f3fb.png"}}
    drawings = {}
    for domain, brighter in (("google", 0), ("twitter", 100)):
        files = {"package/emoji.json": json.dumps(entries).encode(), "package/LICENSE": b"Do as you like."}
        for place, (name, red) in enumerate(reds.items()):
            picture = np.zeros((16, 16, 4), np.uint8)
            picture[4:12, 4:12] = (red + brighter, place if brighter else 0, 0, 255)
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG")
            files[f"package/img/{domain}/64/{name.lower()}.png"] = file.getvalue()
        package = npm(f"emoji-datasource-{domain}", files)
        drawings[domain] = dataclasses.replace(art.PAIRS["emoji"].drawings[domain], package=package)
    monkeypatch.setitem(art.PAIRS, "emoji", dataclasses.replace(art.PAIRS["emoji"], drawings=drawings))
    return reds
