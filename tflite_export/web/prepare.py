"""Exports models of the zoo for the page: python tflite_export/web/prepare.py [NAME ...]

Writes public/models: for each model a TensorFlow.js folder and a LiteRT file, proven equal to the model, and an index.
"""

import json
import pathlib
import sys

from keras_i2i.export import command
from keras_i2i.zoo import registry

FOLDER = pathlib.Path(__file__).parent / "public" / "models"


def main(names):
    """Exports models by their names, and says how equal they are."""
    index = []
    for name in names:
        found = registry.find(name)
        record = found.record
        for to, file in (("tfjs", "tfjs"), ("tflite", "model.tflite")):
            _, equal = command.export(found, to, FOLDER / name / file, overwrite=True)
            print(f"{name} for {to}: {equal}")
        about = dict(name=name, task=record.task, image_size=record.image_size, license=record.license.weights)
        index.append({**about, "target": record.config["domains"][-1]})
    (FOLDER / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or ["xgan_face2cartoon"])
