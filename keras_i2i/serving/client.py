"""A client of TensorFlow Serving and of `keras-i2i serve`, by gRPC or by REST."""

import base64
import json
import urllib.parse

import numpy as np

from keras_i2i.core import imaging


class ServingError(RuntimeError):
    """A server refused a request, or did not answer.

    Attributes:
        status: gRPC's name of the status, e.g. "INVALID_ARGUMENT", by whatever protocol.
    """

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Client:
    """Asks a server that has a model as `keras-i2i export --to savedmodel` writes it.

    Example:
        with Client("grpc://127.0.0.1:8500", "xgan_face2cartoon") as client:
            cartoon = client.translate(photo)
    """

    def __init__(self, address, model, *, version=None, timeout=30.0):
        """
        Args:
            address: "grpc://host:port", or "http://host:port" for REST.
            model: its name.
            version: a whole number; None for the server's.
            timeout: of every request, in seconds.

        Raises:
            ValueError: an address of another form.
        """
        found = urllib.parse.urlsplit(address)
        if found.scheme not in ("grpc", "http", "https") or not found.hostname or found.path not in ("", "/"):
            raise ValueError(f"An address is grpc://host:port or http://host:port, got {address!r}.")
        self.model, self.version, self.timeout = model, version, timeout
        self._transport = (_Rpc if found.scheme == "grpc" else _Rest)(found, self)
        self._signatures = None

    def translate(self, images, target=None, *, samples=1, seed=None, style=None, value_range=None):
        """Translates images as the model's own `translate` does; takes what that takes and returns the same.

        The noise of `samples` and `seed` is the server's, not the one that `translate` draws in this process.

        Raises:
            ServingError: the server refuses. TypeError, ValueError: as `Inference.translate`.
        """
        x, kind = imaging.to_model(images, value_range=value_range)
        suffix = "" if target is None else f"_to_{target}"
        if style is not None and (samples != 1 or seed is not None):
            raise ValueError("A style takes the place of noise: give a style, or samples and a seed.")
        if style is not None or samples != 1 or seed is not None:
            pixels = imaging.PIXELS.restore(x)
            if style is not None:
                styles = imaging.PIXELS.restore(imaging.to_model(style, value_range=value_range)[0])
                styles = np.repeat(styles, len(pixels) // len(styles), axis=0)
                made = self.predict("style" + suffix, images=pixels, style=styles)["images"]
            else:
                fresh = np.random.default_rng(seed).integers(0, 2**31, len(pixels), np.int32)
                count = np.full(len(pixels), samples, np.int32)
                made = self.predict("sample" + suffix, images=pixels, seed=fresh, samples=count)["images"]
                made = made[:, 0] if samples == 1 else made
            return kind.restore(made.astype(np.float32) * (2 / 255) - 1)
        name = "serving_default" if target is None else f"to_{target}"
        if kind.dtype == np.uint8:
            made = self.predict(name, images=imaging.PIXELS.restore(x))["images"]
            return made if kind.batched else made[0]
        name += "_float"
        images = imaging.fit_to(x, self._side(name))
        return kind.restore(self.predict(name, images=images)["images"])

    def translate_files(self, files, target=None):
        """Translates encoded images.

        Args:
            files: a list of `bytes`, each a JPEG or PNG file; the EXIF orientation is not looked at.
            target: as in `translate`.

        Returns:
            A list of PNG files.
        """
        suffix = "" if target is None else f"_to_{target}"
        contents = np.empty(len(files), object)
        contents[:] = files
        return self.predict("translate_bytes" + suffix, image_bytes=contents)["image_bytes"].tolist()

    def embed(self, images, value_range=None):
        """Embeds images, as the model's own `embed`, where it has one; float32 (N, d)."""
        x, _ = imaging.to_model(images, value_range=value_range)
        return self.predict("embed", images=imaging.PIXELS.restore(x))["embed"]

    def predict(self, signature="serving_default", **inputs):
        """Asks for any signature.

        Args:
            signature: its name.
            **inputs: arrays by its inputs, of the types that it takes.

        Returns:
            A dict of arrays by its outputs.

        Raises:
            ServingError: the server refuses.
        """
        return self._transport.predict(signature, {key: np.asarray(values) for key, values in inputs.items()})

    def ready(self):
        """Whether the server has the model, and answers."""
        try:
            return self._transport.status() == "AVAILABLE"
        except ServingError:
            return False

    @property
    def signatures(self):
        """The model's signatures: by name a dict of "inputs" and "outputs", each a dict of (dtype, shape)."""
        if self._signatures is None:
            self._signatures = self._transport.metadata()
        return self._signatures

    def close(self):
        """Closes the connection."""
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def _side(self, signature):
        if signature not in self.signatures:
            raise ServingError("INVALID_ARGUMENT", f"{self.model} has no signature {signature!r}: send uint8 images.")
        return self.signatures[signature]["inputs"]["images"][1][1]


def _described(definition):
    """A `SignatureDef` as (dtype, shape) by name."""
    import tensorflow as tf

    def entries(infos):
        return {
            key: (tf.dtypes.as_dtype(info.dtype).name, tuple(max(dim.size, -1) for dim in info.tensor_shape.dim))
            for key, info in infos.items()
        }

    return {"inputs": entries(definition.inputs), "outputs": entries(definition.outputs)}


class _Rpc:
    def __init__(self, address, client):
        import grpc
        from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

        unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.client = client
        self.channel = grpc.insecure_channel(address.netloc, options=unlimited)
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(self.channel)

    def _asked(self, request):
        request.model_spec.name = self.client.model
        if self.client.version is not None:
            request.model_spec.version.value = self.client.version
        return request

    def _call(self, method, request):
        import grpc

        try:
            return method(self._asked(request), timeout=self.client.timeout)
        except grpc.RpcError as error:
            raise ServingError(error.code().name, error.details()) from None

    def predict(self, signature, arrays):
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.signature_name = signature
        for key, array in arrays.items():
            request.inputs[key].CopyFrom(tf.make_tensor_proto(array))
        response = self._call(self.predictions.Predict, request)
        return {key: tf.make_ndarray(tensor) for key, tensor in response.outputs.items()}

    def status(self):
        from tensorflow_serving.apis import get_model_status_pb2

        response = self._call(self.models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest())
        state = response.model_version_status[0].state if response.model_version_status else 0
        return get_model_status_pb2.ModelVersionStatus.State.Name(state)

    def metadata(self):
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        response = self._call(self.predictions.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        return {key: _described(own) for key, own in signatures.signature_def.items()}

    def close(self):
        self.channel.close()


class _Rest:
    STATES = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 413: "RESOURCE_EXHAUSTED", 415: "INVALID_ARGUMENT"}
    STATES |= {503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}

    def __init__(self, address, client):
        import requests

        version = "" if client.version is None else f"/versions/{client.version}"
        name = urllib.parse.quote(client.model, safe="")
        self.client, self.url = client, f"{address.scheme}://{address.netloc}/v1/models/{name}{version}"
        self.session = requests.Session()

    def _call(self, method, path, body=None):
        import requests

        headers = {"Content-Type": "application/json"} if body is not None else None
        data = None if body is None else json.dumps(body).encode()
        try:
            response = self.session.request(
                method, self.url + path, data=data, headers=headers, timeout=self.client.timeout
            )
            answer = response.json()
        except requests.Timeout:
            raise ServingError("DEADLINE_EXCEEDED", f"No answer within {self.client.timeout:g} seconds.") from None
        except (requests.RequestException, ValueError) as error:
            raise ServingError("UNAVAILABLE", f"No answer from {self.url}: {error}") from None
        if response.status_code != 200:
            said = answer.get("error", "") if isinstance(answer, dict) else ""
            status = self.STATES.get(response.status_code, "INTERNAL")
            raise ServingError(status, said or f"The server answered with status {response.status_code}.")
        return answer

    def predict(self, signature, arrays):
        body = {"signature_name": signature, "inputs": {key: _listed(array) for key, array in arrays.items()}}
        made = self._call("POST", ":predict", body)["outputs"]
        outputs = self.client.signatures[signature]["outputs"]
        made = {next(iter(outputs)): made} if len(outputs) == 1 else made
        return {key: _array(values, outputs[key][0]) for key, values in made.items()}

    def status(self):
        states = self._call("GET", "")["model_version_status"]
        return states[0]["state"] if states else "UNKNOWN"

    def metadata(self):
        from google.protobuf import json_format
        from tensorflow_serving.apis import get_model_metadata_pb2

        found = self._call("GET", "/metadata")["metadata"]["signature_def"]
        signatures = json_format.ParseDict(found, get_model_metadata_pb2.SignatureDefMap(), ignore_unknown_fields=True)
        return {key: _described(own) for key, own in signatures.signature_def.items()}

    def close(self):
        self.session.close()


def _listed(array):
    if array.dtype.kind not in "OSU":
        return array.tolist()
    values = [value.encode() if isinstance(value, str) else bytes(value) for value in array]
    return [{"b64": base64.b64encode(value).decode("ascii")} for value in values]


def _array(values, dtype):
    if dtype != "string":
        return np.array(values, dtype)
    plain = [base64.b64decode(v["b64"]) if isinstance(v, dict) else v.encode() for v in values]
    array = np.empty(len(plain), object)
    array[:] = plain
    return array
