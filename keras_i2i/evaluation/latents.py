"""How well an encoder inverts its generator."""

import numpy as np


def latent_error(model, count=1000, seed=0, batch_size=100):
    """The mean of (E(G(z, c)) - z)^2 over fresh noise and all classes in turn; 1/3 for E = 0 and noise of U(-1, 1).

    Args:
        model: a `Generator` with `embed`, as `TwoStep`.
        count: of images.
        seed: of the noise.
        batch_size: images a pass.

    Returns:
        float, from 0 up.
    """
    noise = model.noise(np.random.default_rng(seed), count)
    label = (np.arange(count) % len(model.domains)).astype(np.int32)

    def again(z, c):
        return model.encode_tensor(model.generate_tensor(z, c), None)

    found = model.by_batches("latent error", again, noise, label, batch_size=batch_size)
    return float(np.square(found - noise).mean())
