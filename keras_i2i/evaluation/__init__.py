"""Protocols: what is measured for a task, on data that no training saw.

A protocol is a module with `evaluate(model, split=...)`, all its numbers; `quick(model)`, those that take seconds, on
the split "validation", for use during training; and `samples(model)`, the sheet of a model's card.
"""

import dataclasses
import importlib

SPLITS = ("test", "validation")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Whose numbers answer for a task.

    Attributes:
        name: of the module in this package.
        headline: the metric that says most.
    """

    name: str
    headline: str

    @property
    def module(self):
        """The module, which brings what is heavy."""
        return importlib.import_module(f"{__name__}.{self.name}")


PROTOCOLS = {
    "face photo -> cartoon portrait": Protocol("face2cartoon", "gender_agreement"),
    "street digit -> MNIST digit": Protocol("digits", "accuracy"),
    "MNIST digit -> MNIST digit": Protocol("mnist", "accuracy"),
    "face of a woman <-> face of a man": Protocol("gender", "accuracy"),
    "avatar: brown hair <-> blond hair": Protocol("haircolor", "accuracy"),
    "avatar: parts -> portrait": Protocol("avatar_parts", "mean_iou"),
    "room: labels -> picture": Protocol("room_pictures", "mean_iou"),
    "room: depth <-> labels": Protocol("room_modalities", "mean_iou"),
    "avatar: hair of eleven colours": Protocol("dyed", "accuracy"),
    "emoji: line -> colour": Protocol("line_drawings", "color_l1"),
    "photo: channels of colour": Protocol("photo_channels", "rmse"),
    "photo: brown hair <-> blond hair": Protocol("haircolor_photos", "hair_in_range"),
}
