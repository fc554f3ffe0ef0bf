import numpy as np
import pytest

pytest.importorskip("dicebear")

from keras_i2i.data.worlds import avatars  # noqa: E402
from keras_i2i.evaluation import judge as judging  # noqa: E402
from keras_i2i.evaluation import regions  # noqa: E402
from keras_i2i.metrics import lightness, spearman  # noqa: E402


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_I2I_CACHE", str(tmp_path))
    judging.cached_avatars.cache_clear()
    judging.load_judge.cache_clear()
    yield tmp_path
    judging.cached_avatars.cache_clear()
    judging.load_judge.cache_clear()


def test_the_boxes_measure_an_avatar_s_hair_and_skin():
    people, images = judging.draw_avatars(3, 120)

    def truth(name):
        return np.array([lightness(list(bytes.fromhex(getattr(person, name)[1:]))) for person in people])

    covered = np.array([person.top != "sides" for person in people])
    hair = regions.region_lightness(images, regions.CARTOON_HAIR)
    assert spearman(hair[covered], truth("hair_color")[covered]) > 0.95
    assert spearman(regions.region_lightness(images, regions.CARTOON_SKIN), truth("skin_color")) > 0.95
    with pytest.raises(ValueError, match="resize"):
        regions.region_lightness(images[:, :32], regions.CARTOON_HAIR)


def test_avatars_depend_on_seed_and_index_alone():
    people, images = judging.draw_avatars(4, 3)
    again, _ = judging.draw_avatars(4, 2)
    assert again == people[:2] and images.dtype == np.uint8
    assert judging.draw_avatars(5, 2)[0] != again


def test_avatars_are_kept(own_cache):
    labels, images = judging.cached_avatars(6, 3)
    assert len(list(own_cache.rglob("*.npz"))) == 1
    judging.cached_avatars.cache_clear()
    labels_2, images_2 = judging.cached_avatars(6, 3)
    np.testing.assert_array_equal(images, images_2)
    np.testing.assert_array_equal(labels, labels_2)
    np.testing.assert_array_equal(labels, judging.attributes(judging.draw_avatars(6, 3)[0]))


def test_a_cache_that_cannot_be_written_only_warns(own_cache, monkeypatch):
    blocked = own_cache / "file"
    blocked.write_text("")
    monkeypatch.setenv("KERAS_I2I_CACHE", str(blocked))
    with pytest.warns(UserWarning, match="KERAS_I2I_CACHE"):
        labels, images = judging.cached_avatars(6, 2)
    assert len(labels) == len(images) == 2


def test_damage_is_seeded_fresh_and_within_range():
    clean = judging.draw_avatars(7, 4)[1].astype(np.float32) / 127.5 - 1
    before = clean.copy()
    one, same, other = (judging.degrade(clean, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    np.testing.assert_array_equal(clean, before)
    assert not np.array_equal(one, other)
    assert one.shape == clean.shape and one.dtype == np.float32 and np.abs(one).max() <= 1


def test_the_training_set_does_not_tie_beards_to_short_hair():
    _, labels = judging._training_set(judging.JudgeConfig(avatars=60))
    assert labels[labels[:, 0], 1].any() and not labels[labels[:, 0], 1].all()
    assert not any(p.facial_hair for p in judging.draw_avatars(8, 60)[0] if p.top in avatars.LONG_TOPS)


def test_the_judge_refuses_other_images():
    judge = judging.Judge(None, {}, 0)
    for images in (np.zeros((1, 32, 32, 3), np.uint8), np.zeros((1, 64, 64, 3), np.float32)):
        with pytest.raises(ValueError, match="uint8 images"):
            judge.scores(images)


@pytest.mark.slow
def test_a_judge_learns_is_kept_and_comes_back_equal(own_cache):
    keras = pytest.importorskip("keras")
    config = judging.JudgeConfig(avatars=512, unseen=60, epochs=6, batch_size=32)
    judge = judging.load_judge(config)
    assert judge.accuracy["long_hair"] >= 0.9
    images = judging.draw_avatars(9, 20)[1]
    scores = judge.scores(images)
    judging.load_judge.cache_clear()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")  # a training run's policy must not reach into the measurement
    try:
        again = judging.load_judge(config)
    finally:
        keras.config.set_dtype_policy(policy)
    assert again is not judge and again.accuracy == judge.accuracy
    np.testing.assert_allclose(again.scores(images), scores, atol=1e-5)
