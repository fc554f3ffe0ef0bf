"""Sources read what is there, skip what is broken, and say in one sentence what to do about the rest."""

import concurrent.futures
import pathlib
import re
import time
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_i2i.data import Array, ArrayFile, Folder, Images, Tfds, read, source
from keras_i2i.data.resolve import CELEBA_CROP
from keras_i2i.data.sources import prepared
from keras_i2i.data.worlds.drawn import UNSEEN, Avatars


def one_sentence(error):
    text = str(error.value)
    return text.endswith(".") and not re.search(r"\.\s+[A-Z]", text) and "\n" not in text


def test_a_folder_is_read_recursively_in_the_order_of_its_paths(folder):
    images = read(folder, 8)
    assert images.names == tuple(f"even/{i:02}.png" for i in range(0, 12, 2)) + tuple(
        f"odd/{i:02}.png" for i in range(1, 12, 2)
    )
    assert images.pixels.shape == (12, 8, 8, 3) and images.pixels.dtype == np.uint8
    assert images.pixels[:, 0, 0, 0].tolist() == [*range(0, 240, 40), *range(20, 240, 40)]
    assert images.labels["folder"].tolist() == ["even"] * 6 + ["odd"] * 6


def test_a_part_of_a_folder_goes_by_file_name(folder):
    assert Folder(folder, start=-2).read(8).names == ("odd/09.png", "odd/11.png")
    assert len(Folder(folder, stop=-2).read(8)) == 10
    with pytest.raises(ValueError, match="no files in the part 50:None of its 12") as error:
        Folder(folder, start=50).read(8)
    assert one_sentence(error)


def test_a_folder_is_cropped_in_source_pixels(tmp_path):
    image = np.zeros((30, 40, 3), np.uint8)
    image[5:15, 10:20] = 255
    Image.fromarray(image).save(tmp_path / "a.png")
    assert (Folder(tmp_path, crop=(10, 5, 20, 15)).read(10).pixels == 255).all()
    with pytest.raises(ValueError, match="a.png: The crop box .* leaves an image of 40x30 pixels"):
        Folder(tmp_path, crop=(10, 5, 60, 15)).read(10)


