"""TensorFlow Serving's REST: predict, status and metadata; and beside it health, and metrics for Prometheus."""

import base64
import binascii

import numpy as np
import orjson
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from tensorflow_serving.apis import get_model_metadata_pb2

from keras_i2i.serving import rpc
from keras_i2i.serving.models import MAX_BYTES
from keras_i2i.serving.refusals import Reason, Refused

# curl -d says that it sends a form, and TensorFlow Serving's documents use it.
JSON_TYPES = ("", "application/json", "application/x-www-form-urlencoded")
MODEL = "/v1/models/{name}"
VERSION = MODEL + "/versions/{version:int}"


def build(service, max_bytes=MAX_BYTES):
    """The ASGI application of a `service.Service`."""

    async def predict(request):
        if request.method != "POST":
            raise Refused(Reason.WRONG_METHOD, "Predictions are asked for by POST.")
        with service.counted("rest") as counted:
            model = _model(service, request)
            counted.model = model.name
            asked = await _body(request, max_bytes)
            counted.signature = signature = model.signature(asked.get("signature_name", ""))
            by_row, arrays = _arrays(asked, model.inputs[signature])
            made = await service.predict(model, signature, arrays)
            return Response(
                orjson.dumps(_answer(made, by_row), option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json"
            )

    async def unknown(request):
        verb = request.path_params["verb"]
        raise Refused(Reason.NOT_FOUND, f"There is no :{verb} of a model here: ask for :predict.")

    async def status(request):
        return JSONResponse(_plain(rpc.status_of(_model(service, request)), always_print_fields_with_no_presence=True))

    async def metadata(request):
        model = _model(service, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, definition in model.definitions.items():
            signatures.signature_def[key].CopyFrom(definition)
        spec = {"name": model.name, "signature_name": "", "version": str(model.version)}
        return JSONResponse({"model_spec": spec, "metadata": {"signature_def": _plain(signatures)}})

    async def alive(request):
        return Response("ok\n", media_type="text/plain")

    async def ready(request):
        if not service.ready:
            raise Refused(Reason.UNAVAILABLE, "The server is shutting down.")
        return Response("ok\n", media_type="text/plain")

    async def metrics(request):
        text, kind = service.metrics.text()
        return Response(text, media_type=kind)

    async def refused(request, error):
        headers = {"Retry-After": "1"} if error.reason is Reason.UNAVAILABLE else {}
        if error.reason in (Reason.TOO_LARGE, Reason.WRONG_TYPE):
            headers["Connection"] = "close"  # or what was not read would be read now
        return JSONResponse({"error": str(error)}, error.reason.value, headers)

    async def gone(request, error):
        return Response(status_code=499)  # nobody reads it

    async def failed(request, error):
        return JSONResponse({"error": "The server failed at this request."}, Reason.INTERNAL.value)

    routes = [
        *(Route(path + ":predict", predict, methods=["GET", "PUT", "POST"]) for path in (VERSION, MODEL)),
        *(Route(path + ":{verb}", unknown, methods=["GET", "POST"]) for path in (VERSION, MODEL)),
        *(Route(path + "/metadata", metadata) for path in (VERSION, MODEL)),
        *(Route(path, status) for path in (VERSION, MODEL)),
        Route("/health/live", alive),
        Route("/health/ready", ready),
        Route("/monitoring/prometheus/metrics", metrics),
    ]
    handlers = {Refused: refused, ClientDisconnect: gone, Exception: failed}
    return Starlette(routes=routes, exception_handlers=handlers)


def _model(service, request):
    return service.model(request.path_params["name"], request.path_params.get("version"))


async def _body(request, max_bytes):
    """The JSON object that a request holds; a longer one than `max_bytes` is not read to its end."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in JSON_TYPES:
        raise Refused(Reason.WRONG_TYPE, f"Requests are JSON, application/json, and this one is {kind!r}.")
    length, parts = 0, []
    async for part in request.stream():
        length += len(part)
        if length > max_bytes:
            raise Refused(Reason.TOO_LARGE, f"Requests have at most {max_bytes} bytes.")
        parts.append(part)
    try:
        asked = orjson.loads(b"".join(parts))
    except orjson.JSONDecodeError:
        raise Refused(Reason.INVALID_ARGUMENT, "The request is not valid JSON.") from None
    if not isinstance(asked, dict):
        raise Refused(Reason.INVALID_ARGUMENT, 'The request must be an object, {"instances": [...]}.')
    if not isinstance(asked.get("signature_name", ""), str):
        raise Refused(Reason.INVALID_ARGUMENT, "signature_name must be a string.")
    return asked


def _arrays(asked, entries):
    """Whether a request's values come row by row, and its arrays by input."""
    if ("instances" in asked) == ("inputs" in asked):
        raise Refused(Reason.INVALID_ARGUMENT, 'A request has either "instances", a list of rows, or "inputs".')
    by_row, one = "instances" in asked, next(iter(entries)) if len(entries) == 1 else None
    values = asked["instances" if by_row else "inputs"]
    if by_row:
        if not isinstance(values, list) or not values:
            raise Refused(Reason.INVALID_ARGUMENT, "instances must be a list of one row or more.")
        named = [isinstance(row, dict) and set(row) != {"b64"} for row in values]
        if not any(named) and one:
            values = {one: values}
        elif not all(named) or len({frozenset(row) for row in values}) > 1:
            raise Refused(Reason.INVALID_ARGUMENT, f"Each instance must be an object of {', '.join(entries)}.")
        else:
            values = {key: [row[key] for row in values] for key in values[0]}
    elif not isinstance(values, dict) or (one and set(values) == {"b64"}):
        if not one:
            raise Refused(Reason.INVALID_ARGUMENT, f"inputs must be an object of {', '.join(entries)}.")
        values = {one: values}
    # What is not known is refused by the model, with the names of what is.
    return by_row, {
        key: _array(key, given, entries[key].dtype if key in entries else None) for key, given in values.items()
    }


def _array(key, values, dtype):
    """A nested list as an array of a type, without a loss."""
    if dtype is None:
        return np.zeros(0)
    if dtype.kind == "O":
        values = values if isinstance(values, list) else [values]
        return np.array([_decoded(key, value) for value in values], object)
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "iuf" and array.size:
        raise Refused(Reason.INVALID_ARGUMENT, f"{key} must be numbers, and lists of one length.")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        whole = array.dtype.kind in "iu" or bool(np.all(array == np.floor(array)))
        if array.size and not (whole and limits.min <= array.min() and array.max() <= limits.max):
            raise Refused(Reason.INVALID_ARGUMENT, f"{key} must be whole numbers from {limits.min} to {limits.max}.")
    return array.astype(dtype)


def _decoded(key, value):
    """The bytes that a string, or {"b64": "..."}, stands for."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error:
            raise Refused(Reason.INVALID_ARGUMENT, f"{key} is not valid base64.") from None
    raise Refused(Reason.INVALID_ARGUMENT, f'{key} must be strings, or {{"b64": "..."}} for bytes.')


def _answer(made, by_row):
    """What TensorFlow Serving says: names are left out where there is one output."""
    plain = {key: _listed(key, array) for key, array in made.items()}
    if len(plain) == 1:
        (only,) = plain.values()
        return {"predictions" if by_row else "outputs": only}
    if by_row:
        return {"predictions": [dict(zip(plain, row, strict=True)) for row in zip(*plain.values(), strict=True)]}
    return {"outputs": plain}


def _listed(key, array):
    if array.dtype.kind != "O":
        return np.ascontiguousarray(array)
    if key.endswith("_bytes"):
        return [{"b64": base64.b64encode(value).decode("ascii")} for value in array]
    return [value.decode("utf-8", "replace") for value in array]


def _plain(message, **options):
    return json_format.MessageToDict(message, preserving_proto_field_name=True, **options)
