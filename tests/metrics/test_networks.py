"""Metrics on pretrained networks, held to stand-ins whose answers are known, and to the real ones where they are."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_i2i import metrics
from keras_i2i.metrics.features import folder_sha256


def noise(seed, count=2, side=8):
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Colors:
    """Two maps: the pixels' colours, and the mean colour as a map of 1x1."""

    name: str = "colors"
    sha256: str = "0" * 64
    resize: int = 8

    def maps(self, images):
        for image in images:
            yield {"fine": image[None] / 255, "coarse": image[None].mean(axis=(1, 2), keepdims=True)}


def test_perceptual_distance_by_hand():
    red, green = np.zeros((2, 1, 8, 8, 3), np.uint8)
    red[..., 0], green[..., 1] = 200, 10
    extractor = metrics.UnitMaps(Colors())
    assert isinstance(extractor, metrics.FeatureExtractor) and extractor.name == "perceptual_colors"
    # Unit vectors at right angles are 2 apart squared, whatever their lengths were.
    assert metrics.perceptual_distance(red, green, extractor) == pytest.approx([2])
    half = red.copy()
    half[:, :4] = green[:, :4]
    # Half of the positions of the fine map; the coarse one is (100, 5, 0).
    coarse = 2 - 2 * 100 / np.hypot(100, 5)
    assert metrics.perceptual_distance(red, half, extractor) == pytest.approx([(1 + coarse) / 2], rel=1e-5)
    assert metrics.perceptual_distance(red, red // 2, extractor) == pytest.approx([0], abs=1e-12)


def test_perceptual_distance_goes_by_pairs_and_is_a_diversity_too():
    x, y = noise(0, 60), noise(1, 60)  # more than are described at a time
    extractor = metrics.UnitMaps(Colors())
    values = metrics.perceptual_distance(x, y, extractor)
    np.testing.assert_allclose(values[57], metrics.perceptual_distance(x[57:58], y[57:58], extractor)[0])
    pairs = np.stack([x, y], axis=1)
    np.testing.assert_allclose(metrics.sample_diversity(pairs, extractor, metrics.squared_distance), values)
    black = np.zeros((1, 8, 8, 3), np.uint8)
    assert np.isfinite(metrics.perceptual_distance(black, x[:1], extractor)).all()


def saved_model(folder, function, name):
    """A SavedModel of one output called `name`."""
    tf = pytest.importorskip("tensorflow")
    module = tf.Module()
    spec = tf.TensorSpec((None, None, None, 3), tf.float32, name="images")
    module.run = tf.function(lambda images: {name: function(tf, images)}, input_signature=[spec])
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.run})


def test_identity_distance_of_crops(tmp_path):
    """A stand-in whose embedding is the mean colour: 0..255, of the crop alone, at 224 pixels."""
    saved_model(
        tmp_path, lambda tf, x: tf.reduce_mean(x, (1, 2)) * tf.cast(tf.shape(x)[1] == 224, tf.float32), "embedding"
    )
    images = np.full((3, 12, 10, 3), 255, np.uint8)
    images[:, 2:9, 3:7] = np.array([[200, 0, 0], [0, 100, 0], [30, 40, 0]])[:, None, None]
    extractor = metrics.faceres(tmp_path, crop=(3, 2, 7, 9))
    assert isinstance(extractor, metrics.FeatureExtractor) and extractor.sha256 == folder_sha256(tmp_path)
    np.testing.assert_allclose(extractor(images, batch_size=2), [[200, 0, 0], [0, 100, 0], [30, 40, 0]], atol=0.1)
    distance = metrics.identity_distance(images, images[[0, 0, 0]], extractor)
    np.testing.assert_allclose(distance, [0, 1, 1 - 0.6], atol=1e-3)
    cropped = metrics.identity_distance(images, images[:, 2:9, 3:7], extractor, metrics.faceres(tmp_path))
    np.testing.assert_allclose(cropped, np.zeros(3), atol=1e-6)
    for crop in ((3, 2, 11, 9), (3, 2, 3, 9), (-1, 0, 5, 5)):
        with pytest.raises(ValueError, match="^crop .* must lie in the images of 10 x 12"):
            metrics.faceres(tmp_path, crop)(images)
    with pytest.raises(ValueError, match="in pairs"):
        metrics.identity_distance(images, images[:2], extractor)


