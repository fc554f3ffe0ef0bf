"""Packages: fetched once, read only when they are the release that is asked for, and never unpacked to the disk."""

import base64
import dataclasses
import io
import tarfile

import pytest

from keras_i2i.data.packages import Package, integrity
from tests.harness import refused


def left(folder):
    """All that is under a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_integrity_is_what_npm_writes(tmp_path):
    """The digest of "abc" in FIPS 180-4."""
    (tmp_path / "x").write_bytes(b"abc")
    known = bytes.fromhex(
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    )
    assert integrity(tmp_path / "x") == "sha512-" + base64.b64encode(known).decode()


def test_fetched_once_and_read_in_part(npm):
    package = npm("pictures", {"package/a/1.png": b"one", "package/a/2.png": b"two", "package/b/3.png": b"three"})
    for _ in range(2):
        assert package.read("package/a/") == {"package/a/1.png": b"one", "package/a/2.png": b"two"}
    assert package.read("package/a/1", "package/b/") == {"package/a/1.png": b"one", "package/b/3.png": b"three"}
    (call,) = npm.calls.read_text().splitlines()
    assert call.startswith("pack pictures@1.0.0 --ignore-scripts")
    assert left(npm.cache) == ["packages", "packages/pictures-1.0.0.tgz"]


def test_only_plain_files_are_read_and_nothing_is_written(npm, tmp_path):
    path = npm.shop / "crooked-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, target in (
            ("package/../../evil", tarfile.REGTYPE, ""),
            ("/package/evil", tarfile.REGTYPE, ""),
            ("package/link", tarfile.SYMTYPE, "/etc/passwd"),
            ("package/hard", tarfile.LNKTYPE, "package/good"),
            ("package/pipe", tarfile.FIFOTYPE, ""),
            ("package/good", tarfile.REGTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname, member.size = kind, target, 4 if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(b"text"))
    before = set(left(tmp_path))
    package = Package("crooked", "1.0.0", integrity(path))
    assert package.read("package/good", "package/link", "package/hard", "package/pipe") == {"package/good": b"text"}
    new = set(left(tmp_path)) - before
    assert new == {"calls", "cache", "cache/packages", "cache/packages/crooked-1.0.0.tgz"}


def test_another_release_than_is_asked_for_is_thrown_away(npm):
    package = npm("pictures", {"package/a": b"one"})
    npm("pictures", {"package/a": b"another"})
    with refused(ValueError, match="pictures@1.0.0 is not the release .* SHA-512 differs"):
        package.read("package/")
    assert left(npm.cache) == ["packages"]


def test_a_spoiled_cache_is_fetched_again(npm):
    package = npm("pictures", {"package/a": b"one"})
    kept = package.tarball()
    kept.write_bytes(kept.read_bytes()[:-1])
    assert package.read("package/") == {"package/a": b"one"}
    assert len(npm.calls.read_text().splitlines()) == 2


def test_without_npm_it_can_be_put_there_by_hand(npm, tmp_path, monkeypatch):
    package = npm("pictures", {"package/a": b"one"})
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    place = npm.cache / "packages" / "pictures-1.0.0.tgz"
    with refused(FileNotFoundError, match="install Node.js, .* `npm pack pictures@1.0.0` .*pictures-1.0.0.tgz"):
        package.read("package/")
    place.parent.mkdir(parents=True)
    (npm.shop / place.name).rename(place)
    assert package.read("package/") == {"package/a": b"one"}


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "ENOTFOUND"),
        ("echo 'npm ERR! code E404' >&2; exit 1", "E404"),
        ("echo oh >&2; exit 3", "exit code 3"),
        ("exit 0", "it wrote no pictures-1.0.0.tgz"),
    ],
)
def test_what_npm_cannot_fetch(npm, tmp_path, script, reason):
    package = dataclasses.replace(npm("other", {}), name="pictures")
    if script is not None:
        (tmp_path / "tools" / "npm").write_text(f"#!/bin/sh\n{script}\n")
    with refused(ConnectionError, match=rf"npm could not fetch pictures@1.0.0 \({reason}\): check the network"):
        package.read("package/")
    assert left(npm.cache) == ["packages"]


def test_a_cache_that_cannot_be_written(npm, tmp_path, monkeypatch):
    package = npm("pictures", {"package/a": b"one"})
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "file"))
    with refused(OSError, match="set KERAS_I2I_CACHE to a folder that can be written"):
        package.read("package/")
