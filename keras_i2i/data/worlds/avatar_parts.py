"""The world `avatar_parts`: of each portrait of `avatars`, which part of it every pixel shows.

The same drawing, each part in one flat colour, without shades and without blending at edges, so that a map's colours
are those of `PALETTE` and no others. Partner of the portrait with the same index, by name.
"""

import xml.etree.ElementTree as ElementTree

from keras_i2i.data.worlds import avatars, palette

PALETTE = {
    "backdrop": (0, 0, 0),
    "skin": (240, 190, 150),
    "clothes": (40, 90, 220),
    "mouth": (220, 30, 60),
    "nose": (255, 130, 0),
    "eyes": (255, 255, 255),
    "eyebrows": (130, 60, 200),
    "hair": (110, 70, 30),
    "facial hair": (70, 200, 60),
    "glasses": (0, 220, 230),
}
PARTS = tuple(PALETTE)

# A component of a drawing -> the part it shows.
_COMPONENTS = {
    "clothes": "clothes",
    "mouth": "mouth",
    "nose": "nose",
    "eyes": "eyes",
    "eyebrows": "eyebrows",
    "top": "hair",
    "facialHair": "facial hair",
    "accessories": "glasses",
}
_SHADED = ("clothes", "hair", "facial hair", "glasses")  # where what is translucent is a shade on the part, or a lens
_SVG = "{http://www.w3.org/2000/svg}"


def render(avatar, size=64):
    """Draws the parts of an `avatars.Avatar` in the frame of `avatars.render`: uint8 RGB `(size, size, 3)`."""
    root = ElementTree.fromstring(avatars.drawing(avatar))
    root.set("shape-rendering", "crispEdges")
    _base(root.find(f"{_SVG}g"))
    for component in root.iter(f"{_SVG}g"):
        part = _COMPONENTS.get(component.get("id", "").partition("-")[0])
        if part:
            _flatten(component, part)
    return avatars.draw(avatars.framed(ElementTree.tostring(root, encoding="unicode")), size)


def labels(maps):
    """The parts that maps show, of each pixel the one whose colour is nearest.

    Args:
        maps: uint8 RGB `(..., H, W, 3)`, drawn or made by a model.

    Returns:
        int32 `(..., H, W)`, places in `PARTS`.
    """
    return palette.labels(maps, PALETTE)


def _base(group):
    """The backdrop, the body in the skin's colour, and the head's shade on it, which is skin too."""
    backdrop, *body = [child for child in group if not child.tag.endswith("use")]
    for element, part in [(backdrop, "backdrop"), *((shape, "skin") for shape in body)]:
        _paint(element, part)


def _flatten(element, part):
    if element.tag in (f"{_SVG}mask", f"{_SVG}clipPath", f"{_SVG}defs"):
        return
    translucent = any(float(element.get(name, 1)) < 1 for name in ("fill-opacity", "opacity", "stroke-opacity"))
    if translucent and part in _SHADED:
        element.set("display", "none")
    else:
        _paint(element, part)
    for child in element:
        _flatten(child, part)


def _paint(element, part):
    for name in ("fill-opacity", "stroke-opacity", "opacity", "filter"):
        element.attrib.pop(name, None)
    for name in ("fill", "stroke"):
        if element.get(name, "none") != "none":
            element.set(name, "#{:02x}{:02x}{:02x}".format(*PALETTE[part]))