def broken(folder):
    """One file of each way to be broken; none of them hidden."""
    whole = (folder / "even" / "00.png").read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "whole.jpg")
    (folder / "truncated.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:-400])
    (folder / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "notes.txt").write_text("no image")
    (folder / "letter.png").write_text("no image either")
    (folder / "whole.jpg").unlink()
    return ["truncated.jpg", "truncated.png", "empty.jpg", "notes.txt", "letter.png"]


def test_broken_files_are_skipped_with_one_warning_that_names_them(folder):
    names = broken(folder)
    for index in range(100):
        Image.new("L", (4, 4), index).save(folder / f"more{index:03}.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        images = read(folder, 4)
    assert len(images) == 112 and not any(name in images.names for name in names)
    messages = [str(warning.message) for warning in caught if "hold no whole image" in str(warning.message)]
    assert len(messages) == 1 and "Skipped 5 of 117 files" in messages[0]
    assert all(str(folder / name) in messages[0] for name in names)


def test_too_many_broken_files_are_refused(folder):
    broken(folder)
    with pytest.raises(ValueError, match="5 of the 17 files in .* more than 5%") as error:
        read(folder, 4)
    assert "empty.jpg" in str(error.value) and "\n" not in str(error.value)


def test_hidden_files_are_passed_over(folder):
    (folder / ".DS_Store").write_bytes(b"x")
    (folder / ".thumbnails").mkdir()
    (folder / ".thumbnails" / "a.png").write_bytes(b"x")
    assert len(read(folder, 4)) == 12


@pytest.mark.parametrize("spec", ["./missing", "missing/of/mine.npz"])
def test_a_missing_path_is_named(tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape(spec.removeprefix("./"))) as error:
        read(spec, 8)
    assert one_sentence(error)


def test_an_empty_folder_and_a_single_file_are_named(tmp_path, folder):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match="nothing' has no files") as error:
        read(tmp_path / "nothing", 8)
    assert one_sentence(error)
    with pytest.raises(ValueError, match="single file"):
        source(folder / "odd" / "01.png")
    with pytest.raises(NotADirectoryError, match="01.png"):
        Folder(folder / "odd" / "01.png").read(8)


def test_labels_come_from_a_csv_file(folder, tmp_path):
    (tmp_path / "labels.csv").write_text("file,hair\n00.png,long\n01.png,short\n")
    labels = Folder(folder, labels=tmp_path / "labels.csv").read(4).labels["hair"]
    assert labels[0] == "long" and labels[6] == "short" and labels[1] == ""


def test_an_array_of_the_right_size_is_used_as_it_is(ramps):
    assert read(ramps, 16).pixels is ramps
    assert read(ramps, 8).pixels.shape == (8, 8, 8, 3)
    assert (Array(ramps, crop=(4, 0, 12, 8)).read(8).pixels == ramps[:, 0:8, 4:12]).all()


def test_array_files(tmp_path, ramps):
    np.save(tmp_path / "x.npy", ramps)
    loaded = read(tmp_path / "x.npy", 16).pixels
    assert isinstance(loaded, np.memmap) and (loaded == ramps).all()
    np.savez(tmp_path / "x.npz", x_train=ramps, y_train=np.arange(8), x_test=ramps[:2], y_test=np.arange(2))
    images = read(str(tmp_path / "x.npz"), 16)
    assert (images.pixels == ramps).all() and images.labels["label"].tolist() == list(range(8))
    assert "y_test" not in images.labels
    assert len(ArrayFile(tmp_path / "x.npz", key="x_test").read(16)) == 2


def test_array_files_that_cannot_be_read(tmp_path, ramps):
    np.savez(tmp_path / "two.npz", left=ramps, right=ramps)
    with pytest.raises(ValueError, match="holds the arrays left, right: say which"):
        read(tmp_path / "two.npz", 16)
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="no readable .npy or .npz file of plain arrays"):
        read(tmp_path / "objects.npy", 16)
    np.savez(tmp_path / "cut.npz", images=ramps)
    whole = (tmp_path / "cut.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut.npz' is no readable"):
        read(tmp_path / "cut.npz", 16)


def test_images_are_told_apart_by_their_hash(ramps):
    images = Images(ramps, tuple("abcdefgh"))
    other = ramps.copy()
    other[3, 2, 1, 0] ^= 1
    assert images.sha256() == Images(ramps.copy(), tuple("abcdefgh")).sha256()
    assert images.sha256() != Images(other, tuple("abcdefgh")).sha256()
    with pytest.raises(ValueError, match="8 images, and 'names' has 2"):
        Images(ramps, ("a", "b"))


