"""What the tests of all twins share: one step here and one there, from the same weights, with the same gradients."""

import keras
import numpy as np
import tensorflow as tf

RATE = 0.05


def descend(model, twin, batch, variables, as_torch, pictures, still=()):
    """Makes one step of plain descent in both, with a common rate: Adam's first step is the gradient's sign, be it of a
    rounding. Asserts that all weights make the same step.

    Args:
        model: ours.
        twin: the same in PyTorch, with `networks` and `optimizers` by the players' names.
        batch: dict of arrays (N, H, W, 3).
        variables: maps the names of the twin's networks to our variables, in the order of its parameters.
        as_torch: from one of our variables to the array that the twin has.
        pictures: from our images to the twin's.
        still: names of the networks that must make none.

    Returns:
        `(logs, losses)`: our history's terms, and what the twin's step returns.
    """
    import torch

    pairs = []
    for name, own in variables.items():
        parameters = list(twin.networks[name].parameters())
        pairs += zip([f"{name} {v.path}" for v in own], own, parameters, strict=True)
    for path, variable, parameter in pairs:
        assert tuple(parameter.shape) == as_torch(variable).shape, path
        parameter.data = torch.from_numpy(as_torch(variable).copy())
    model.compile({name: keras.optimizers.SGD(RATE) for name in model.optimizers or twin.optimizers})
    for name, optimizer in twin.optimizers.items():
        twin.optimizers[name] = torch.optim.SGD(
            [parameter for group in optimizer.param_groups for parameter in group["params"]], RATE
        )
    before = [as_torch(variable).copy() for _, variable, _ in pairs]
    logs = {key: value[0] for key, value in model.fit(tf.data.Dataset.from_tensors(batch), verbose=0).history.items()}
    losses = twin.step(*(torch.from_numpy(pictures(batch[key])) for key in "ab"))
    for (path, variable, parameter), start in zip(pairs, before, strict=True):
        step, of_twin = as_torch(variable) - start, parameter.detach().numpy() - start
        assert (np.abs(step).max() == 0) == (path.split()[0] in still), path
        tolerance = 1e-3 * np.abs(of_twin).max() + 2e-8
        np.testing.assert_allclose(step, of_twin, rtol=0, atol=tolerance, err_msg=path)
    return logs, losses
