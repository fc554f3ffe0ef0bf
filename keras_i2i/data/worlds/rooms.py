"""The scenes of the world `rooms`: furnished rooms of random make, each seen by one camera from inside.

Walls, openings, furniture and clutter are boxes, cylinders and spheres of some material. `room_views` renders them.
"""

import colorsys
import dataclasses

import numpy as np

from keras_i2i.data.worlds import palette

PALETTE = {
    "wall": (150, 150, 150),
    "floor": (90, 60, 30),
    "ceiling": (235, 235, 235),
    "window": (90, 190, 255),
    "door": (170, 90, 20),
    "picture": (255, 80, 200),
    "rug": (130, 20, 60),
    "bed": (40, 80, 230),
    "sofa": (120, 50, 200),
    "table": (230, 160, 40),
    "chair": (250, 240, 60),
    "cabinet": (20, 110, 60),
    "lamp": (255, 40, 40),
    "object": (70, 230, 90),
}
CLASSES = tuple(PALETTE)
FAR = 10.0  # metres: beyond every wall
# Share of near-infrared light that a material throws back, least and most. Dyes let it through: cloth is bright.
MATERIALS = {
    "paint": (0.55, 0.85),
    "wood": (0.45, 0.7),
    "cloth": (0.65, 0.95),
    "metal": (0.25, 0.45),
    "plastic": (0.2, 0.75),
    "glass": (0.05, 0.15),
    "leaf": (0.8, 0.95),
    "paper": (0.6, 0.8),
}
TEXTURES = 24


@dataclasses.dataclass(frozen=True)
class Part:
    """One solid. Lengths in metres.

    Attributes:
        label: one of `CLASSES`.
        shape: "box", with half its sides as `size`; "cylinder", with radius, half its height and 0; "sphere", with its
            radius and twice 0.
        size, position: x, y, z; z is up.
        yaw: about z, in radians.
        color: RGB, 0..1.
        material: one of `MATERIALS`.
        albedo: of near-infrared light, 0..1.
        texture: number of a texture, -1 for none.
    """

    label: str
    shape: str
    size: tuple[float, float, float]
    position: tuple[float, float, float]
    yaw: float
    color: tuple[float, float, float]
    material: str
    albedo: float
    texture: int = -1


@dataclasses.dataclass(frozen=True)
class Room:
    """One scene's ground truth.

    Attributes:
        parts: its solids.
        eye, target: of the camera, metres.
        view: its angle of view, degrees.
        light: direction that light comes from.
        ambient: share of light that comes from everywhere, 0..1.
        tint: RGB of the light.
        infrared_light: direction of the near-infrared light.
    """

    parts: tuple[Part, ...]
    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    view: float
    light: tuple[float, float, float]
    ambient: float
    tint: tuple[float, float, float]
    infrared_light: tuple[float, float, float]


class _Builder:
    """Puts parts into a room; the numbers come from one generator, in one order."""

    def __init__(self, rng):
        self.rng, self.parts, self.taken = rng, [], []

    def color(self, saturation=0.6, low=0.25, high=0.95):
        hue, own, value = self.rng.random(), self.rng.uniform(0, saturation), self.rng.uniform(low, high)
        return tuple(float(c) for c in colorsys.hsv_to_rgb(hue, own, value))

    def wood(self):
        shade = self.rng.uniform(0.35, 1.0)
        return tuple(float(shade * c) for c in (0.85, self.rng.uniform(0.55, 0.7), self.rng.uniform(0.3, 0.5)))

    def dress(self, material):
        """Color, albedo and texture of something made of a material."""
        rng = self.rng
        color = self.wood() if material == "wood" else self.color(0.8 if material in ("cloth", "plastic") else 0.3)
        textured = rng.random() < {"wood": 0.7, "cloth": 0.5}.get(material, 0.15)
        return color, float(rng.uniform(*MATERIALS[material])), int(rng.integers(TEXTURES)) if textured else -1

    def add(self, label, shape, size, position, yaw, material, dress=None, color=None):
        own, albedo, texture = dress or self.dress(material)
        self.parts.append(
            Part(
                label,
                shape,
                tuple(float(v) for v in size),
                tuple(float(v) for v in position),
                float(yaw),
                color or own,
                material,
                albedo,
                texture,
            )
        )

    def place(self, label, pieces, x, y, yaw, base=0.0):
        """Adds pieces (shape, size, (x, y, z), material, dress), given around the origin, turned and moved."""
        cos, sin = np.cos(yaw), np.sin(yaw)
        for shape, size, (px, py, pz), material, dress in pieces:
            at = (x + cos * px - sin * py, y + sin * px + cos * py, base + pz)
            self.add(label, shape, size, at, yaw, material, dress)

    def free(self, x, y, half_x, half_y):
        """Whether a footprint meets none that is taken; then it is taken."""
        for ox, oy, hx, hy in self.taken:
            if abs(x - ox) < half_x + hx and abs(y - oy) < half_y + hy:
                return False
        self.taken.append((x, y, half_x, half_y))
        return True