def test_names_resolve(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KERAS_I2I_DATA", raising=False)
    assert source("svhn_cropped") == Tfds("svhn_cropped", "train")
    assert source("cycle_gan/horse2zebra:trainA") == Tfds("cycle_gan/horse2zebra", "trainA")
    assert source("mnist:train[:1000]") == Tfds("mnist", "train[:1000]")
    assert source("avatars") == source("avatars:train") == Avatars()
    assert source("avatars:adventurer").style == "adventurer"
    assert source("avatars:test").start == UNSEEN
    photos = source("photos:test")
    assert (photos.name, photos.split, photos.crop) == ("celeb_a", "test", CELEBA_CROP)
    (tmp_path / "svhn_cropped").mkdir()
    assert isinstance(source("svhn_cropped"), Folder)
    with pytest.raises(ValueError, match="no 'valid'"):
        source("photos:valid")
    with pytest.raises(TypeError, match="this is int"):
        source(3)


def test_photos_come_from_the_folder_that_the_variable_names(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="no folder faces/photos") as error:
        source("photos")
    assert one_sentence(error)
    (tmp_path / "faces").mkdir()
    folder.rename(tmp_path / "faces" / "photos")
    assert source("photos:train") == Folder(tmp_path / "faces" / "photos", CELEBA_CROP, None, -200)


def test_the_real_photographs(faces_data):
    train, test = source("photos:train"), source("photos:test")
    files, chosen_by, held_out = train.files(), source("photos:validation").files(), test.files()
    assert len(held_out) == len(chosen_by) == 100
    assert max(files).name < min(chosen_by).name and max(chosen_by).name < min(held_out).name
    images = test.read(64)
    assert len(images) == 100 and set(images.labels["gender"]) == {"female", "male"}


class Builder:
    """What TFDS gives for a dataset that nobody can fetch."""

    def __init__(self, data_dir):
        self.data_dir = str(data_dir / "celeb_a/2.1.0")

    def is_prepared(self):
        return False

    def download_and_prepare(self):
        raise ConnectionError("no route.\nsecond line")


def test_a_dataset_that_cannot_be_fetched_says_what_to_do(monkeypatch, tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.delenv("KERAS_I2I_DATA", raising=False)
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    monkeypatch.setattr(tfds, "builder", lambda name, **options: Builder(tmp_path))
    with pytest.raises(
        RuntimeError, match="'celeb_a' could not be prepared .*ConnectionError.*set KERAS_I2I_DATA"
    ) as e:
        read("photos", 8)
    assert one_sentence(e)


class Slow:
    """A builder that, as TFDS's, only sees what was there when it was made."""

    begun = 0

    def __init__(self, folder):
        self.data_dir = str(folder / "set/1.0.0")
        self.there = (folder / "set/1.0.0").is_dir()

    def is_prepared(self):
        return self.there

    def download_and_prepare(self):
        Slow.begun += 1
        time.sleep(0.2)  # the others come meanwhile
        pathlib.Path(self.data_dir).mkdir(parents=True)
        self.there = True


def test_several_that_want_a_dataset_prepare_it_once(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        builders = list(pool.map(lambda _: prepared(Slow(tmp_path), lambda: Slow(tmp_path)), range(4)))
    assert Slow.begun == 1 and all(builder.is_prepared() for builder in builders)


def test_an_unknown_name_is_neither_file_nor_dataset(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="'no_such_thing' is neither a file or folder here nor a dataset of TFDS") as e:
        read("no_such_thing", 8)
    assert one_sentence(e)


@pytest.mark.parametrize("name", ["celeb_a", "svhn_cropped", "cycle_gan/horse2zebra"])
def test_tfds_can_look_up_the_checksums_of_its_own_sets(name, tmp_path):
    """Without a package that TFDS does not declare, this fails before a byte is downloaded."""
    tfds = pytest.importorskip("tensorflow_datasets")
    assert tfds.builder(name, data_dir=tmp_path).url_infos


def test_tfds_examples_are_framed_and_their_scalars_are_labels(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    from keras_i2i.data import sources

    portraits = np.random.default_rng(0).integers(0, 256, (3, 218, 178, 3), dtype=np.uint8)
    features = {
        "photo": tfds.features.Image(shape=(218, 178, 3), encoding_format="png"),
        "attributes": {"Male": np.bool_},
        "name": tfds.features.Text(),
        "place": np.int64,
    }

    class Tiny(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        code_path = None  # else TFDS looks for it with a package that it declares for old Pythons only

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, dl_manager):
            return {"trainA": self._generate_examples()}

        def _generate_examples(self):
            for index, image in enumerate(portraits):
                labels = {"attributes": {"Male": index == 1}, "name": "abc"[index], "place": 7 - index}
                yield index, {"photo": image, **labels}

    builder = Tiny(data_dir=tmp_path)
    builder.download_and_prepare()
    images = sources.read_tfds(builder, "trainA", "photo", 16, CELEBA_CROP)
    expected = Array(portraits, crop=CELEBA_CROP).read(16)
    by_name = np.argsort(images.labels["name"])
    assert (images.pixels[by_name] == expected.pixels).all()
    assert images.labels["Male"][by_name].tolist() == [False, True, False]
    assert images.labels["place"][by_name].tolist() == [7, 6, 5]
    assert len(sources.read_tfds(builder, "trainA[:2]", "photo", 16)) == 2
    with pytest.raises(ValueError, match="no split 'train': write tiny:SPLIT with one of trainA"):
        sources.read_tfds(builder, "train", "photo", 16)
    with pytest.raises(ValueError, match="no feature 'image'; it has"):
        sources.read_tfds(builder, "trainA", "image", 16)
