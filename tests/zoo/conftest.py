"""A zoo with one tiny model, made once and copied for every test."""

import shutil

import pytest

from keras_i2i import zoo

LICENSE = zoo.License("Apache-2.0", "research only", "made by the test")


@pytest.fixture(scope="session")
def tiny_model():
    """An uncompiled XGAN for 16x16 images."""
    import keras_i2i as ki

    widths = {"encoder_filters": (4, 8, 8, 16), "decoder_filters": (16, 8, 8, 4), "output_filters": 8}
    dense = {"embedding_dim": 8, "hidden_dim": 8, "domain_hidden": (8,)}
    return ki.XGAN(
        image_size=16, domains=("photo", "cartoon"), seed=0, **{**widths, **dense, "adversarial_targets": ()}
    )


@pytest.fixture(scope="session")
def published(tiny_model, tmp_path_factory):
    """The folder of a zoo that nobody writes to."""
    root = tmp_path_factory.mktemp("zoo")
    zoo.publish(
        tiny_model,
        root / "xgan_tiny",
        name="xgan_tiny",
        task="photo -> cartoon",
        license=LICENSE,
        training={"seed": 0, "data": {"a": {"count": 3, "sha256": "0" * 64}}, "steps": 0, "wall_time_s": 1.0},
        metrics={"gender_agreement": 0.5},
        headline=zoo.Headline("gender_agreement", 0.5),
        recipe="method: xgan\n",
    )
    return root


@pytest.fixture
def tiny_zoo(published, tmp_path, monkeypatch):
    """A zoo of one model `xgan_tiny` that the test may spoil; the cache is the test's own too."""
    root = tmp_path / "zoo"
    shutil.copytree(published, root)
    monkeypatch.setenv("KERAS_I2I_ZOO", str(root))
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path / "cache"))
    return root
