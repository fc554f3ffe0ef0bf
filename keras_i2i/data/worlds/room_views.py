"""Views of `rooms`: RGB, exact depth, exact labels and near-infrared, by pybullet's software renderer.

RGB has textures, shadows and a light of some tint. Near-infrared is another picture of the same scene, in which each
material has a brightness of its own, whatever its colour, under another light.
"""

import functools
import pathlib
import tempfile

import numpy as np
from PIL import Image

from keras_i2i.data.worlds.rooms import CLASSES, TEXTURES
from keras_i2i.quiet import silenced

NEAR, FAR = 0.05, 14.0  # metres, of the camera
DETAIL = 2  # pictures of light are rendered at so many times the size, then shrunk
TEXTURE_SIDE = 64
AMBIENT_INFRARED = 0.35
VIEWS = ("rgb", "depth", "segmentation", "nir")


@functools.cache
def texture(number):
    """Texture `number`, bright enough to be multiplied with a colour: uint8 (64, 64, 3)."""
    rng = np.random.default_rng([77, number])
    side = TEXTURE_SIDE
    y, x = np.mgrid[:side, :side] / side
    kind = number % 6
    if kind == 0:  # stripes
        pattern = (np.sin(2 * np.pi * rng.integers(3, 12) * x) > 0).astype(float)
    elif kind == 1:  # checks
        n = rng.integers(3, 10)
        pattern = ((x * n).astype(int) + (y * n).astype(int)) % 2.0
    elif kind == 2:  # grain
        waves = np.sin(2 * np.pi * (rng.integers(4, 9) * x + 0.3 * np.sin(2 * np.pi * rng.integers(1, 4) * y)))
        pattern = 0.5 + 0.5 * waves
    elif kind == 3:  # boards or tiles with joints
        n = rng.integers(4, 10)
        pattern = 1.0 - ((x * n % 1 < 0.08) | (y * rng.integers(1, n + 1) % 1 < 0.08))
    elif kind == 4:  # blotches
        coarse = rng.random((rng.integers(4, 10),) * 2)
        index = np.mgrid[:side, :side] * coarse.shape[0] // side
        pattern = coarse[index[0], index[1]]
    else:  # speckles
        pattern = rng.random((side, side))
    strength = rng.uniform(0.15, 0.5)
    shades = 1 - strength * (1 - pattern)
    return np.repeat((255 * shades).astype(np.uint8)[..., None], 3, axis=-1)


def views(room, size):
    """What a camera sees of a room.

    Args:
        room: a `rooms.Room`.
        size: side of the views, in pixels.

    Returns:
        A dict of arrays (size, size, ...): "rgb" uint8, with three channels; "depth" uint16, millimetres along the
        camera's axis; "segmentation" uint8, places in `rooms.CLASSES`; "nir" uint8.

    Raises:
        ModuleNotFoundError: pybullet is not installed.
    """
    return _renderer().views(room, size)


def check():
    """Raises ModuleNotFoundError, in one sentence, where rooms cannot be rendered."""
    _renderer()


@functools.cache
def _renderer():
    return _Renderer()


class _Renderer:
    """A pybullet scene that rooms are put into, one after another."""

    def __init__(self):
        try:
            with silenced(1):  # it tells when it was built
                import pybullet
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "The rooms are rendered by pybullet, which has wheels for Python 3.10 and 3.11 on Linux (x86-64): pip"
                " install 'keras-i2i[worlds]' there, save what Rooms(...).read(size).pixels gives, and take that along."
            ) from None
        self.bullet, self.client = pybullet, pybullet.connect(pybullet.DIRECT)
        self.textures = []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(TEXTURES):
                path = pathlib.Path(folder, f"{number}.png")
                Image.fromarray(texture(number)).save(path)
                self.textures.append(pybullet.loadTexture(str(path), physicsClientId=self.client))

    def views(self, room, size):
        bodies = {self._add(part): part for part in room.parts}
        rgb = self._picture(room, size, room.light, room.ambient, room.tint, shadow=True)
        _, depth, ids = self._shot(room, size, room.light, room.ambient, room.tint, shadow=False)
        for body, part in bodies.items():
            grey = [part.albedo] * 3 + [1]
            self.bullet.changeVisualShape(body, -1, rgbaColor=grey, textureUniqueId=-1, physicsClientId=self.client)
        nir = self._picture(room, size, room.infrared_light, AMBIENT_INFRARED, (1, 1, 1), shadow=False)
        label_of = np.zeros(max(bodies) + 1, np.uint8)
        for body, part in bodies.items():
            label_of[body] = CLASSES.index(part.label)
            self.bullet.removeBody(body, physicsClientId=self.client)
        return {
            "rgb": rgb,
            "depth": np.rint(1000 * depth).astype(np.uint16),
            "segmentation": np.where(ids < 0, 0, label_of[ids]).astype(
                np.uint8
            ),  # a room is closed: there is no outside
            "nir": nir[..., 0],
        }

    def _add(self, part):
        p, client = self.bullet, {"physicsClientId": self.client}
        color = [*part.color, 1]
        if part.shape == "box":
            shape = p.createVisualShape(p.GEOM_BOX, halfExtents=part.size, rgbaColor=color, **client)
        elif part.shape == "cylinder":
            radius, half, _ = part.size
            shape = p.createVisualShape(p.GEOM_CYLINDER, radius=radius, length=2 * half, rgbaColor=color, **client)
        else:
            shape = p.createVisualShape(p.GEOM_SPHERE, radius=part.size[0], rgbaColor=color, **client)
        turned = p.getQuaternionFromEuler([0, 0, part.yaw])
        body = p.createMultiBody(0, -1, shape, part.position, turned, **client)
        if part.texture >= 0:
            p.changeVisualShape(body, -1, textureUniqueId=self.textures[part.texture], **client)
        return body

    def _picture(self, room, size, light, ambient, tint, shadow):
        """Light alone, uint8 (size, size, 3), smooth at edges."""
        fine, _, _ = self._shot(room, DETAIL * size, light, ambient, tint, shadow)
        return np.rint(fine.reshape(size, DETAIL, size, DETAIL, 3).mean(axis=(1, 3))).astype(np.uint8)

    def _shot(self, room, size, light, ambient, tint, shadow):
        """RGB, depth in metres, and the bodies' numbers."""
        p = self.bullet
        _, _, rgb, z, ids = p.getCameraImage(
            size,
            size,
            p.computeViewMatrix(room.eye, room.target, [0, 0, 1]),
            p.computeProjectionMatrixFOV(room.view, 1.0, NEAR, FAR),
            lightDirection=light,
            lightColor=tint,
            lightDistance=8,
            shadow=int(shadow),
            lightAmbientCoeff=ambient,
            lightDiffuseCoeff=1.0 - ambient,
            lightSpecularCoeff=0.05,
            renderer=p.ER_TINY_RENDERER,
            physicsClientId=self.client,
        )
        rgb = np.reshape(rgb, (size, size, 4))[..., :3].astype(np.float32)
        z = np.reshape(z, (size, size)).astype(np.float32)  # of OpenGL's depth buffer
        return rgb, FAR * NEAR / (FAR - (FAR - NEAR) * z), np.reshape(ids, (size, size))
