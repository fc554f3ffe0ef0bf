"""Compiling a `Method`: its players, its curriculum, and one optimizer a player."""

import keras

from keras_i2i.core import backend, clipping, updates
from keras_i2i.core.ema import WeightAverage
from keras_i2i.core.players import alternates, check_curriculum


class Compiling:
    """For a `keras.Model` with `players()`, `stages()` and the attributes that `Method` makes."""

    def compile(self, optimizers=None, *, jit_compile="auto", run_eagerly=False, steps_per_execution=1):
        """Makes and builds one optimizer a player; without arguments, the paper's.

        Args:
            optimizers: maps a player's name to a `keras.optimizers.Optimizer` that replaces the default one. Clipping
                (`global_clipnorm=1.0`) and accumulation (`gradient_accumulation_steps=4`) are its own.
            jit_compile: whether XLA compiles the whole step, on one device; "auto" for no on CPUs, else as Keras says.
            run_eagerly: run the step without a graph, for debugging.
            steps_per_execution: steps a compiled call; needs phases that all run at every step.

        Raises:
            ValueError: for an unknown player, `steps_per_execution` with alternating phases, or, with several replicas,
                for that, XLA, or an optimizer that accumulates gradients.
        """
        with backend.replica_scope(self):
            replicas = backend.replica_count()
        if jit_compile == "auto" and (replicas > 1 or backend.on_cpu()):
            jit_compile = False  # XLA takes no collectives of tf.distribute, and its convolutions are slow on CPUs
        if replicas > 1:
            needed = {"jit_compile": (jit_compile, False), "steps_per_execution": (steps_per_execution, 1)}
            for name, (given, only) in needed.items():
                if given != only:
                    raise ValueError(f"Under a strategy with {replicas} replicas, {name} must be {only}, got {given}.")
        super().compile(
            optimizer=None, jit_compile=jit_compile, run_eagerly=run_eagerly, steps_per_execution=steps_per_execution
        )
        for stage in self._run.stages:  # what the last stage of an earlier fit froze belongs to its players again
            for network in stage.frozen:
                network.trainable = True
        players = {player.name: player for player in self.players()}
        stages = tuple(self.stages())
        check_curriculum(stages, players)
        given = dict(optimizers or {})
        if set(given) - set(players):
            unknown = sorted(set(given) - set(players))[0]
            raise ValueError(f"There is no player {unknown!r}: they are {sorted(players)}.")
        if steps_per_execution > 1 and alternates(stages):
            raise ValueError(
                f"{type(self).__name__} alternates its phases, which needs steps_per_execution=1, "
                f"got {steps_per_execution}."
            )
        self._run.players, self._run.stages, self._run.entered = players, stages, None
        made, averages = {}, {}
        with backend.replica_scope(self):
            for name, player in players.items():
                optimizer = given[name] if name in given else player.optimizer()
                if self.dtype_policy.name == "mixed_float16":
                    optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
                clipping.check(name, optimizer, replicas)
                if not jit_compile:
                    updates.compile_each(optimizer)
                variables = player.variables()
                optimizer.build(variables)  # an unbuilt optimizer is skipped on restore with only a warning
                made[name] = optimizer
                if player.ema is not None:
                    averages[name] = WeightAverage(variables, player.ema, name=f"average_of_{name}")
        self.optimizers, self.averages = made, averages

    def get_compile_config(self):
        """The optimizers' configs, for `.keras` files."""
        if not self.compiled:
            return None
        return {
            "optimizers": {k: keras.saving.serialize_keras_object(v) for k, v in self.optimizers.items()},
            "jit_compile": self.jit_compile,
        }

    def compile_from_config(self, config):
        """Compiles a model loaded from a `.keras` file as it was compiled when saved."""
        optimizers = {k: keras.saving.deserialize_keras_object(v) for k, v in config["optimizers"].items()}
        self.compile(optimizers, jit_compile=config["jit_compile"])
