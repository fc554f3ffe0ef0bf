"""`Method`: the base on which every method stands.

A method names its networks, players and losses; compiling, fitting, stages, replica scaling, moving averages and saving
are done here, once. What the trained model is for says the class between: `core.translator.Translator` translates
images, `core.generator.Generator` makes them from noise. CONTRIBUTING.md shows how one writes a method.
"""

import contextlib
import dataclasses
import types

import keras
import numpy as np
from keras import ops

from keras_i2i.core import backend, batches, clipping, reduction
from keras_i2i.core.compiling import Compiling
from keras_i2i.core.ema import KeepsAverages, WeightAverage
from keras_i2i.core.guard import Guard, NaNGuard
from keras_i2i.core.players import due_phases, stage_at, total_steps
from keras_i2i.core.randomness import KeepsRandomness
from keras_i2i.core.resume import take_up
from keras_i2i.layers.image_pool import ImagePool


class Method(Compiling, KeepsAverages, KeepsRandomness, keras.Model):
    """Base of all methods: a Keras model whose training is a game between players.

    A subclass sets `Config`, a frozen dataclass of plain values with at least `image_size`, `domains` and `weights`,
    and `layout`, where its batches are not two unpaired domains; builds its networks in `__init__` after
    `super().__init__(config, **overrides)`; and implements `players`, `stages` and what its kind of model does.

    Args:
        config: an instance of `Config`; None for the paper's defaults.
        **overrides: single fields of the config, e.g. `embedding_dim=256`.

    Raises:
        TypeError: for an override that is not a field of the config.
    """

    Config = None
    layout = batches.Layout.unpaired

    def __init__(self, config=None, *, name=None, **overrides):
        super().__init__(name=name)
        config = config or self.Config()
        unknown = set(overrides) - {field.name for field in dataclasses.fields(config)}
        if unknown:
            raise TypeError(f"{type(self).__name__} has no setting {sorted(unknown)[0]!r}; see {self.Config.__name__}.")
        self.config = dataclasses.replace(config, **overrides)
        counter = {"initializer": "zeros", "trainable": False, "aggregation": "only_first_replica"}
        self.step = self.add_weight(shape=(), dtype="int32", name="step", **counter)
        self.optimizers = {}
        self.averages = {}
        # Plain Python state, in a namespace that Keras neither tracks nor saves.
        state = dict(players={}, stages=(), host_step=0, turn=None, entered=None, terms={}, guards={})
        self._run = types.SimpleNamespace(**state)
        self._compiled_inference = {}
        self.built = True

    # ---- what a method says ---------------------------------------------------------------------------------------

    def players(self):
        """The method's `Player`s, as a list."""
        raise NotImplementedError(f"{type(self).__name__} must implement players().")

    def stages(self):
        """The method's curriculum, a list of `Stage`s."""
        raise NotImplementedError(f"{type(self).__name__} must implement stages().")

    def export_signatures(self):
        """What `export` writes: maps a signature's name to a function from float32 [-1, 1] tensors (N, H, W, C), or to
        a `core.signature.Signature` of other inputs.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement export_signatures().")

    # ---- configuration --------------------------------------------------------------------------------------------

    @property
    def domains(self):
        """Names of the domains, in order: a translator's default target is the second."""
        return tuple(self.config.domains)

    @property
    def image_size(self):
        """Side of the square images that the model takes, in pixels."""
        return self.config.image_size

    @property
    def steps_taken(self):
        """Training steps so far, as an int; under a strategy `int(step)` fails."""
        return int(ops.convert_to_numpy(self.step))

    def get_config(self):
        """The config as a dict of plain values; `from_config` rebuilds the same model from it."""
        return {"name": self.name, "config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config):
        """Rebuilds a model from `get_config()`'s dict."""
        fields = {key: tuple(v) if isinstance(v, list) else v for key, v in config["config"].items()}
        return cls(cls.Config(**fields), name=config["name"])

    # ---- the trained model ----------------------------------------------------------------------------------------

    def by_batches(self, key, function, *arrays, batch_size=32):
        """Applies a function of tensors to arrays, batch by batch, with averaged weights.

        Args:
            key: under which the compiled function is kept.
            function: from tensors (N, ...), one an array, to a tensor (N, ...).
            *arrays: of N rows each.
            batch_size: rows a pass.

        Returns:
            float32 NumPy array (N, ...).
        """
        if key not in self._compiled_inference:
            compiled = backend.compiled_inference(lambda *tensors: ops.cast(function(*tensors), "float32"))
            self._compiled_inference[key] = compiled
        run = self._compiled_inference[key]
        with self.averaged_weights():
            starts = range(0, len(arrays[0]), batch_size)
            parts = [run(*(array[i : i + batch_size] for array in arrays)) for i in starts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def resized(self, image_size):
        """This model for images of another size: its networks made anew for that, with the same weights.

        They know what they were trained on at the size of the training: at twice that size they see details that are
        twice as large.

        Args:
            image_size: side of the square images, in pixels.

        Returns:
            A model of the same class, not compiled; its weights are the moving averages, where this one has them.

        Raises:
            ValueError: the method cannot have that size, or its weights are for one size, as those of dense layers.
        """
        other = type(self)(self.config, image_size=image_size)
        memories = (ImagePool, WeightAverage)
        own, new = ([layer for layer in model.layers if not isinstance(layer, memories)] for model in (self, other))
        shapes = [[weight.shape for layer in layers for weight in layer.weights] for layers in (own, new)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"This {type(self).__name__} has weights for images of {self.image_size}x{self.image_size} pixels, and"
                f" {image_size}x{image_size} would need others: train it for them."
            )
        with self.averaged_weights():
            for old, layer in zip(own, new, strict=True):
                layer.set_weights(old.get_weights())
        return other

    def export(self, filepath, **options):
        """Writes a SavedModel with the signatures of `export_signatures` (see `keras_i2i.export.savedmodel`)."""
        from keras_i2i.export import savedmodel

        return savedmodel.write(self, filepath, **options)

    def _known_domain(self, name, *, default, what, among=None):
        known = among or self.domains
        if name is None:
            return default
        if name not in known:
            raise ValueError(f"There is no {what} {name!r}: this model knows {', '.join(map(repr, known))}.")
        return name

    # ---- training -------------------------------------------------------------------------------------------------

    def fit(self, x=None, *, epochs=None, steps_per_epoch=None, resume=None, **options):
        """Trains on batches that are dicts of named tensors, walking through the method's stages.

        Args:
            x: a `tf.data.Dataset` or `keras.utils.PyDataset` of batches, or a dict of arrays. Images are uint8, or
                float in [-1, 1].
            epochs: how many; None for as many as the curriculum needs, where all its stages have a length, else 1.
            steps_per_epoch: training steps an epoch, for data without an end.
            resume: folder for checkpoints, one an epoch. A run that was killed and is started again by the same lines
                goes on from the last one, with the batches that would have come next: what `ki.data` makes skips to
                them, another `tf.data.Dataset` is gone through. Its order must follow from its seed.
            **options: as in `keras.Model.fit` (`callbacks`, `initial_epoch`, `verbose`, `validation_data`, ...).

        Returns:
            A `keras.callbacks.History` with the mean of every loss term, named "player/term".

        Raises:
            ValueError: before `compile()`, for data that are no batches of this method, or whose labels, where they are
                known beforehand, are no places in `domains`, under a strategy for batches that its replicas cannot
                share, or for a `resume` that cannot be (see `core.resume.take_up`).
            LostWorker: with `resume`, another worker is gone.
        """
        self._assert_compile_called("fit")
        self._run.entered = None
        self._begin(x, options.get("batch_size"))
        if hasattr(x, "element_spec") or hasattr(x, "skip_epochs"):  # they shuffle themselves, if at all
            options.setdefault("shuffle", False)
        keepers = []
        if resume is not None:
            given = {"steps_per_epoch": steps_per_epoch, "batch_size": options.get("batch_size")}
            given["shuffle"] = options.get("shuffle", True)
            x, steps_per_epoch, options["initial_epoch"], keepers = take_up(self, resume, x, **given)
            self._run.host_step = self.steps_taken
        if epochs is None:
            epochs = 1
            steps, length = total_steps(self._run.stages), steps_per_epoch or batches.cardinality(x)
            if steps is not None and length:
                epochs = -(-steps // length)
        callbacks = options.pop("callbacks", None) or []
        if isinstance(callbacks, keras.callbacks.CallbackList):
            for keeper in keepers:
                keeper.set_model(self)
                callbacks.callbacks.append(keeper)
        else:
            callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
            guarded = any(isinstance(callback, NaNGuard) for callback in callbacks)
            callbacks = [*([] if guarded else [NaNGuard()]), *keepers, *callbacks]
        with backend.forgetting_graphs():
            return super().fit(x, epochs=epochs, steps_per_epoch=steps_per_epoch, callbacks=callbacks, **options)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Nothing: a method is built when it is made. Keras would take a batch from the data for it, and lose it, and
        fail under `MultiWorkerMirroredStrategy`, whose batches it cannot reduce.
        """

    def evaluate(self, x=None, *, return_dict=True, **options):
        """Means of the current stage's loss terms over data, without training; those of other stages are 0.

        A dict by default; otherwise as `keras.Model.evaluate`.

        Raises:
            ValueError: as `fit`.
        """
        self._assert_compile_called("evaluate")
        self._begin(x, options.get("batch_size"))
        self._enter(stage_at(self._run.stages, self._run.host_step))
        with self.same_randomness(), backend.forgetting_graphs():
            return super().evaluate(x, return_dict=return_dict, **options)

    @property
    def guards(self):
        """Of each player that has trained, the `core.guard.Guard` that counts its skipped updates."""
        return self._run.guards

    @property
    def metrics(self):
        """One running mean a loss term."""
        return list(self._run.terms.values())

    def make_train_function(self, force=False):
        """One compiled function a turn: which stage it is and which phases are due is decided on the host.

        The compiled step thus has no conditionals, which distribution strategies and XLA both dislike.
        """
        if self.train_function is not None and not force:
            return
        compiled = {}

        def train_function(data):
            run = self._run
            stage = stage_at(run.stages, run.host_step)
            self._enter(stage)
            run.turn = (stage, due_phases(run.stages[stage], run.host_step))
            if run.turn not in compiled:
                super(Method, self).make_train_function(force=True)
                compiled[run.turn], self.train_function = self.train_function, train_function
            logs = compiled[run.turn](data)
            run.host_step += self.steps_per_execution
            return logs

        self.train_function = train_function

    def train_step(self, data):
        """One training step: the due phases in order, each one forward pass and simultaneous updates."""
        batch = batches.as_batch(data)
        stage_index, due = self._run.turn
        stage = self._run.stages[stage_index]
        for index in due:
            self._train_phase(stage, stage.phases[index], batch)
        self.step.assign(self.step + 1)
        return backend.step_logs(self.get_metrics_result())

    def test_step(self, data):
        """All phases' losses on a batch, without any update of weights."""
        batch = batches.as_batch(data)
        for phase in self._run.stages[self._run.entered].phases:
            terms, monitor = self._terms(phase, batch, training=False)
            self._track(terms, monitor)
        return backend.step_logs(self.get_metrics_result())

    def _train_phase(self, stage, phase, batch):
        players = {name: self._run.players[name] for name in phase.players}
        variables = {name: player.variables(stage.frozen) for name, player in players.items()}
        state = self._own_state()
        before = [ops.copy(ops.convert_to_tensor(variable)) for variable in state]
        weights = {**self.config.weights, **stage.weights}

        def forward():
            terms, monitor = self._terms(phase, batch)
            totals = {name: reduction.weighted_total(name, terms[name], weights) for name in players}
            return {name: self.optimizers[name].scale_loss(totals[name]) for name in players}, (terms, monitor)

        gradients, (terms, monitor) = backend.player_gradients(forward, variables)

        def apply():
            all_sound = True
            for name in players:
                # Where losses are scaled, infinite gradients are the optimizer's business, which skips them itself.
                scaled = isinstance(self.optimizers[name], keras.optimizers.LossScaleOptimizer)
                sound = self._run.guards[name].sound(terms[name], [] if scaled else gradients[name])
                gate = ops.logical_and(sound, phase.gates[name](monitor)) if name in phase.gates else sound
                self._apply(name, gradients[name], variables[name], gate)
                all_sound = ops.logical_and(all_sound, sound)
            if phase.after is not None:
                phase.after(monitor)
            backend.assign(state, [ops.where(all_sound, own, old) for own, old in zip(state, before, strict=True)])
            self._track(terms, monitor)

        backend.update(apply)

    def _apply(self, name, gradients, variables, gate):
        """Steps one player; where `gate` is False its weights, optimizer and average keep every bit.

        An average follows the weights' steps, which are fewer than the optimizer's where that accumulates gradients.
        """
        optimizer, average = self.optimizers[name], self.averages.get(name)
        averaged = average.variables if average else []

        def step():
            steps = clipping.weight_steps(optimizer)
            optimizer.apply(clipping.over_replicas(optimizer, gradients), variables)
            if average is not None and not clipping.may_skip(optimizer):
                average.update()
            elif average is not None:
                stepped = ops.not_equal(clipping.weight_steps(optimizer), steps)
                backend.only_if(stepped, average.update, averaged, branch=False)

        touched = [*variables, *optimizer.variables, *averaged]
        backend.only_if(gate, step, touched, branch=not self.jit_compile)

    def _own_state(self):
        """What a forward pass or a phase changes beside weights: batch statistics, controllers, windows."""
        elsewhere = {id(self.step), *(id(v) for average in self.averages.values() for v in average.variables)}
        return [variable for variable in self.non_trainable_variables if id(variable) not in elsewhere]

    def _terms(self, phase, batch, training=True):
        """Runs a phase's losses; returns the terms' means by player and the monitor values."""
        outputs = dict(phase.losses(batch, training))
        monitor = outputs.pop("monitor", {})
        # Over all replicas, so that a gate opens on all or on none.
        monitor = {key: backend.replica_mean(reduction.term_mean(value)) for key, value in monitor.items()}
        terms = {
            player: {name: reduction.term_mean(term) for name, term in own.items()} for player, own in outputs.items()
        }
        return terms, monitor

    def _track(self, terms, monitor):
        for player, own in terms.items():
            for name, value in own.items():
                self._track_finite(f"{player}/{name}", value)
        for name, value in monitor.items():
            self._track_finite(f"monitor/{name}", value)

    def _track_finite(self, key, value):
        finite = ops.isfinite(value)
        self._run.terms[key].update_state(ops.where(finite, value, 0.0), sample_weight=ops.cast(finite, "float32"))

    def _enter(self, index):
        """Makes the host ready for a stage: frozen networks and learning rates."""
        run = self._run
        if run.entered == index:
            return
        stage = run.stages[index]
        for other in run.stages:
            for network in other.frozen:
                network.trainable = not any(network is held for held in stage.frozen)
        for player, rate in stage.learning_rates.items():
            self.optimizers[player].learning_rate = rate
        run.entered = index
        self.test_function = None  # traced for the phases of the stage before

    def _begin(self, data, batch_size):
        """Before the first step: the host counts from where the weights are, and knows the data."""
        self._run.host_step = self.steps_taken
        with backend.replica_scope(self):
            batches.check_shares(data, batch_size, backend.replica_count())
        if self.layout is batches.Layout.labelled:
            batches.check_labels(data, len(self.domains))
        self._name_terms(data)

    def _name_terms(self, data):
        """Learns the names of the loss terms from one dry run on constant images, so that their means exist before
        the step is compiled. The run leaves no trace: its assignments are discarded.
        """
        batch = batches.zero_batch(data, self.image_size)
        known, names = set(), {}
        for stage in self._run.stages:
            for phase in stage.phases:
                with contextlib.ExitStack() as dry:
                    dry.enter_context(batches.naming_what_is_missing(type(self).__name__, batch))
                    dry.enter_context(keras.StatelessScope())
                    dry.enter_context(backend.plainly())
                    terms, monitor = self._terms(phase, batch)
                for player in phase.players:
                    if player not in terms:
                        raise ValueError(f"Phase {phase.name!r} steps {player!r} but returns no losses for it.")
                known.update(name for own in terms.values() for name in own)
                for key in [f"{p}/{n}" for p, own in terms.items() for n in own] + [f"monitor/{n}" for n in monitor]:
                    if key not in self._run.terms:
                        with backend.replica_scope(self):
                            self._run.terms[key] = keras.metrics.Mean(name=key)
                for player in phase.players:
                    names.setdefault(player, {}).update(terms[player])
        for player, own in names.items():
            if player not in self._run.guards or not {*own} <= {*self._run.guards[player].names}:
                with backend.replica_scope(self):
                    self._run.guards[player] = Guard(own)
                self.train_function = None  # traced with the guards before
        unused = {*self.config.weights, *(n for stage in self._run.stages for n in stage.weights)}
        unused -= known | set(self._run.terms)  # "term" or "player/term"
        unused -= set(self.Config().weights)  # the method's own vocabulary: a term may be off
        if unused:
            raise ValueError(f"There is a weight for {sorted(unused)[0]!r}, but the loss terms are {sorted(known)}.")
