"""TensorFlow Serving's gRPC: Predict, GetModelMetadata, GetModelStatus; and gRPC's own health service."""

import contextlib
import math

import grpc
import numpy as np
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from keras_i2i.serving.models import MAX_BYTES
from keras_i2i.serving.refusals import Reason, Refused


def build(service, max_bytes=MAX_BYTES):
    """A server of a `service.Service`, a `grpc.aio.Server` without a port, and the servicer of its health."""
    options = [
        ("grpc.max_receive_message_length", max_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),  # a port that is taken is an error, and not shared
    ]
    server = grpc.aio.server(options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Predictions(service, max_bytes), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(service), server)
    well = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(well, server)
    return server, well


async def tell(well, serving):
    """Sets the state that the health service tells of the whole server."""
    states = health_pb2.HealthCheckResponse
    await well.set("", states.SERVING if serving else states.NOT_SERVING)


class _Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, service, max_bytes):
        self.service, self.max_bytes = service, max_bytes

    async def Predict(self, request, context):
        import tensorflow as tf

        async with _answering(context):
            with self.service.counted("grpc") as counted:
                model = _model(self.service, request.model_spec)
                counted.model = model.name
                counted.signature = signature = model.signature(request.model_spec.signature_name)
                wanted = set(request.output_filter) or set(model.outputs[signature])
                unknown = wanted - set(model.outputs[signature])
                if unknown:
                    outputs = ", ".join(model.outputs[signature])
                    raise Refused(
                        Reason.INVALID_ARGUMENT,
                        f"The signature {signature!r} has no output {min(unknown)!r}: it has {outputs}.",
                    )
                arrays = {key: array_of(key, tensor, self.max_bytes) for key, tensor in request.inputs.items()}
                left = context.time_remaining()
                made = await self.service.predict(model, signature, arrays, left)
            response = predict_pb2.PredictResponse()
            response.model_spec.name, response.model_spec.version.value = model.name, model.version
            response.model_spec.signature_name = signature
            for key in wanted:
                response.outputs[key].CopyFrom(tf.make_tensor_proto(made[key]))
            return response

    async def GetModelMetadata(self, request, context):
        async with _answering(context):
            model = _model(self.service, request.model_spec)
            for field in request.metadata_field:
                if field != "signature_def":
                    raise Refused(Reason.INVALID_ARGUMENT, f"There is no metadata {field!r}: ask for signature_def.")
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name, response.model_spec.version.value = model.name, model.version
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for key, definition in model.definitions.items():
                signatures.signature_def[key].CopyFrom(definition)
            response.metadata["signature_def"].Pack(signatures)
            return response


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, service):
        self.service = service

    async def GetModelStatus(self, request, context):
        async with _answering(context):
            return status_of(_model(self.service, request.model_spec))


def status_of(model):
    """That a model is there, a `GetModelStatusResponse`."""
    response = get_model_status_pb2.GetModelStatusResponse()
    state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    response.model_version_status.add(version=model.version, state=state).status.SetInParent()  # OK
    return response


def array_of(key, tensor, max_bytes=MAX_BYTES):
    """The array of a `TensorProto`.

    Raises:
        Refused: it does not hold what its shape and type say, or would be larger than `max_bytes`.
    """
    import tensorflow as tf

    try:
        dtype = np.dtype(tf.dtypes.as_dtype(tensor.dtype).as_numpy_dtype)
        shape = [dim.size for dim in tensor.tensor_shape.dim]
        # One value may stand for as many as the shape says.
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > max_bytes:
            raise Refused(Reason.TOO_LARGE, f"{key} has the shape {tuple(shape)}: send at most {max_bytes} bytes.")
        return tf.make_ndarray(tensor)
    except (TypeError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise Refused(Reason.INVALID_ARGUMENT, f"{key} is no tensor: {reason}") from None


def _model(service, spec):
    if spec.HasField("version_label"):
        raise Refused(Reason.NOT_FOUND, f"There is no version {spec.version_label!r}: ask for a number, or for none.")
    return service.model(spec.name, spec.version.value if spec.HasField("version") else None)


@contextlib.asynccontextmanager
async def _answering(context):
    """Gives a refusal as gRPC's status."""
    try:
        yield
    except Refused as error:
        await context.abort(error.reason.code, str(error))
