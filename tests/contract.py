"""The contract of a method: what every `Method` must do, tested from a tiny config alone.

A method's test declares a `Case`; `tests/methods/test_contract.py` runs `Contract` over all registered methods, with
`Translating` over those that translate and `Generating` over those that make images from noise, and `tests/core` runs
them over tiny methods that alternate, that walk through stages, and that generate.
"""

import collections
import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_i2i.core import imaging
from keras_i2i.core.generator import Generator
from keras_i2i.core.method import Method
from keras_i2i.core.players import due_phases, stage_at
from keras_i2i.core.translator import Translator
from keras_i2i.data import read_image
from keras_i2i.export import servable
from keras_i2i.layers.image_pool import ImagePool
from tests.harness import (
    assert_close,
    assert_same_pixels,
    enter,
    outputs,
    refused,
    same,
    state_of,
    tensors,
    train,
    train_phase,
    turns,
    values_of,
)


def shapes_of(model):
    """The shapes of all weights but what image pools remember."""
    layers = (layer for layer in model.layers if not isinstance(layer, ImagePool))
    return [weight.shape for layer in layers for weight in layer.weights]


class Contract:
    """Tests of one `Case`, given by a class-scoped fixture `case`; `trained` is made from it in `conftest.py`."""

    # ---- configuration --------------------------------------------------------------------------------------------

    def test_builds_from_its_config(self, case):
        model = case.make()
        assert isinstance(model, Method) and isinstance(model, Translator | Generator)
        assert dataclasses.is_dataclass(model.config) and model.config.__dataclass_params__.frozen
        assert len(set(model.domains)) == len(model.domains) >= (2 if isinstance(model, Translator) else 1)
        assert model.trainable_variables
        assert {"domains", "image_size", "weights"} <= {field.name for field in dataclasses.fields(model.config)}

    def test_config_round_trip(self, case):
        model = case.make()
        plain = json.loads(json.dumps(model.get_config()))
        again = case.method.from_config(plain)
        assert again.config == model.config
        assert json.loads(json.dumps(again.get_config())) == plain
        assert [v.shape for v in again.variables] == [v.shape for v in model.variables]
        assert same(values_of(again.variables), values_of(model.variables)), "the seed does not fix the weights"
        with pytest.raises(TypeError, match="no setting 'colour_of_the_sky'"):
            case.make(colour_of_the_sky="blue")

    # ---- training -------------------------------------------------------------------------------------------------

    def test_every_phase_changes_its_own_players_only(self, case):
        model = case.compiled()
        data = case.data(model)
        for stage_index, phase in turns(model):
            stage = enter(model, stage_index, data)
            ungated = dataclasses.replace(phase, gates={})
            players = [model._run.players[name] for name in phase.players]
            own = {id(v) for player in players for v in player.variables(stage.frozen)}
            weights = model.trainable_variables + [v for network in stage.frozen for v in network.variables]
            others = [v for v in {id(v): v for v in weights}.values() if id(v) not in own]
            idle = [v for n, o in model.optimizers.items() if n not in phase.players for v in o.variables]
            idle += [v for n, a in model.averages.items() if n not in phase.players for v in a.variables]
            before, idle_before = values_of(others), values_of(idle)
            networks_before = [values_of(n.trainable_variables) for player in players for n in player.networks]
            train_phase(model, stage, ungated, data)
            assert same(before, values_of(others)), f"{phase.name} changed weights of others"
            assert same(idle_before, values_of(idle)), f"{phase.name} changed optimizers or averages of others"
            for player in players:
                for network in player.networks:
                    old = networks_before.pop(0)
                    if network not in stage.frozen and old:
                        new = values_of(network.trainable_variables)
                        assert not same(old, new), f"{phase.name} left a network of {player.name} as it was"

    def test_closed_gate_keeps_every_bit(self, case):
        model = case.compiled()
        data = case.data(model)
        for stage_index, phase in turns(model):
            stage = enter(model, stage_index, data)
            for held in phase.players:
                closed = dataclasses.replace(phase, gates={held: lambda monitor: keras.ops.convert_to_tensor(False)})
                for _ in range(2):  # the optimizer's state is zero before the first step, and not before the second
                    own = [*model._run.players[held].variables(stage.frozen), *model.optimizers[held].variables]
                    own += model.averages[held].variables if held in model.averages else []
                    rest = [v for n in phase.players if n != held for v in model.optimizers[n].variables]
                    before, rest_before = values_of(own), values_of(rest)
                    train_phase(model, stage, closed, data)
                    assert same(before, values_of(own)), f"{held} moved behind a closed gate"
                    assert not rest or not same(rest_before, values_of(rest)), f"the gate of {held} held others too"
                    train_phase(model, stage, dataclasses.replace(phase, gates={}), data)

    def test_losses_are_finite_on_constant_images(self, case):
        model = case.compiled()
        for level in (-1.0, 0.0, 1.0):
            data = case.data(model)
            data.update({key: np.full_like(data[key], level) for key in case.keys})
            for stage_index, phase in turns(model):
                stage = enter(model, stage_index, data)
                terms, monitor = model._terms(phase, tensors(data))
                values = [*monitor.values(), *(term for own in terms.values() for term in own.values())]
                assert all(np.isfinite(v) for v in values_of(values)), (phase.name, level, terms)
                train_phase(model, stage, phase, data)
                assert all(np.isfinite(v).all() for v in values_of(model.variables)), (phase.name, level)

    def test_fit_names_every_term(self, trained):
        model, _, history = trained
        assert int(model.step) == trained[1][next(iter(trained[1]))].shape[0] // 4
        phases = [phase for _, phase in turns(model)]
        for player in {name for phase in phases for name in phase.players}:
            assert any(key.startswith(f"{player}/") for key in history), f"no term of {player} is logged"
        assert all(np.isfinite(values).all() for values in history.values())

    def test_optimizers_count_the_steps_of_their_player(self, trained):
        """As many iterations as steps at which the curriculum let the player step (gates may hold further ones)."""
        model, _, _ = trained
        stages, expected, gated = model._run.stages, dict.fromkeys(model.optimizers, 0), set()
        for step in range(int(model.step)):
            stage = stages[stage_at(stages, step)]
            for index in due_phases(stage, step):
                gated |= set(stage.phases[index].gates)
                for name in stage.phases[index].players:
                    expected[name] += 1
        for name, optimizer in model.optimizers.items():
            done = int(optimizer.iterations)
            assert done <= expected[name] if name in gated else done == expected[name], name

    def test_fit_with_xla(self, case):
        """The same training as without, up to rounding."""
        plain, fast = case.compiled(run_eagerly=True), case.compiled(jit_compile=True)
        data = case.data(plain, batches=1)
        train(plain, data, 1)
        history = train(fast, data, 1).history
        assert all(np.isfinite(values).all() for values in history.values())
        assert int(fast.step) == 1
        assert not same(values_of(case.make().trainable_variables), values_of(fast.trainable_variables))
        # Adam's first step has the gradient's sign alone, which rounding turns where a gradient is nearly zero. What
        # several players hold is moved by each.
        moved = collections.Counter()
        for player in fast.optimizers.values():
            moved.update({id(variable): float(player.learning_rate) for variable in player._trainable_variables})
        for before, after in zip(plain.variables, fast.variables, strict=True):
            assert_close(values_of([before]), values_of([after]), 2.2 * (moved[id(after)] or max(moved.values())))

    def test_evaluate_returns_named_terms(self, trained):
        model, data, history = trained
        before = state_of(model)
        results = model.evaluate(data, batch_size=4, verbose=0)
        assert results and set(results) <= set(history)
        assert all(np.isfinite(value) for value in results.values())
        assert same(before, state_of(model)), "evaluate changed the model"

    # ---- saving ---------------------------------------------------------------------------------------------------

    def test_keras_file_holds_everything(self, trained, tmp_path):
        model, data, _ = trained
        model.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras")
        assert type(again) is type(model) and again.config == model.config
        assert int(again.step) == int(model.step) > 0
        assert_close(state_of(model), state_of(again), 0)
        images = next(iter(data.values()))[:3]
        assert_close(outputs(again, images), outputs(model, images), 1e-6)

    def test_weights_file_holds_everything(self, case, trained, tmp_path):
        model, data, _ = trained
        model.save_weights(tmp_path / "model.weights.h5")
        overrides = {"seed": 99} if "seed" in case.config else {}
        again = case.compiled(**overrides)
        again.load_weights(tmp_path / "model.weights.h5")
        assert_close(state_of(model), state_of(again), 0)
        images = next(iter(data.values()))[:3]
        assert_close(outputs(again, images), outputs(model, images), 1e-6)

    def test_training_goes_on_after_loading(self, case, tmp_path):
        """Interrupted and resumed equals uninterrupted."""
        whole = case.compiled(run_eagerly=True)
        data = case.data(whole, batches=2)
        train(whole, data, 1)
        whole.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras")
        again.run_eagerly = True
        later = {key: value[4:] for key, value in data.items()}
        train(whole, later, 1)
        train(again, later, 1)
        assert int(again.step) == 2
        assert_close(state_of(whole), state_of(again), 1e-6)

    # ---- exporting ------------------------------------------------------------------------------------------------

    def test_export_reloads_without_keras(self, case, trained, reload_without_keras, tmp_path):
        """What the signatures return, and what the model itself makes."""
        model, data, _ = trained
        images = next(iter(data.values()))[:3]
        inputs = {name: data[key][:3] if isinstance(key, str) else key for name, key in case.inputs.items()}
        if isinstance(model, Generator):
            inputs = {"noise": model.noise(np.random.default_rng(5), 3), "label": np.arange(3) % len(model.domains)}
            inputs["label"] = inputs["label"].astype(np.int32)
        results = reload_without_keras(model.export(tmp_path / "servable"), images, tmp_path, **inputs)
        assert set(results) == set(servable.signatures(model)) >= set(model.export_signatures())
        pixels, made = ((images + 1) * 127.5).round().astype(np.uint8), outputs(model, images)
        if isinstance(model, Translator):
            for domain in model.targets:
                expected = model.translate(images, target=domain)
                np.testing.assert_allclose(results[f"to_{domain}_float"], expected, rtol=0, atol=1e-5)
        if isinstance(model, Generator):
            np.testing.assert_allclose(results["generate_float"], made[-1], rtol=0, atol=1e-5)
        np.testing.assert_allclose(results["serving_default_float"], made[0], rtol=0, atol=1e-5)
        expected = model.translate(pixels) if isinstance(model, Translator) else model.generate(3, seed=5)
        assert_same_pixels(results["serving_default"], expected)
        if isinstance(model, Translator):
            files = results["translate_bytes"].tolist()
            assert_same_pixels(np.stack([np.asarray(read_image(file)) for file in files]), expected)
        if getattr(model, "noise_shape", None) is not None:
            size, target = model.image_size, model.targets[-1]
            noise = servable.noise_of(np.arange(3, dtype=np.int32), np.full(3, 2, np.int32), model.noise_shape)
            beside = (noise.numpy().reshape(6, *model.noise_shape),)
            twice = np.repeat(imaging.to_model(pixels)[0], 2, axis=0)
            expected = model.infer("noisy", lambda x, z: model.translate_tensor(x, target, z), twice, beside=beside)
            expected = imaging.PIXELS.restore(expected).reshape(3, 2, size, size, 3)
            assert_same_pixels(results["sample"], expected)
        if getattr(model, "has_styles", False):
            assert_same_pixels(results["style"], model.translate(pixels, style=pixels[::-1]))

    def test_other_image_sizes(self, case):
        for size in case.sizes:
            model = case.make(image_size=size)
            assert all(made.shape[1:] == (size, size, 3) for made in outputs(model, np.zeros((1, size, size, 3))))

    def test_made_anew_for_another_size_with_the_same_weights(self, case):
        model = case.compiled()
        rng = np.random.default_rng(0)
        for averages in (average.averages for average in model.averages.values()):
            for value in averages:
                value.assign(value + rng.uniform(0, 0.1, value.shape))
        images = rng.uniform(-1, 1, (2, model.image_size, model.image_size, 3)).astype(np.float32)
        same = model.resized(model.image_size)
        assert same is not model and not same.compiled
        for own, made in zip(outputs(model, images), outputs(same, images), strict=True):
            np.testing.assert_allclose(made, own, rtol=0, atol=1e-5)
        for size in case.sizes:
            if shapes_of(case.make(image_size=size)) == shapes_of(case.make()):
                assert model.resized(size).image_size == size
            else:
                with refused(ValueError, f"{size}x{size} would need others"):
                    model.resized(size)


