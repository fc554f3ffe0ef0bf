"""Batches: what is in them, in which order, the same under the same seed, and on every backend."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_i2i.data import Augment, Images, classes, labelled, prepare, read, unpaired
from keras_i2i.data.batches import Batches, Column, as_pydataset, as_tf
from keras_i2i.data.domains import encode
from keras_i2i.data.transforms import DEFAULT, NONE
from tests.harness import refused

tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.data is the TensorFlow path")


def numbered(count, size=8):
    """Pictures whose grey level is their own number."""
    return np.tile(np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1), (1, size, size, 3))


def numbers(images):
    return np.round((np.asarray(images)[:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def plan(sizes, batch_size, steps, shuffle=True, augment=NONE, seed=0):
    columns = tuple(Column({name: numbered(size)}, {}) for name, size in sizes.items())
    return Batches(columns, batch_size, steps, seed, augment, shuffle)


def test_every_picture_comes_up_once_a_pass_and_all_equally_often():
    batches = plan({"a": 10, "b": 4}, batch_size=3, steps=3)
    a = np.concatenate([numbers(batches[i]["a"]) for i in range(40)])
    b = np.concatenate([numbers(batches[i]["b"]) for i in range(40)])
    for start in range(0, 120, 10):
        assert sorted(a[start : start + 10]) == list(range(10))
    for start in range(0, 120, 4):
        assert sorted(b[start : start + 4]) == list(range(4))
    assert a[:10].tolist() != a[10:20].tolist()  # each pass has its own order


def test_a_batch_may_be_larger_than_a_domain():
    batch = plan({"a": 3, "b": 5}, batch_size=16, steps=1)[0]
    assert np.bincount(numbers(batch["a"])).tolist() in ([6, 5, 5], [5, 6, 5], [5, 5, 6])


def test_unshuffled_epochs_start_at_the_first_picture():
    batches = plan({"a": 7}, batch_size=3, steps=2, shuffle=False)
    assert [numbers(batches[i]["a"]) for i in range(4)] == [[0, 1, 2], [3, 4, 5]] * 2


def test_one_column_is_changed_alike_and_two_are_not():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    augment = Augment(flip=0.5, shift=0.25)
    pair = Batches((Column({"a": pixels, "b": pixels}, {}),), 4, 1, 0, augment, False)[0]
    assert (pair["a"] == pair["b"]).all()
    apart = Batches((Column({"a": pixels}, {}), Column({"b": pixels}, {})), 4, 1, 0, augment, False)[0]
    assert (apart["a"] != apart["b"]).any()


@tensorflow
def test_unpaired_gives_full_float_batches_of_known_shape():
    data = unpaired(numbered(10), numbered(7), image_size=8, batch_size=4)
    assert int(data.cardinality()) == 2
    assert {name: tuple(spec.shape) for name, spec in data.element_spec.items()} == {
        "a": (4, 8, 8, 3),
        "b": (4, 8, 8, 3),
    }
    batches = list(data.as_numpy_iterator())
    assert len(batches) == 2
    for batch in batches:
        assert batch["a"].dtype == np.float32 and -1 <= batch["a"].min() and batch["a"].max() <= 1


@tensorflow
def test_the_same_seed_repeats_and_epochs_differ():
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)

    def epochs(seed, first_epoch=0):
        data = unpaired(pixels, pixels[:5], image_size=8, batch_size=2, seed=seed, first_epoch=first_epoch)
        return [np.stack([batch["a"] for batch in data.as_numpy_iterator()]) for _ in range(2)]

    one, again, other = epochs(1), epochs(1), epochs(2)
    assert (one[0] == again[0]).all() and (one[1] == again[1]).all()
    assert (one[0] != other[0]).any() and (one[0] != one[1]).any()
    assert (epochs(1, first_epoch=1)[0] == one[1]).all()  # a resumed run goes on where it was


def test_pictures_are_augmented_afresh_after_the_cache():
    pixel = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    batches = Batches((Column({"a": pixel}, {}),), 1, 1, 0, Augment(flip=0.5, shift=0.25), True)
    assert len({batches[i]["a"].tobytes() for i in range(20)}) > 10


@tensorflow
def test_both_paths_give_the_same_batches():
    batches = plan({"a": 10, "b": 4}, batch_size=3, steps=3, augment=DEFAULT)
    left, right = as_tf(batches, first=2), as_pydataset(batches, first=2)
    for epoch in range(3):
        right.on_epoch_begin()
        for step, batch in enumerate(left.as_numpy_iterator()):
            expected = right[step]
            assert batch.keys() == expected.keys()
            assert all((batch[name] == expected[name]).all() for name in batch)
            assert (batch["a"] == batches[2 + 3 * (epoch + (epoch > 1)) + step]["a"]).all()
        right.on_epoch_end()
        if epoch == 1:
            for data in (left, right):
                data.skip_epochs(1)
    assert len(right) == 3


@tensorflow
def test_fit_takes_a_fresh_epoch_each_time():
    seen = []

    class Watcher(keras.Model):
        def train_step(self, data):
            seen.extend(numbers(data["a"]))
            return {"seen": 0.0}

    model = Watcher()
    model.built = True  # it has no variables
    model.compile(run_eagerly=True)
    model.fit(
        unpaired(numbered(6), numbered(6), image_size=8, batch_size=3, augment=None), epochs=3, shuffle=False, verbose=0
    )
    assert len(seen) == 18
    assert all(sorted(seen[start : start + 6]) == list(range(6)) for start in (0, 6, 12))


@tensorflow
def test_extras_stay_with_their_pictures():
    teacher = np.arange(10, dtype=np.float32)[:, None] * [1, 2]
    data = unpaired(numbered(10), numbered(4), image_size=8, batch_size=4, extras={"a_teacher": teacher})
    for batch in data.as_numpy_iterator():
        assert batch["a_teacher"].shape == (4, 2)
        assert batch["a_teacher"][:, 0].tolist() == numbers(batch["a"])


@tensorflow
def test_steps_and_reading_beforehand():
    images = read(numbered(10), 8)
    assert read(images, 8) is images
    assert int(unpaired(images, images, image_size=8, batch_size=4, steps=7).cardinality()) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"steps": 0}, "steps must be"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"image_size": 0}, "image_size must be"),
        ({"image_size": 8.5}, "image_size must be"),
        ({"extras": {"teacher": np.zeros((10, 2))}}, "'teacher' does not"),
        ({"extras": {"b_teacher": np.zeros((10, 2))}}, "'b_teacher' has 10 rows, and its domain has 4 pictures"),
    ],
)
def test_unpaired_refuses_what_makes_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        unpaired(numbered(10), numbered(4), **{"image_size": 8, "batch_size": 2} | options)


@tensorflow
def test_labelled_folders_and_arrays(folder):
    batch = next(labelled(folder, image_size=8, batch_size=12, augment=None, shuffle=False).as_numpy_iterator())
    assert batch["image"].shape == (12, 8, 8, 3) and batch["label"].dtype == np.int32
    assert batch["label"].tolist() == [0] * 6 + [1] * 6
    data = labelled(numbered(6), np.arange(6) * 10, image_size=8, batch_size=3)
    for batch in data.as_numpy_iterator():
        assert batch["label"].tolist() == [10 * number for number in numbers(batch["image"])]


@tensorflow
def test_several_labels_make_a_vector():
    images = Images(numbered(4), tuple("abcd"), {"hair": np.array(["b", "a", "b", "c"]), "male": np.arange(4) > 1})
    data = labelled(images, ("hair", "male"), image_size=8, batch_size=4, shuffle=False)
    label = next(data.as_numpy_iterator())["label"]
    assert label.dtype == np.float32 and label.tolist() == [[1, 0], [0, 0], [1, 1], [2, 1]]
    assert classes(images.labels["hair"]).tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="no label 'age'; it has hair, male"):
        labelled(images, "age", image_size=8)
    with pytest.raises(ValueError, match="Say which label to use"):
        labelled(images, image_size=8)


KINDS = np.array(list("zzxzzyzzxz"))  # seven of z, two of x, one of y


def balanced(batch_size=6, steps=8, shuffle=True, seed=0):
    """The plan behind balanced batches of ten pictures of three classes, with labels in the classes' sorted order."""
    rows = tuple(np.flatnonzero(KINDS == kind) for kind in "xyz")
    column = Column({"image": numbered(10)}, {"label": encode(KINDS)}, rows)
    return Batches((column,), batch_size, steps, seed, NONE, shuffle)


