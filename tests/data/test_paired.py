"""Pairs: partners by name, in one place, changed alike."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_i2i.data import Augment, Images, paired
from keras_i2i.data.domains import matched
from tests.data.test_domains import numbered, numbers
from tests.harness import refused

tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data is the TensorFlow path")


def named(pixels, names, **labels):
    return Images(pixels, tuple(names), labels)


@tensorflow
def test_partners_stay_together_through_shuffling_and_epochs():
    data = paired(numbered(10), 255 - numbered(10), image_size=8, batch_size=4, augment=None)
    seen = []
    for _ in range(2):
        for batch in data.as_numpy_iterator():
            assert set(batch) == {"a", "b"} and batch["a"].dtype == np.float32
            assert (np.array(numbers(batch["a"])) + numbers(batch["b"])).tolist() == [255] * 4
            seen += numbers(batch["a"])
    assert len(set(seen)) > 5 and seen != sorted(seen)


@tensorflow
def test_partners_are_changed_alike():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (6, 16, 16, 3), np.uint8)
    everything = Augment(flip=0.5, shift=0.2, zoom=0.2, rotate=20)
    data = paired(pictures, pictures.copy(), image_size=16, batch_size=6, augment=everything, shuffle=False)
    batch = next(data.as_numpy_iterator())
    np.testing.assert_array_equal(batch["a"], batch["b"])
    assert np.abs(batch["a"] - (pictures / 127.5 - 1)).mean() > 0.1


@tensorflow
def test_partners_in_folders_have_one_name_whatever_the_suffix(tmp_path):
    for folder, suffix, offset in (("maps", "png", 0), ("aerial", "bmp", 100)):
        (tmp_path / folder / "sub").mkdir(parents=True)
        for index, name in enumerate(("b", "a", "sub/c")):
            pixels = np.full((8, 8, 3), offset + 10 * index, np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.{suffix}")
    data = paired(tmp_path / "maps", tmp_path / "aerial", image_size=8, batch_size=3, augment=None)
    batch = next(data.as_numpy_iterator())
    assert (np.array(numbers(batch["b"])) - numbers(batch["a"])).tolist() == [100] * 3


def test_the_second_follows_the_first_and_its_labels_go_along():
    a = named(numbered(3), ["x.png", "y.png", "z.png"])
    b = named(numbered(3), ["z.jpg", "x.jpg", "y.jpg"], kind=np.array(["zz", "xx", "yy"]))
    first, second = matched(a, b)
    assert first is a and second.names == ("x.jpg", "y.jpg", "z.jpg")
    assert second.labels["kind"].tolist() == ["xx", "yy", "zz"] and second.pixels[:, 0, 0, 0].tolist() == [1, 2, 0]
    assert matched(a, a)[1] is a


@pytest.mark.parametrize(
    ("names_a", "names_b", "text"),
    [
        ("xyz", "xyw", "1 of the 3 pictures of 'a' have no partner of their name, the first is 'z'"),
        ("xy", "xyz", "1 of the 3 pictures of 'b' have no partner of their name, the first is 'z'"),
        (["x.png", "x.jpg"], "xy", "'a' has several pictures called 'x', and pairs go by name"),
    ],
)
def test_pictures_without_a_partner_are_refused(names_a, names_b, text):
    with refused(ValueError, match=text):
        paired(named(numbered(len(names_a)), names_a), named(numbered(len(names_b)), names_b), image_size=8)


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        paired(numbered(3), numbered(3), image_size=8, batch_size=0)