def sample(rng):
    """Draws one `Room` with a `numpy.random.Generator`."""
    b = _Builder(rng)
    width, depth, height = rng.uniform(3.2, 5.5), rng.uniform(3.4, 6.0), rng.uniform(2.3, 3.0)
    w, d = width / 2, depth / 2
    thick = 0.05
    wall = b.dress("paint")
    other = b.dress("paint") if rng.random() < 0.4 else wall
    for size, position, dress in (
        ((w, thick, height / 2), (0, d + thick, height / 2), wall),
        ((w, thick, height / 2), (0, -d - thick, height / 2), wall),
        ((thick, d, height / 2), (w + thick, 0, height / 2), other),
        ((thick, d, height / 2), (-w - thick, 0, height / 2), other),
    ):
        b.add("wall", "box", size, position, 0, "paint", dress)
    floor = "wood" if rng.random() < 0.6 else "cloth"
    color, albedo, _ = b.dress(floor)
    b.add("floor", "box", (w, d, thick), (0, 0, -thick), 0, floor, (color, albedo, int(rng.integers(TEXTURES))))
    b.add("ceiling", "box", (w, d, thick), (0, 0, height + thick), 0, "paint", (b.color(0.08, 0.8, 1.0), 0.8, -1))

    # The camera stands near one wall and looks across.
    eye = (rng.uniform(-0.6, 0.6) * w, -d + rng.uniform(0.15, 0.6), rng.uniform(1.1, 1.8))
    target = (rng.uniform(-0.5, 0.5) * w, rng.uniform(0.1, 0.8) * d, rng.uniform(0.4, 1.1))
    b.taken.append((eye[0], eye[1], 0.55, 0.55))

    _openings(b, w, d, height)
    if rng.random() < 0.5:
        half = rng.uniform(0.6, 1.1), rng.uniform(0.5, 0.9)
        b.add("rug", "box", (*half, 0.01), (rng.uniform(-0.3, 0.3) * w, rng.uniform(-0.2, 0.5) * d, 0.01), 0, "cloth")
    kinds = ["bed", "sofa", "table", "chair", "cabinet", "lamp"]
    for kind in rng.permutation(kinds * 2)[: rng.integers(5, 10)]:
        _furnish(b, str(kind), w, d, height)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(-0.9, 0.9) * w, rng.uniform(-0.3, 0.9) * d
        if b.free(x, y, 0.2, 0.2):
            _clutter(b, x, y, 0.0, large=True)
    azimuth = rng.uniform(0, 2 * np.pi, 2)
    rise = rng.uniform(0.8, 2.0, 2)
    light, infrared = ((float(np.cos(a)), float(np.sin(a)), float(r)) for a, r in zip(azimuth, rise, strict=True))
    warm = rng.uniform(-0.12, 0.12)
    tint = (float(min(1.0, 1 + warm)), 1.0, float(min(1.0, 1 - warm)))
    camera = (tuple(map(float, eye)), tuple(map(float, target)), float(rng.uniform(60, 80)))
    return Room(tuple(b.parts), *camera, light, float(rng.uniform(0.5, 0.72)), tint, infrared)


def _openings(b, w, d, height):
    """Windows, doors and pictures on the three walls that the camera sees."""
    rng = b.rng
    for side in ("back", "left", "right"):
        length = w if side == "back" else d
        free = [(-length + 0.5, length - 0.5)]
        for kind in rng.permutation(["window", "door", "picture", "picture"])[: rng.integers(1, 4)]:
            half = {"window": rng.uniform(0.4, 0.8), "door": 0.45, "picture": rng.uniform(0.25, 0.55)}[str(kind)]
            low, high = free[-1]
            if high - low < 2 * half:
                continue
            at = rng.uniform(low + half, max(low + half, min(high - half, low + half + 0.8)))
            free[-1] = (at + half + 0.15, high)
            if kind == "window":
                tall, middle = rng.uniform(0.4, 0.6), rng.uniform(1.4, 1.6)
                frame, inner = ("paint", ((0.9, 0.9, 0.88), 0.7, -1)), ("glass", ((0.75, 0.87, 1.0), 0.1, -1))
            elif kind == "door":
                tall, middle = min(1.0, height / 2 - 0.1), min(1.0, height / 2 - 0.1)
                frame, inner = ("wood", b.dress("wood")), ("wood", b.dress("wood"))
            else:
                tall, middle = rng.uniform(0.25, 0.45), rng.uniform(1.4, 1.7)
                frame = "wood", b.dress("wood")
                inner = "paper", (b.color(0.9), float(rng.uniform(*MATERIALS["paper"])), int(rng.integers(TEXTURES)))
            for grown, depth, (material, dress) in ((0.05, 0.02, frame), (0.0, 0.03, inner)):
                if side == "back":
                    size, position = (half + grown, depth, tall + grown), (at, d, middle)
                else:
                    x = w if side == "right" else -w
                    size, position = (depth, half + grown, tall + grown), (x, at, middle)
                b.add(str(kind), "box", size, position, 0, material, dress)


