"""Agreement of attributes and of embeddings, counted by hand."""

import numpy as np
import pytest

from keras_i2i.metrics import attribute_agreement, latent_alignment


def test_attributes_beside_their_chance():
    wanted = {"hair": np.array(["red", "red", "blond", "red"]), "glasses": np.array([1, 0, 0, 0])}
    found = {"glasses": np.array([0, 0, 0, 0]), "hair": np.array(["red", "blond", "blond", "blond"])}
    value = attribute_agreement(wanted, found)
    assert list(value) == ["hair", "glasses"]
    # Hair: 2 of 4; at random 3/4 * 1/4 + 1/4 * 3/4. A judge that never finds glasses is right as often as chance.
    assert value["hair"] == (0.5, 3 / 8) and value["glasses"] == (0.75, 0.75)


def test_alignment_of_pairs_and_of_the_others():
    x = np.array([[2.0, 0], [0, 5]])
    assert latent_alignment(x, 3 * x) == pytest.approx((1, 0))
    assert latent_alignment(x, x[::-1]) == pytest.approx((0, 1))
    assert latent_alignment(x, -x) == pytest.approx((-1, 0))


def test_alignment_agrees_with_all_cosines():
    spatial = pytest.importorskip("scipy.spatial.distance")
    x, y = np.random.default_rng(0).normal(0.4, 1, (2, 9, 4))
    cosines = 1 - spatial.cdist(x, y, "cosine")
    others = cosines[~np.eye(9, dtype=bool)].mean()
    assert latent_alignment(x, y) == pytest.approx((np.diag(cosines).mean(), others))


@pytest.mark.parametrize(
    "call, named",
    [
        (lambda: attribute_agreement({}, {}), "at least one"),
        (lambda: attribute_agreement({"a": [1]}, {"b": [1]}), r"same attributes.*\['a'\] and \['b'\]"),
        (lambda: attribute_agreement({"a": [1]}, {"a": [1, 2]}), "as many labels 'a'"),
        (lambda: attribute_agreement({"a": []}, {"a": []}), "as many labels 'a'"),
        (lambda: attribute_agreement({"a": [1.0]}, {"a": [np.nan]}), "^found holds NaN among its labels 'a'"),
        (lambda: latent_alignment(np.eye(2), np.eye(3)), "x and y are compared row by row"),
        (lambda: latent_alignment([[1.0]], [[1.0]]), "^x and y need at least 2 rows"),
        (lambda: latent_alignment(np.eye(2), np.eye(2) * np.nan), "^y holds NaN"),
    ],
)
def test_bad_input_is_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()