def test_balanced_batches_have_equally_many_of_each_class_in_turn():
    batches = balanced()
    for number in range(20):
        batch = batches[number]
        assert batch["label"].tolist() == [0, 1, 2, 0, 1, 2]
        assert [KINDS[index] for index in numbers(batch["image"])] == list("xyzxyz")


def test_each_class_is_gone_through_in_shuffled_passes_of_its_own():
    batches = balanced()
    drawn = np.array([numbers(batches[number]["image"]) for number in range(14)]).reshape(-1, 3)
    x, y, z = drawn.T
    assert set(y) == {5}
    assert all(sorted(x[start : start + 2]) == [2, 8] for start in range(0, 28, 2))
    passes = [z[start : start + 7].tolist() for start in range(0, 28, 7)]
    assert all(sorted(one) == [0, 1, 3, 4, 6, 7, 9] for one in passes)
    assert len(set(map(tuple, passes))) == 4, "each pass has its own order"


def test_balanced_batches_repeat_under_their_seed():
    first, again, other = (numbers(balanced(seed=seed)[3]["image"]) for seed in (0, 0, 1))
    assert first == again != other
    unshuffled = balanced(steps=3, shuffle=False)
    drawn = [numbers(unshuffled[number]["image"]) for number in range(6)]
    assert drawn[:3] == drawn[3:] == [[2, 5, 0, 8, 5, 1], [2, 5, 3, 8, 5, 4], [2, 5, 6, 8, 5, 7]]