def _furnish(b, kind, w, d, height):
    """One piece of furniture where there is room for it, against a wall for most."""
    rng = b.rng
    half_x, half_y = {
        "bed": (rng.uniform(0.45, 0.9), 1.0),
        "sofa": (rng.uniform(0.7, 1.1), 0.42),
        "table": (rng.uniform(0.4, 0.8), rng.uniform(0.3, 0.45)),
        "chair": (0.24, 0.24),
        "cabinet": (rng.uniform(0.3, 0.7), rng.uniform(0.18, 0.3)),
        "lamp": (0.2, 0.2),
    }[kind]
    for _ in range(12):
        against = kind in ("bed", "sofa", "cabinet") or rng.random() < 0.3
        turn = int(rng.integers(4)) if not against else int(rng.choice([0, 1, 3]))
        fx, fy = (half_x, half_y) if turn % 2 == 0 else (half_y, half_x)
        if fx > w or fy > d:
            continue
        x, y = rng.uniform(-w + fx, w - fx), rng.uniform(-0.5 * d, d - fy) if d - fy > -0.5 * d else 0.0
        if against:  # its back, +y before it is turned, to the wall
            x, y = {0: (x, d - fy), 1: (-w + fx, y), 3: (w - fx, y)}[turn]
        if b.free(x, y, fx + 0.05, fy + 0.05):
            break
    else:
        return
    pieces, top = _PIECES[kind](b, half_x, half_y, height)
    yaw = turn * np.pi / 2 + (0 if against else rng.normal(0, 0.1))
    b.place(kind, pieces, x, y, yaw)
    if top is not None:
        for _ in range(int(rng.integers(1, 5))):
            _clutter(b, x + rng.uniform(-0.7, 0.7) * fx, y + rng.uniform(-0.7, 0.7) * fy, top)


def _bed(b, hx, hy, height):
    frame, sheet, pillow = b.dress("wood"), b.dress("cloth"), b.dress("cloth")
    rise = b.rng.uniform(0.18, 0.3)
    pieces = [
        ("box", (hx, hy, rise / 2), (0, 0, rise / 2), "wood", frame),
        ("box", (hx - 0.03, hy - 0.05, 0.1), (0, -0.02, rise + 0.1), "cloth", sheet),
        ("box", (hx, 0.04, rise / 2 + 0.3), (0, hy - 0.04, rise / 2 + 0.3), "wood", frame),
    ]
    for x in (-hx / 2, hx / 2) if hx > 0.65 else (0.0,):
        pieces.append(("box", (0.25, 0.16, 0.06), (x, hy - 0.3, rise + 0.26), "cloth", pillow))
    return pieces, None


def _sofa(b, hx, hy, height):
    cloth, seat = b.dress("cloth"), b.dress("cloth")
    seat = cloth if b.rng.random() < 0.6 else seat
    return [
        ("box", (hx, hy, 0.2), (0, 0, 0.2), "cloth", cloth),
        ("box", (hx - 0.14, hy - 0.12, 0.06), (0, -0.08, 0.45), "cloth", seat),
        ("box", (hx, 0.1, 0.42), (0, hy - 0.1, 0.42), "cloth", cloth),
        ("box", (0.09, hy, 0.3), (-hx + 0.09, 0, 0.3), "cloth", cloth),
        ("box", (0.09, hy, 0.3), (hx - 0.09, 0, 0.3), "cloth", cloth),
    ], None


def _legs(hx, hy, top, dress, material, thick=0.025):
    at = [(x, y) for x in (-hx + thick, hx - thick) for y in (-hy + thick, hy - thick)]
    return [("box", (thick, thick, top / 2), (x, y, top / 2), material, dress) for x, y in at]


def _table(b, hx, hy, height):
    wood, top = b.dress("wood"), b.rng.uniform(0.45, 0.78)
    if b.rng.random() < 0.25:
        stand = b.dress("metal")
        foot = ("cylinder", (0.05, top / 2, 0), (0, 0, top / 2), "metal", stand)
        return [("cylinder", (hy, 0.02, 0), (0, 0, top), "wood", wood), foot], top + 0.02
    return [("box", (hx, hy, 0.02), (0, 0, top), "wood", wood), *_legs(hx, hy, top, wood, "wood")], top + 0.02