class Translating:
    """Further tests of a `Case` whose method translates."""

    def test_translate_returns_the_kind_it_got(self, case):
        model = case.make()
        size, rng = model.image_size, np.random.default_rng(0)
        kinds = {
            "uint8": rng.integers(0, 256, (3, size, size, 3), np.uint8),
            "[-1, 1]": rng.uniform(-1, 1, (3, size, size, 3)).astype(np.float32),
            "[0, 1]": rng.uniform(0, 1, (3, size, size, 3)).astype(np.float64),
        }
        for name, images in kinds.items():
            result = model.translate(images)
            assert result.shape == images.shape and result.dtype == images.dtype, name
            assert result.min() >= (-1 if name == "[-1, 1]" else 0) and result.max() <= (255 if name == "uint8" else 1)
            single = model.translate(images[0])
            assert single.shape == images.shape[1:] and single.dtype == images.dtype
            close = 1 if name == "uint8" else 1e-5
            np.testing.assert_allclose(single.astype(float), result[0].astype(float), rtol=0, atol=close)
        pixels = kinds["uint8"].astype(np.float32)
        expected = (model.translate(pixels / 127.5 - 1) + 1) * 127.5
        np.testing.assert_allclose(model.translate(kinds["uint8"]), expected, rtol=0, atol=0.51)
        np.testing.assert_allclose(model.translate(pixels / 255) * 255, expected, rtol=0, atol=0.01)

    def test_translate_reaches_every_target(self, case):
        model = case.make()
        images = np.zeros((2, model.image_size, model.image_size, 3), np.float32)
        assert model.targets and set(model.targets) <= set(model.domains)
        for domain in model.targets:
            result = model.translate(images, target=domain, batch_size=1)
            assert result.shape[1:] == case.shapes.get(domain, images.shape[1:]) and len(result) == len(images)
            assert np.isfinite(result).all()
        for name in ("moon", *(set(model.domains) - set(model.targets))):
            with pytest.raises(ValueError, match=f"no target '{name}'"):
                model.translate(images, target=name)

    def test_larger_images_are_cropped_and_shrunk(self, case):
        model = case.make()
        size = model.image_size
        images = np.random.default_rng(0).integers(0, 256, (2, size + 6, 2 * size, 3), np.uint8)
        assert model.translate(images).shape == (2, size, size, 3)