@pytest.mark.parametrize("make", [metrics.mobilenet_v2, metrics.faceres])
def test_a_missing_network_is_a_clear_error(make, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_DATA", str(tmp_path / "data"))
    for folder in (None, tmp_path):
        with pytest.raises(FileNotFoundError, match="^There is no SavedModel.*KERAS_I2I_DATA"):
            make(folder)


class TestInception:
    @pytest.fixture
    def applications(self, monkeypatch):
        """Takes the place of Keras's own, which would be fetched; the features are the mean colours."""
        asked = []

        def make(include_top, weights, pooling):
            asked.append((include_top, weights, pooling))
            return keras.Sequential([keras.Input((299, 299, 3)), keras.layers.GlobalAveragePooling2D()])

        monkeypatch.setattr(keras.applications, "InceptionV3", make)
        return asked

    def test_images_are_resized_and_scaled(self, applications):
        extractor = metrics.inception_v3()
        assert isinstance(extractor, metrics.FeatureExtractor) and extractor.name == "inception_v3"
        images = np.array([0, 51, 255], np.uint8)[:, None, None, None] * np.ones((1, 6, 6, 3), np.uint8)
        np.testing.assert_allclose(extractor(images, batch_size=2)[:, 0], [-1, -0.6, 1], atol=1e-3)
        assert applications == [(False, "imagenet", "avg")] and len(extractor.sha256) == 64
        with pytest.raises(ValueError, match="^images must be uint8"):
            extractor(images / 255)

    def test_without_weights_there_is_one_clear_sentence(self, monkeypatch):
        def fails(**options):
            raise Exception("URL fetch failure on https://example.org: None\nand more")

        monkeypatch.setattr(keras.applications, "InceptionV3", fails)
        with pytest.raises(OSError, match=r"Inception-v3 cannot be had \(URL fetch failure[^\n]*mobilenet_v2"):
            metrics.inception_v3()


class TestReal:
    """The SavedModels beside `$KERAS_I2I_DATA`, where a machine has them."""

    def test_perceptual_mobilenet(self, faces_data):
        extractor = metrics.UnitMaps(metrics.mobilenet_v2(resize=64))
        assert extractor.name == "perceptual_mobilenet_v2"
        smooth = np.linspace(0, 255, 64).astype(np.uint8)[None, :, None, None] * np.ones((1, 1, 64, 3), np.uint8)
        near, far = smooth // 8 * 8, noise(0, 1, 64)
        assert extractor(smooth).shape[0] == 1
        values = metrics.perceptual_distance(
            np.repeat(smooth, 3, axis=0), np.concatenate([smooth, near, far]), extractor
        )
        assert values[0] < 1e-9 < values[1] < values[2] < 4

    def test_identity(self, faces_data):
        """Two pictures of one person are nearer than those of two."""
        faces = np.load(faces_data / "faces" / "olivetti.npz")
        images, person = faces["images"], faces["identity"]
        first = np.array([np.flatnonzero(person == who)[:2] for who in (0, 1, 2, 3)])
        grey = images[first]
        grey = grey * 255 if grey.max() <= 1 else grey
        grey = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=-1)
        extractor = metrics.faceres()
        same = metrics.identity_distance(grey[:, 0], grey[:, 1], extractor)
        other = metrics.identity_distance(grey[:, 0], np.roll(grey[:, 1], 1, axis=0), extractor)
        assert same.max() < other.min() and same.mean() < 0.3
