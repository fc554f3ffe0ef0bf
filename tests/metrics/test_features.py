import numpy as np
import pytest

from keras_i2i import metrics
from keras_i2i.metrics.features import folder_sha256


def test_a_folder_s_hash_follows_names_and_content(tmp_path):
    (tmp_path / "a").write_bytes(b"12")
    first = folder_sha256(tmp_path)
    assert first == folder_sha256(tmp_path) and len(first) == 64
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = folder_sha256(tmp_path)
    (tmp_path / "b").write_bytes(b"13")
    assert len({first, renamed, folder_sha256(tmp_path)}) == 3


def test_a_missing_network_is_a_clear_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="KERAS_I2I_DATA"):
        metrics.mobilenet_v2(tmp_path)


def test_mobilenet_features_of_a_tiny_saved_model(tmp_path):
    """A stand-in network with the same signature: the resize, the range and the batching are what is tested."""
    tf = pytest.importorskip("tensorflow")
    module = tf.Module()
    spec = tf.TensorSpec((None, None, None, 3), tf.float32, name="images")
    module.run = tf.function(
        lambda images: {"features": tf.reduce_mean(images, (1, 2)) * tf.cast(tf.shape(images)[1], tf.float32)},
        input_signature=[spec],
    )
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": module.run})
    extractor = metrics.mobilenet_v2(tmp_path, resize=16)
    assert isinstance(extractor, metrics.FeatureExtractor) and extractor.sha256 == folder_sha256(tmp_path)
    images = np.arange(0, 250, 50, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    features = extractor(images, batch_size=2)
    np.testing.assert_allclose(features, np.arange(0, 250, 50)[:, None] / 255 * 16 * np.ones((1, 3)), rtol=1e-5)
    with pytest.raises(ValueError, match="uint8"):
        extractor(images / 255.0)
