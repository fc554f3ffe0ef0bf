"""A tiny recipe on pictures that the tests draw (see conftest)."""

import numpy as np
from PIL import Image

TEXT = """
name: tiny
task: noise -> noise
method: xgan
license: {{code: Apache-2.0, weights: none, data: none}}
seed: 3
steps: 4
steps_per_epoch: 2
jit_compile: false
learning_rate: {{start: 1e-3, schedule: cosine, final: 0.1}}
config:
  domains: [photo, cartoon]
  encoder_filters: [4, 8, 8, 16]
  decoder_filters: [16, 8, 8, 4]
  embedding_dim: 8
  hidden_dim: 8
  domain_hidden: [8]
  adversarial_targets: []
data:
  image_size: 16
  batch_size: 4
  augment: {{flip: 0.5, shift: 0.125}}
  domains:
    a:
      red: {{source: {{folder: {root}/red}}, share: 1}}
      green: {{source: {{folder: {root}/green}}, share: 3}}
    b:
      blue: {{source: {{folder: {root}/blue}}}}
"""


def paint(folder, color, count, seed=0, size=16):
    """Fills a folder with noisy pictures of one colour."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for index in range(count):
        pixels = np.clip(rng.normal(0, 20, (size, size, 3)) + color, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:03}.png")
