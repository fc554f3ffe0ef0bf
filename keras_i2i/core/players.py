"""Who plays against whom, when, and on which losses: the vocabulary in which a method states its training."""

import dataclasses
from collections.abc import Callable, Mapping

import keras


@dataclasses.dataclass(frozen=True)
class Player:
    """Networks that step together, and the optimizer that steps them.

    Attributes:
        name: as it appears in the losses and the logs, e.g. "generator".
        networks: the layers or models whose trainable variables this player changes.
        optimizer: a function without arguments that makes the default optimizer (the paper's).
        ema: decay in [0, 1) of an exponential moving average of the weights, which the trained model then
            uses; None for none.
    """

    name: str
    networks: tuple[keras.layers.Layer, ...]
    optimizer: Callable[[], keras.optimizers.Optimizer]
    ema: float | None = None

    def variables(self, frozen=()):
        """The distinct trainable variables, in the order of `networks`, without those of `frozen` networks."""
        held = {id(variable) for network in frozen for variable in network.variables}
        distinct = {}
        for network in self.networks:
            for variable in network.trainable_variables:
                if id(variable) not in held:
                    distinct.setdefault(id(variable), variable)
        return list(distinct.values())


@dataclasses.dataclass(frozen=True)
class Phase:
    """One forward pass and the players that step from it, all at once.

    Attributes:
        name: for messages.
        losses: function of a batch (dict of tensors) and of `training` (bool) that returns
            `{player: {term: tensor}}`; terms are per sample or scalar, unweighted. The key "monitor" may hold further
            named scalars, logged and handed to gates, not minimised.
        players: names of the players that step; the losses of others are logged only.
        every: the phase runs at training steps 0, every, 2 * every, ...
        gates: maps a player to a function of the monitor values that returns a boolean scalar; where it is False the
            player's weights and optimizer stay bit-identical in this step.
        after: function of the monitor values that updates the method's own state (a controller, a window).
    """

    name: str
    losses: Callable[[Mapping, bool], Mapping]
    players: tuple[str, ...]
    every: int = 1
    gates: Mapping[str, Callable] = dataclasses.field(default_factory=dict)
    after: Callable[[Mapping], None] | None = None


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the curriculum: which phases run, for how long, and what is different while they do.

    Attributes:
        name: for messages and the log.
        phases: run in this order at each training step.
        steps: length in training steps; None for a last stage that lasts as long as `fit` does.
        frozen: networks that no player changes in this stage; they run in inference mode.
        weights: loss weights that replace the config's in this stage.
        learning_rates: maps a player to its learning rate in this stage, set once when the stage begins.
    """

    name: str
    phases: tuple[Phase, ...]
    steps: int | None = None
    frozen: tuple[keras.layers.Layer, ...] = ()
    weights: Mapping[str, float] = dataclasses.field(default_factory=dict)
    learning_rates: Mapping[str, float] = dataclasses.field(default_factory=dict)


def stage_at(stages, step):
    """The index of the stage that training step `step` (from 0) belongs to; the last one when all are over."""
    for index, stage in enumerate(stages):
        if stage.steps is None or step < stage.steps:
            return index
        step -= stage.steps
    return len(stages) - 1


def due_phases(stage, step):
    """Indices of the phases of `stage` that run at training step `step`."""
    return tuple(index for index, phase in enumerate(stage.phases) if step % phase.every == 0)


def total_steps(stages):
    """The length of a curriculum in training steps, or None when its last stage is open-ended."""
    lengths = [stage.steps for stage in stages]
    return None if None in lengths else sum(lengths)


def alternates(stages):
    """Whether training steps differ from each other in the phases that run."""
    return len(stages) > 1 or any(phase.every > 1 for stage in stages for phase in stage.phases)


def check_curriculum(stages, players):
    """Raises ValueError when a curriculum names unknown players or could not be walked."""
    if not stages:
        raise ValueError("A method needs at least one Stage: return one from stages().")
    for stage in stages[:-1]:
        if stage.steps is None:
            raise ValueError(f"Stage {stage.name!r} needs `steps`: only the last stage may be open-ended.")
    for stage in stages:
        if not stage.phases:
            raise ValueError(f"Stage {stage.name!r} has no phases.")
        if stage.steps is not None and stage.steps < 1:
            raise ValueError(f"Stage {stage.name!r} has steps={stage.steps}: it must be 1 or more.")
        for name in stage.learning_rates:
            if name not in players:
                raise ValueError(
                    f"Stage {stage.name!r} sets a learning rate for {name!r}, but the players are {sorted(players)}."
                )
        for phase in stage.phases:
            unknown = [name for name in (*phase.players, *phase.gates) if name not in players]
            if unknown:
                raise ValueError(f"Phase {phase.name!r} names {unknown[0]!r}, but the players are {sorted(players)}.")
            if phase.every < 1:
                raise ValueError(f"Phase {phase.name!r} has every={phase.every}: it must be 1 or more.")