@tensorflow
def test_labelled_makes_balanced_batches_on_both_paths(monkeypatch):
    options = dict(image_size=8, batch_size=6, augment=None, seed=4, balanced=True)
    data = labelled(numbered(10), KINDS, **options)
    assert int(data.cardinality()) == 3, "an epoch is a pass through the largest class, of which a batch has two"
    assert data.labels.tolist() == encode(KINDS).tolist()
    epochs = [list(data.as_numpy_iterator()) for _ in range(2)]
    expected = balanced(steps=3, seed=4)
    for number, batch in enumerate(epochs[0] + epochs[1]):
        assert all((batch[name] == expected[number][name]).all() for name in ("image", "label"))
    resumed = labelled(numbered(10), KINDS, first_epoch=1, **options)
    for ours, theirs in zip(resumed.as_numpy_iterator(), epochs[1], strict=True):
        assert (ours["image"] == theirs["image"]).all() and (ours["label"] == theirs["label"]).all()
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    other = labelled(numbered(10), KINDS, **options)
    assert isinstance(other, keras.utils.PyDataset) and other.labels.tolist() == data.labels.tolist()
    assert len(other) == 3 and all((other[1][name] == expected[1][name]).all() for name in ("image", "label"))


@pytest.mark.parametrize(
    ("label", "batch_size", "message"),
    [
        (KINDS, 32, "batch_size must be a multiple of the 3 classes, and it is 32"),
        (KINDS, 0, "batch_size must be a whole number of at least 1"),
        (np.linspace(0, 1, 10), 6, "need a label of classes: give one of strings"),
        (np.zeros((10, 2), int), 6, "need a label of classes"),
    ],
)
def test_balanced_refuses_what_makes_no_sense(label, batch_size, message):
    with refused(ValueError, match=message):
        labelled(numbered(10), label, image_size=8, batch_size=batch_size, balanced=True)


def test_labels_as_numbers():
    assert encode(np.array([3, 5])).tolist() == [3, 5] and encode(np.array([3, 5])).dtype == np.int32
    assert encode(np.array([0.5])).dtype == np.float32
    assert encode(np.array([True, False])).tolist() == [1, 0]


def test_prepare_writes_a_file_that_reads_back(folder, tmp_path):
    images = read(folder, 8)
    for name in ("x.npz", "deep/x.npy"):
        path = prepare(folder, tmp_path / name, 8)
        again = read(path, 8)
        assert (again.pixels == images.pixels).all() and [p.name for p in path.parent.glob("*x*")] == [path.name]
    again = read(tmp_path / "x.npz", 8)
    assert again.names == images.names and again.labels["folder"].tolist() == images.labels["folder"].tolist()


def test_prepare_leaves_nothing_half_written(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "x.npz").write_bytes(b"before")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="x.npz' cannot be written .No space left on device.: free some room"):
        prepare(folder, out / "x.npz", 8)
    assert [(path.name, path.read_bytes()) for path in out.iterdir()] == [("x.npz", b"before")]
    with pytest.raises(ValueError, match="called .npz or .npy"):
        prepare(folder, out / "x.zip", 8)


TORCH = """
import sys
import numpy as np, keras
import keras_i2i.data as data

assert keras.backend.backend() == "torch"
a, b = sys.argv[1:]
batches = data.unpaired(a, np.load(b)["images"], image_size=8, batch_size=3, seed=5)
assert isinstance(batches, keras.utils.PyDataset)

seen = []
class Watcher(keras.Model):
    def train_step(self, batch):
        seen.append({name: keras.ops.convert_to_numpy(value) for name, value in batch.items()})
        return {"seen": 0.0}

model = Watcher()
model.built = True  # it has no variables
model.compile(run_eagerly=True)
model.fit(batches, epochs=2, shuffle=False, verbose=0)
assert "tensorflow" not in sys.modules, "TensorFlow was imported"
np.savez(sys.argv[2] + ".seen.npz", **{name: np.stack([batch[name] for batch in seen]) for name in ("a", "b")})
"""


@pytest.mark.torch
def test_torch_trains_on_the_same_batches_without_tensorflow(folder, tmp_path):
    pytest.importorskip("torch")
    path = prepare(folder, tmp_path / "x.npz", 8)
    env = os.environ | {"KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", TORCH, str(folder), str(path)], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = np.load(f"{path}.seen.npz")
    pixels = read(folder, 8).pixels
    expected = Batches((Column({"a": pixels}, {}), Column({"b": pixels}, {})), 3, 4, 5, DEFAULT, True)
    assert len(seen["a"]) == 8
    for number in range(8):
        batch = expected[number]
        assert (seen["a"][number] == batch["a"]).all() and (seen["b"][number] == batch["b"]).all()
