"""Translating many files by an Apache Beam pipeline: on this machine, or on Flink, Spark or Dataflow."""

import json
import os
import posixpath
import uuid

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference
from apache_beam.options.pipeline_options import PipelineOptions
from PIL import UnidentifiedImageError

RUNNERS = {"direct": "DirectRunner", "flink": "FlinkRunner", "spark": "SparkRunner", "dataflow": "DataflowRunner"}
BATCH = 32  # pictures a pass
ABOUT = "translations.json"  # in the folder of the translations: whose they are
ERRORS = "errors.jsonl"  # beside it: files that could not be translated, and why
COUNTERS = ("translated", "skipped", "failed", "faceless")


def translate(name, files, out, *, weights_sha256, target, faces=False, runner="direct", options=()):
    """Translates files. What is translated already is skipped, so that a run that failed is started again as it was.

    A translation gets its name when it is whole: whatever fails, and is tried again, no file is half written, and none
    is written twice under two names. A file that is no picture does not end the run, but is told in `ERRORS`, one
    JSON object a line, with "file" and "reason".

    Args:
        name: what `zoo.load` takes, on the workers too.
        files: maps a file's path, e.g. "gs://photos/1.jpg", to the path of its translation below `out`.
        out: folder of the translations, of this machine or of a store that Beam knows, which all workers reach.
        weights_sha256: of the model's record.
        target: domain to translate to.
        faces: whether pictures are cropped around their face.
        runner: one of `RUNNERS`.
        options: of Beam, e.g. ["--flink_master=host:8081"].

    Returns:
        A dict of counts by `COUNTERS`.

    Raises:
        ValueError: an unknown runner, or `out` holds the translations of another model. RuntimeError: the pipeline
            failed.
    """
    if runner not in RUNNERS:
        raise ValueError(f"There is no runner {runner!r}: choose one of {', '.join(RUNNERS)}.")
    out = str(out)
    _claim(out, {"weights_sha256": weights_sha256, "target": target, "faces": faces})
    settings = PipelineOptions(list(options), runner=RUNNERS[runner], save_main_session=False)
    pipeline = beam.Pipeline(options=settings)
    planned = [(path, _below(out, name)) for path, name in files.items()]
    read = (
        pipeline
        | "Plan" >> beam.Create(planned)
        | "Spread" >> beam.Reshuffle()
        | "Read" >> beam.ParDo(_Read(name, faces)).with_outputs("failed", main="pictures")
    )
    (
        read.pictures
        | "Translate" >> RunInference(KeyedModelHandler(_Handler(name, target)))
        | "Write" >> beam.ParDo(_Write())
    )
    (read.failed | "All of them" >> beam.combiners.ToList() | "Tell" >> beam.Map(_tell, _below(out, ERRORS)))
    result = pipeline.run()
    result.wait_until_finish()
    counted = dict.fromkeys(COUNTERS, 0)
    for counter in result.metrics().query(MetricsFilter().with_namespace(__name__))["counters"]:
        counted[counter.key.metric.name] = counter.result
    return counted


def matched(pattern):
    """The paths of the files that a pattern matches, sorted; `**` is for any folders, and hidden ones are left out."""
    (found,) = FileSystems.match([str(pattern)])
    return sorted(one.path for one in found.metadata_list if not os.path.isdir(one.path))


def _below(folder, name):
    return posixpath.join(folder, *os.path.normpath(name).split(os.sep))


def _count(name):
    return Metrics.counter(__name__, name)


def _claim(out, about):
    """Says whose the translations in a folder are, or finds that they are another's."""
    path = _below(out, ABOUT)
    if FileSystems.exists(path):
        with FileSystems.open(path) as file:
            known = json.loads(file.read())
        if known != about:
            raise ValueError(
                f"{out!r} holds translations of another model, or to another domain: choose another folder."
            )
        return
    if not FileSystems.exists(out):
        FileSystems.mkdirs(out)
    _write(path, json.dumps(about, sort_keys=True).encode())


def _write(path, content):
    """Writes a file that has its name when it is whole."""
    part = f"{path}.{uuid.uuid4().hex}.part"
    with FileSystems.create(part, "application/octet-stream") as file:
        file.write(content)
    try:
        FileSystems.rename([part], [path])
    except Exception:
        FileSystems.delete([part])
        raise


class _Read(beam.DoFn):
    """Files, with their translations' paths -> pictures as the model takes them; "failed" are files without."""

    def __init__(self, name, faces):
        self.name, self.faces = name, faces

    def setup(self):
        from keras_i2i.zoo import registry

        self.size = registry.find(self.name).record.image_size

    def process(self, element):
        from keras_i2i.data.faces import read_framed

        path, translation = element
        if FileSystems.exists(translation):
            _count("skipped").inc()
            return
        try:
            with FileSystems.open(path, compression_type="auto") as file:
                content = file.read()
            picture, found = read_framed(content, self.size, self.faces)
        except ImportError:
            raise
        except Exception as error:  # Pillow's readers raise many kinds on broken bytes
            _count("failed").inc()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            if isinstance(error, UnidentifiedImageError):
                reason = "no image of a known format"  # its own words are the address of a buffer
            yield beam.pvalue.TaggedOutput("failed", {"file": path, "reason": reason})
            return
        if not found:
            _count("faceless").inc()
        yield (path, translation), picture


class _Handler(ModelHandler):
    """A model of the zoo: from pictures to their translations as PNG files."""

    def __init__(self, name, target):
        super().__init__()
        self.name, self.target = name, target

    def load_model(self):
        from keras_i2i import zoo

        return zoo.load(self.name)

    def run_inference(self, batch, model, inference_args=None):
        import io

        made = []
        for result in model.translate(np.stack(batch), self.target):
            file = io.BytesIO()
            model.picture(result, self.target).save(file, "PNG")
            made.append(file.getvalue())
        return made

    def batch_elements_kwargs(self):
        return {"min_batch_size": 1, "max_batch_size": BATCH}

    def get_metrics_namespace(self):
        return "inference"


class _Write(beam.DoFn):
    def process(self, element):
        (_, translation), content = element
        folder = posixpath.dirname(translation)
        try:
            FileSystems.mkdirs(folder)
        except OSError:
            pass  # it is there
        _write(translation, content)
        _count("translated").inc()


def _tell(failed, path):
    """Writes the dead letters; where there are none, those of an earlier run go."""
    if failed:
        lines = [json.dumps(one, ensure_ascii=False) for one in sorted(failed, key=lambda one: one["file"])]
        _write(path, ("\n".join(lines) + "\n").encode())
    elif FileSystems.exists(path):
        FileSystems.delete([path])
