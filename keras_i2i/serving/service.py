"""What both protocols ask: models by name and version, predictions, and whether the server is well."""

import dataclasses
import time

from keras_i2i.serving.batching import Batcher, Limits
from keras_i2i.serving.refusals import Reason, Refused


class Metrics:
    """Prometheus metrics of a server, in a registry of their own."""

    def __init__(self):
        import prometheus_client as prometheus

        self.registry = prometheus.CollectorRegistry()
        kind = dict(registry=self.registry, namespace="keras_i2i")
        of = ("model", "signature", "protocol")
        self.requests = prometheus.Counter("requests", "Requests by their end.", (*of, "status"), **kind)
        self.seconds = prometheus.Histogram("request_seconds", "From a request to its answer.", of, **kind)
        sizes = (1, 2, 4, 8, 16, 32, 64, 128)
        self.batches = prometheus.Histogram("batch_rows", "Images computed at once.", ("model",), buckets=sizes, **kind)
        self.computing = prometheus.Histogram("batch_seconds", "Of computing a batch.", ("model",), **kind)
        self.waiting = prometheus.Gauge("waiting_rows", "Images that wait.", ("model",), **kind)

    def text(self):
        """All of them as Prometheus reads them, bytes, and the type of that."""
        import prometheus_client as prometheus

        return prometheus.generate_latest(self.registry), prometheus.CONTENT_TYPE_LATEST


class Service:
    """Models that answer, under names.

    Attributes:
        models: `models.Served` by name.
        ready: whether it takes requests.
    """

    def __init__(self, models, limits=None):
        """
        Args:
            models: a list of `models.Served`, with names of their own.
            limits: `batching.Limits` of each of them.
        """
        self.limits = limits or Limits()
        self.models = {model.name: model for model in models}
        if len(self.models) != len(models):
            raise ValueError("Two models have one name: rename the folder of one of them.")
        self.metrics = Metrics()
        self.ready = False
        self._batchers = {}

    async def start(self):
        """Takes requests from then on."""
        for name, model in self.models.items():
            observe = self._observer(name)
            self._batchers[name] = Batcher(lambda key, arrays, own=model: own.run(key, arrays), self.limits, observe)
            self.metrics.waiting.labels(name).set_function(lambda own=self._batchers[name]: own.rows)
        self.ready = True

    async def close(self, grace=30.0):
        """Answers what it has taken, and nothing more; returns whether all was answered within `grace` seconds."""
        self.ready = False
        return all([await batcher.close(grace) for batcher in self._batchers.values()])

    def model(self, name, version=None):
        """A model by its name, and by its version if that is given.

        Raises:
            Refused: there is none.
        """
        if name not in self.models:
            known = ", ".join(sorted(self.models))
            raise Refused(Reason.NOT_FOUND, f"There is no model {name!r}: this server has {known}.")
        model = self.models[name]
        if version not in (None, model.version):
            raise Refused(
                Reason.NOT_FOUND, f"There is no version {version} of {name}: this server has {model.version}."
            )
        return model

    async def predict(self, model, signature, arrays, timeout=None):
        """Answers a request.

        Args:
            model: `models.Served`.
            signature: the name of one of its signatures.
            arrays: by the names of its inputs.
            timeout: in seconds, None for the server's.

        Returns:
            Arrays by the names of its outputs.

        Raises:
            Refused: see `models.Served.check` and `run`, and `batching.Batcher.submit`.
        """
        model.check(signature, arrays)
        return await self._batchers[model.name].submit(signature, arrays, timeout)

    def counted(self, protocol):
        """A context that measures one request: `with counted("grpc") as request`, whose fields are then set."""
        return _Counted(self.metrics, protocol)

    def _observer(self, name):
        rows, seconds = self.metrics.batches.labels(name), self.metrics.computing.labels(name)

        def observe(count, duration):
            rows.observe(count)
            seconds.observe(duration)

        return observe


@dataclasses.dataclass
class _Counted:
    metrics: Metrics
    protocol: str
    model: str = ""
    signature: str = ""

    def __enter__(self):
        self.begun = time.perf_counter()
        return self

    def __exit__(self, kind, error, trace):
        labels = (self.model, self.signature, self.protocol)
        status = "OK" if error is None else error.reason.name if isinstance(error, Refused) else "INTERNAL"
        self.metrics.requests.labels(*labels, status).inc()
        self.metrics.seconds.labels(*labels).observe(time.perf_counter() - self.begun)
