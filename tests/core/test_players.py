"""The arithmetic of stages and phases, and whose variables are whose."""

import keras
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_i2i.core.players import Phase, Player, Stage, check_curriculum, due_phases, stage_at, total_steps


def phase(name="phase", players=("player",), **options):
    return Phase(name, lambda batch, training: {}, players, **options)


lengths = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(lengths, st.integers(0, 30), st.booleans())
def test_stage_of_a_step(steps, step, open_ended):
    stages = [Stage(str(i), (phase(),), steps=n) for i, n in enumerate(steps)]
    if open_ended:
        stages.append(Stage("open", (phase(),)))
    walked = [index for index, n in enumerate(steps) for _ in range(n)]
    assert stage_at(stages, step) == (walked[step] if step < len(walked) else len(stages) - 1)
    assert total_steps(stages) == (None if open_ended else sum(steps))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 50))
def test_phases_of_a_step(every, step):
    stage = Stage("stage", tuple(phase(str(i), every=n) for i, n in enumerate(every)))
    assert due_phases(stage, step) == tuple(i for i, n in enumerate(every) if step % n == 0)
    assert due_phases(stage, 0) == tuple(range(len(every))), "all phases run at the first step"


def dense(units=2):
    layer = keras.layers.Dense(units)
    layer.build((None, 3))
    return layer


def test_variables_of_a_player_are_distinct_trainable_and_not_frozen():
    one, two = dense(), dense()
    norm = keras.layers.BatchNormalization()
    norm.build((None, 3))
    player = Player("player", (one, two, one, norm), keras.optimizers.SGD)
    expected = [*one.variables, *two.variables, norm.gamma, norm.beta]
    assert [v is w for v, w in zip(player.variables(), expected, strict=True)] == [True] * 6
    rest = player.variables(frozen=(one, norm))
    assert [v is w for v, w in zip(rest, two.variables, strict=True)] == [True] * 2


def test_sound_curriculum_passes():
    check_curriculum([Stage("one", (phase(),), steps=1), Stage("two", (phase(),))], {"player": None})


@pytest.mark.parametrize(
    ("stages", "text"),
    [
        ([], "at least one Stage"),
        ([Stage("one", (phase(),)), Stage("two", (phase(),))], "Stage 'one' needs `steps`"),
        ([Stage("one", ())], "Stage 'one' has no phases"),
        ([Stage("one", (phase(players=("ghost",)),))], r"names 'ghost', but the players are \['player'\]"),
        ([Stage("one", (phase(gates={"ghost": None}),))], "names 'ghost'"),
        ([Stage("one", (phase(every=0),))], "every=0: it must be 1 or more"),
        ([Stage("one", (phase(),), learning_rates={"ghost": 1.0})], "Stage 'one' sets a learning rate for 'ghost'"),
        ([Stage("one", (phase(),), steps=0)], "Stage 'one' has steps=0: it must be 1 or more"),
    ],
)
def test_broken_curricula_are_refused(stages, text):
    with pytest.raises(ValueError, match=text):
        check_curriculum(stages, {"player": None})