def _chair(b, hx, hy, height):
    material = str(b.rng.choice(["wood", "plastic", "cloth"]))
    dress, legs = b.dress(material), b.dress("metal")
    return [
        ("box", (hx - 0.02, hy - 0.02, 0.025), (0, 0, 0.45), material, dress),
        ("box", (hx - 0.02, 0.02, 0.22), (0, hy - 0.04, 0.7), material, dress),
        *_legs(hx - 0.02, hy - 0.02, 0.45, legs, "metal", 0.015),
    ], None


def _cabinet(b, hx, hy, height):
    wood, tall = b.dress("wood"), b.rng.uniform(0.35, min(1.0, height / 2 - 0.15))
    pieces = [("box", (hx, hy, tall), (0, 0, tall), "wood", wood)]
    doors = b.dress("wood") if b.rng.random() < 0.5 else wood
    rows = int(b.rng.integers(1, 4))
    for row in range(rows):
        z = (2 * row + 1) * tall / rows
        pieces.append(("box", (hx - 0.04, 0.012, tall / rows - 0.03), (0, -hy - 0.005, z), "wood", doors))
        pieces.append(("sphere", (0.025, 0, 0), (hx / 2, -hy - 0.03, z), "metal", b.dress("metal")))
    return pieces, 2 * tall if tall < 0.7 else None


def _lamp(b, hx, hy, height):
    stand, shade = b.dress("metal"), b.color(0.3, 0.8, 1.0)
    tall = b.rng.uniform(1.2, min(1.7, height - 0.5))
    return [
        ("cylinder", (0.14, 0.015, 0), (0, 0, 0.015), "metal", stand),
        ("cylinder", (0.02, tall / 2, 0), (0, 0, tall / 2), "metal", stand),
        ("cylinder", (b.rng.uniform(0.12, 0.2), 0.14, 0), (0, 0, tall), "paper", (shade, 0.75, -1)),
    ], None


_PIECES = {"bed": _bed, "sofa": _sofa, "table": _table, "chair": _chair, "cabinet": _cabinet, "lamp": _lamp}


def _clutter(b, x, y, base, large=False):
    """A box, a ball, a vase or a plant."""
    rng, scale = b.rng, 2.2 if large else 1.3
    kind = str(rng.choice(["box", "ball", "vase", "plant"]))
    if kind == "box":
        size = scale * rng.uniform(0.04, 0.12, 3)
        pieces = [("box", size, (0, 0, size[2]), "paper", b.dress("paper"))]
    elif kind == "ball":
        radius = scale * rng.uniform(0.04, 0.1)
        pieces = [("sphere", (radius, 0, 0), (0, 0, radius), "plastic", b.dress("plastic"))]
    else:
        radius, tall = scale * rng.uniform(0.03, 0.08), scale * rng.uniform(0.05, 0.12)
        pieces = [("cylinder", (radius, tall, 0), (0, 0, tall), "plastic", b.dress("plastic"))]
        if kind == "plant":
            green = (0.15, float(rng.uniform(0.35, 0.6)), 0.15), float(rng.uniform(*MATERIALS["leaf"])), -1
            for _ in range(5):
                ball = scale * rng.uniform(0.04, 0.09)
                dx, dy, dz = rng.normal(0, 0.05 * scale, 3)
                pieces.append(("sphere", (ball, 0, 0), (dx, dy, 2 * tall + abs(dz) + ball / 2), "leaf", green))
    b.place("object", pieces, x, y, rng.uniform(0, 2 * np.pi), base)


# ---- views as pictures ----------------------------------------------------------------------------------------------


def painted_labels(values):
    """Classes in flat colours: whole numbers `(..., H, W)` to uint8 RGB `(..., H, W, 3)`; `labels` is the way back."""
    return palette.painted(values, PALETTE)


def painted_depths(values):
    """Depth from black, 0, to white, `FAR`: metres `(..., H, W, 1)` to uint8 RGB `(..., H, W, 3)`; see `depths`."""
    return np.repeat(np.rint(np.clip(values / FAR, 0, 1) * 255).astype(np.uint8), 3, axis=-1)


def labels(pictures):
    """The classes that painted views show: uint8 RGB `(..., H, W, 3)` to int32 `(..., H, W)`, places in `CLASSES`."""
    return palette.labels(pictures, PALETTE)


def depths(pictures):
    """The depth that painted views show: uint8 RGB `(..., H, W, 3)` to float32 `(..., H, W)`, metres."""
    return np.asarray(pictures, np.float32).mean(axis=-1) * np.float32(FAR / 255)