class Generating:
    """Further tests of a `Case` whose method makes images from noise."""

    def test_generate_returns_the_kind_asked_for(self, case):
        model = case.make()
        shape = (3, model.image_size, model.image_size, 3)
        pixels = model.generate(3, seed=1)
        assert pixels.shape == shape and pixels.dtype == np.uint8
        expected = model.generate(3, seed=1, value_range=(-1, 1))
        assert expected.std() > 0
        for low, high in ((-1, 1), (0, 1), (0, 255)):
            images = model.generate(3, seed=1, value_range=(low, high))
            assert images.shape == shape and images.dtype == np.float32
            assert low <= images.min() and images.max() <= high
            scaled = (images - low) * (2 / (high - low)) - 1
            np.testing.assert_allclose(scaled, expected, rtol=0, atol=1e-6)
            np.testing.assert_allclose((scaled + 1) * 127.5, pixels, rtol=0, atol=0.51)

    def test_the_same_seed_makes_the_same_images(self, case):
        model = case.make()
        first = model.generate(5, seed=1, value_range=(-1, 1))
        np.testing.assert_array_equal(model.generate(5, seed=1, value_range=(-1, 1)), first)
        fewer = model.generate(3, seed=1, value_range=(-1, 1), batch_size=2)
        np.testing.assert_allclose(fewer, first[:3], rtol=0, atol=1e-4 * np.abs(first).max())
        for other in (2, None):
            assert not np.array_equal(model.generate(5, seed=other, value_range=(-1, 1)), first)

    def test_generate_reaches_every_domain(self, case):
        """All in turn without a target; each from the same noise."""
        model = case.make()
        count = 2 * len(model.domains)
        mixed = model.generate(count, seed=1, value_range=(-1, 1))
        for index, domain in enumerate(model.domains):
            own = model.generate(count, domain, seed=1, value_range=(-1, 1))
            places = [index, index + len(model.domains)]
            np.testing.assert_allclose(own[places], mixed[places], rtol=0, atol=1e-4 * np.abs(mixed).max())
            rest = [place for place in range(count) if place not in places]
            assert not rest or not np.allclose(own[rest], mixed[rest], rtol=0, atol=1e-3 * np.abs(mixed).max())
        with refused(ValueError, match="no target 'moon'"):
            model.generate(target="moon")

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"count": 0}, "count must be a whole number of at least 1, got 0"),
            ({"count": 1.5}, "count must be a whole number"),
            ({"value_range": (0, 2)}, r"value_range must be one of .* got \(0, 2\)"),
        ],
    )
    def test_generate_refuses_what_makes_no_sense(self, case, options, text):
        with refused(ValueError, match=text):
            case.make().generate(**options)
