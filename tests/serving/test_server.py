"""The server as its clients see it, by both protocols, and what it does with bad requests."""

import asyncio
import base64
import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import sys
import time

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from keras_i2i.data import read_image
from keras_i2i.serving import Client, ServingError
from keras_i2i.serving.batching import Limits
from keras_i2i.serving.models import Served, find
from keras_i2i.serving.server import Address, Server, _listening
from tests.harness import ROOT, assert_same_pixels, encoded

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 20, 24, 3), np.uint8)
MAX_BYTES = 200_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The SavedModels "faces" (version 7) and "styles"."""
    from tests.methods.test_bicyclegan import CASE
    from tests.methods.test_xgan import tiny

    root = tmp_path_factory.mktemp("served")
    models = {"faces": tiny(), "styles": CASE.make()}
    models["faces"].export(root / "faces" / "7")
    models["styles"].export(root / "styles" / "1")
    return root, models


@pytest.fixture(scope="module")
def running(folder):
    """A server of both, the models, and its metrics' reader."""
    root, models = folder
    served = [find(root / name) for name in models]
    with Server(served, Address(port=0, rest_port=0), Limits(wait=0.001), MAX_BYTES).running() as server:
        yield server, models


@pytest.fixture(params=["grpc", "http"])
def client(running, request):
    """A client of the model "faces"."""
    with connect(running, request.param) as client:
        yield client


def connect(running, protocol, name="faces", **options):
    (address,) = (url for url in running[0].address.urls() if url.startswith(protocol))
    return Client(address, name, **options)


# ---- the same as the model ------------------------------------------------------------------------------------------


def test_translates_as_the_model_does(client, running):
    model = running[1]["faces"]
    assert_same_pixels(client.translate(IMAGES), model.translate(IMAGES))
    assert_same_pixels(client.translate(IMAGES[0]), model.translate(IMAGES[0]))
    assert_same_pixels(client.translate(IMAGES, "photo"), model.translate(IMAGES, "photo"))
    for scaled in (IMAGES / 255, (IMAGES / 127.5 - 1).astype(np.float32)):
        made = client.translate(scaled, "cartoon")
        assert made.dtype == scaled.dtype
        np.testing.assert_allclose(made, model.translate(scaled, "cartoon"), rtol=0, atol=1e-5)
    np.testing.assert_allclose(client.embed(IMAGES), model.embed(IMAGES), rtol=0, atol=1e-4)


def test_translates_files(client, running):
    made = client.translate_files([encoded(image) for image in IMAGES], "photo")
    pixels = np.stack([np.asarray(read_image(file)) for file in made])
    assert_same_pixels(pixels, running[1]["faces"].translate(IMAGES, "photo"))


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_noise_and_styles(running, protocol):
    with connect(running, protocol, "styles") as client:
        size = running[1]["styles"].image_size
        images = RNG.integers(0, 256, (2, size, size, 3), np.uint8)
        made = client.translate(images, samples=3, seed=1)
        assert made.shape == (2, 3, size, size, 3) and made.dtype == np.uint8
        np.testing.assert_array_equal(client.translate(images, samples=3, seed=1), made)
        np.testing.assert_array_equal(client.translate(images, seed=1), made[:, 0])
        assert not np.array_equal(client.translate(images, samples=3, seed=2), made)
        expected = running[1]["styles"].translate(images, style=images[1])
        assert_same_pixels(client.translate(images, style=images[1]), expected)
        with pytest.raises(ValueError, match="give a style, or samples and a seed"):
            client.translate(images, style=images, seed=1)


def test_says_what_it_is(client):
    assert client.ready()
    assert client.signatures["serving_default"] == {
        "inputs": {"images": ("uint8", (-1, -1, -1, 3))},
        "outputs": {"images": ("uint8", (-1, 16, 16, 3))},
    }
    assert {"embed", "translate_bytes_to_photo", "to_cartoon_float"} <= set(client.signatures)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_versions(running, protocol):
    with connect(running, protocol, version=7) as client:
        assert client.ready() and client.translate(IMAGES).shape == (3, 16, 16, 3)
    with connect(running, protocol, version=8) as client:
        assert not client.ready()
        with pytest.raises(ServingError, match="no version 8 of faces: this server has 7") as refused:
            client.translate(IMAGES)
        assert refused.value.status == "NOT_FOUND"


def test_requests_at_the_same_time_are_answered_together(running):
    server, models = running
    expected = models["faces"].translate(IMAGES)

    def ask(number):
        with connect(running, "grpc" if number % 2 else "http") as client:
            return [client.translate(IMAGES[number % 3]) for _ in range(4)]

    before = batches_of(server)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        made = list(pool.map(ask, range(12)))
    for number, images in enumerate(made):
        for image in images:
            assert_same_pixels(image, expected[number % 3])
    batches, rows = np.subtract(batches_of(server), before)
    assert rows == 48 and batches < 48


def batches_of(server):
    text = server.service.metrics.text()[0].decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    kinds = ("count", "sum")
    return [float(values[f'keras_i2i_batch_rows_{kind}{{model="faces"}}']) for kind in kinds]


# ---- TensorFlow Serving's own forms ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(running):
    """Where REST asks for the model "faces"."""
    return running[0].address.urls()[1] + "/v1/models/faces"


def test_rest_takes_rows_and_columns(url, running):
    expected = running[1]["faces"].translate(IMAGES).tolist()
    rows = requests.post(url + ":predict", json={"instances": IMAGES.tolist()}).json()
    named = requests.post(url + ":predict", json={"instances": [{"images": one.tolist()} for one in IMAGES]}).json()
    columns = requests.post(url + "/versions/7:predict", json={"inputs": {"images": IMAGES.tolist()}}).json()
    bare = requests.post(url + ":predict", json={"inputs": IMAGES.tolist()}).json()
    for answer, key in ((rows, "predictions"), (named, "predictions"), (columns, "outputs"), (bare, "outputs")):
        assert set(answer) == {key}
        assert_same_pixels(np.array(answer[key], np.uint8), np.array(expected, np.uint8))


def test_rest_takes_files_in_base64(url, running):
    file = {"b64": base64.b64encode(encoded(IMAGES[0])).decode()}
    for values in ({"instances": [file]}, {"instances": [{"image_bytes": file}]}, {"inputs": [file]}):
        (made,) = next(
            iter(requests.post(url + ":predict", json={"signature_name": "translate_bytes", **values}).json().values())
        )
        pixels = np.asarray(read_image(base64.b64decode(made["b64"])))
        assert_same_pixels(pixels, running[1]["faces"].translate(IMAGES[0]))


def test_rest_takes_what_curl_sends_by_default(url):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(url + ":predict", data=json.dumps({"instances": IMAGES.tolist()}), headers=form)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"


def test_status_is_tensorflow_servings(url):
    state = {"version": "7", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert requests.get(url).json()["model_version_status"][0]["state"] == "AVAILABLE"
    assert requests.get(url + "/versions/7").json() == {"model_version_status": [state]}
    found = requests.get(url + "/metadata").json()
    assert found["model_spec"] == {"name": "faces", "signature_name": "", "version": "7"}
    inputs = found["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
    assert inputs["images"]["dtype"] == "DT_UINT8"


def test_health_and_metrics(running, url):
    server, _ = running
    root = server.address.urls()[1]
    assert requests.get(root + "/health/live").status_code == requests.get(root + "/health/ready").status_code == 200
    requests.post(url + ":predict", json={"instances": IMAGES.tolist()})
    requests.post(url + ":predict", json={"instances": 3})
    text = requests.get(root + "/monitoring/prometheus/metrics").text
    kind = 'model="faces",protocol="rest",signature="serving_default"'
    assert f'keras_i2i_requests_total{{{kind},status="OK"}}' in text
    assert f'keras_i2i_requests_total{{{kind},status="INVALID_ARGUMENT"}}' in text
    assert "keras_i2i_request_seconds_bucket{" in text and 'keras_i2i_waiting_rows{model="faces"} 0.0' in text
    with grpc.insecure_channel(server.address.urls()[0].removeprefix("grpc://")) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


# ---- bad requests ---------------------------------------------------------------------------------------------------

BAD = {
    "unknown signature": ("to_moon", {"images": IMAGES}, "no signature 'to_moon': it has embed"),
    "unknown input": ("serving_default", {"pictures": IMAGES}, "takes images, and is given pictures"),
    "one input too many": ("serving_default", {"images": IMAGES, "seed": np.int32([1])}, "is given images, seed"),
    "three dimensions": ("serving_default", {"images": IMAGES[0]}, r"shape \(N, N, N, 3\), got \(20, 24, 3\)"),
    "four channels": ("serving_default", {"images": np.zeros((1, 20, 20, 4), np.uint8)}, r"got \(1, 20, 20, 4\)"),
    "no image": ("serving_default", {"images": np.zeros((0, 20, 20, 3), np.uint8)}, "must have the shape"),
    "too small": ("serving_default", {"images": np.zeros((1, 15, 20, 3), np.uint8)}, "16x16 pixels or larger"),
    "other size": ("to_photo_float", {"images": np.zeros((1, 20, 20, 3), np.float32)}, r"\(N, 16, 16, 3\)"),
    "no file": ("translate_bytes", {"image_bytes": np.array([b"GIF89a"], object)}, "neither, or cut off"),
    "half a file": ("translate_bytes", {"image_bytes": np.array([encoded(IMAGES[0])[:300]], object)}, "PNG"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_requests_are_refused_in_a_sentence(client, kind):
    signature, inputs, text = BAD[kind]
    with pytest.raises(ServingError, match=text) as refused:
        client.predict(signature, **inputs)
    assert refused.value.status == "INVALID_ARGUMENT"
    assert "\n" not in str(refused.value) and "{{node" not in str(refused.value)


def test_unknown_models_and_domains(running, client):
    with pytest.raises(ServingError, match="no signature 'to_moon'"):
        client.translate(IMAGES, "moon")
    for protocol in ("grpc", "http"):
        with connect(running, protocol, "places") as other:
            assert not other.ready()
            with pytest.raises(ServingError, match="no model 'places': this server has faces, styles") as refused:
                other.translate(IMAGES)
            assert refused.value.status == "NOT_FOUND"


def test_too_large_requests(client):
    with pytest.raises(ServingError) as refused:
        client.translate(np.zeros((1, 300, 300, 3), np.uint8))
    assert refused.value.status == "RESOURCE_EXHAUSTED"
    assert client.ready()


def test_wrong_types_by_grpc(running):
    with connect(running, "grpc") as client:
        with pytest.raises(ServingError, match="images must be uint8, got float32") as refused:
            client.predict(images=IMAGES.astype(np.float32))
        assert refused.value.status == "INVALID_ARGUMENT"


def test_tensors_that_lie(running):
    """A few bytes that stand for a large tensor, and ones that hold less than they say."""
    address = running[0].address.urls()[0].removeprefix("grpc://")
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "faces"

        def refusal(shape, **fields):
            tensor = tf.make_tensor_proto(np.zeros((1, 1), np.uint8))
            tensor.Clear()
            tensor.dtype = tf.uint8.as_datatype_enum
            for size in shape:
                tensor.tensor_shape.dim.add(size=size)
            for name, value in fields.items():
                if name == "tensor_content":
                    tensor.tensor_content = value
                else:
                    getattr(tensor, name).extend(value)
            request.inputs["images"].CopyFrom(tensor)
            with pytest.raises(grpc.RpcError) as refused:
                stub.Predict(request, timeout=20)
            return refused.value.code().name

        assert refusal((1, 100_000, 100_000, 3), int_val=[0]) == "RESOURCE_EXHAUSTED"
        assert refusal((1, -20, 20, 3), int_val=[0]) == "RESOURCE_EXHAUSTED"
        assert refusal((1, 20, 20, 3), tensor_content=b"abc") == "INVALID_ARGUMENT"
        request.output_filter.append("nothing")
        assert refusal((1, 20, 20, 3), int_val=[0]) == "INVALID_ARGUMENT"
        request.model_spec.version_label = "stable"
        assert refusal((1, 20, 20, 3), int_val=[0]) == "NOT_FOUND"
        metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["weights"])
        metadata.model_spec.name = "faces"
        with pytest.raises(grpc.RpcError, match="ask for signature_def"):
            stub.GetModelMetadata(metadata, timeout=20)


FILES = {"signature_name": "translate_bytes"}
JSON = {
    "no JSON": ("{", 400, "not valid JSON"),
    "nested without end": ("[" * 50_000, 400, "not valid JSON"),
    "a list": ([], 400, "must be an object"),
    "nothing": ({}, 400, 'either "instances"'),
    "both": ({"instances": [1], "inputs": [1]}, 400, 'either "instances"'),
    "no rows": ({"instances": []}, 400, "one row or more"),
    "ragged": ({"instances": [[[[1, 2, 3]], [[1]]]]}, 400, "lists of one length"),
    "words": ({"instances": [[[["red"]]]]}, 400, "must be numbers"),
    "null": ({"instances": [None]}, 400, "must be numbers"),
    "too large a number": ({"instances": np.full((1, 16, 16, 3), 256).tolist()}, 400, "from 0 to 255"),
    "a negative number": ({"instances": np.full((1, 16, 16, 3), -1).tolist()}, 400, "from 0 to 255"),
    "a fraction": ({"instances": np.full((1, 16, 16, 3), 0.5).tolist()}, 400, "from 0 to 255"),
    "NaN": ({"instances": np.full((1, 16, 16, 3), np.nan).tolist()}, 400, "not valid JSON"),
    "mixed rows": ({"instances": [{"images": 1}, {"image": 1}]}, 400, "must be an object of images"),
    "signature of another type": ({"instances": [1], "signature_name": 3}, 400, "must be a string"),
    "no base64": ({**FILES, "instances": [{"b64": "?"}]}, 400, "not valid base64"),
    "a number for a file": ({**FILES, "instances": [3]}, 400, "must be strings"),
}


@pytest.mark.parametrize("kind", JSON)
def test_bad_json_is_refused_in_a_sentence(url, kind):
    body, status, text = JSON[kind]
    answer = requests.post(url + ":predict", data=body if isinstance(body, str) else json.dumps(body))
    assert answer.status_code == status and text in answer.json()["error"], answer.text


def test_wrong_content_types_methods_and_paths(url):
    answer = requests.post(url + ":predict", data=encoded(IMAGES[0]), headers={"Content-Type": "image/png"})
    assert answer.status_code == 415 and "image/png" in answer.json()["error"]
    assert requests.get(url + ":predict").status_code == 405
    assert requests.post(url + ":classify", json={}).status_code == 404
    assert requests.get(url + "/versions/first").status_code == 404
    assert requests.post(url.replace("faces", "places") + ":predict", json={}).status_code == 404


def test_a_body_without_an_end_is_not_read(url):
    def parts():
        while True:
            yield b"0" * 50_000

    try:
        answer = requests.post(url + ":predict", data=parts(), headers={"Content-Type": "application/json"}, timeout=20)
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # closed before all of it was sent, which is as good
    assert requests.get(url).status_code == 200


def test_who_hangs_up_harms_nobody(running, url):
    host, port = running[0].address.host, running[0].address.rest_port
    for sent in (
        b"",
        b"POST /v1/models/faces:predict HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{",
        b"\x16\x03\x01nothing",
    ):
        with socket.create_connection((host, port), 5) as connection:
            connection.sendall(sent)
    assert requests.get(url).status_code == 200


def test_time_that_is_over_before_the_answer(running):
    with connect(running, "grpc", timeout=1e-6) as client, pytest.raises(ServingError) as refused:
        client.translate(IMAGES)
    assert refused.value.status == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("address", ["127.0.0.1:8500", "ftp://host:1", "grpc://", "http://host:1/v1"])
def test_addresses(address):
    with pytest.raises(ValueError, match="An address is grpc://host:port or http://host:port"):
        Client(address, "faces")


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_no_server_is_an_error_of_one_sentence(protocol):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Client(f"{protocol}://127.0.0.1:{port}", "faces", timeout=5) as client:
        assert not client.ready()
        with pytest.raises(ServingError) as refused:
            client.translate(IMAGES)
        assert refused.value.status == "UNAVAILABLE"


def test_ports_that_are_taken(folder):
    served = [find(folder[0] / "faces")]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for address, option in (
            (Address(port=port, rest_port=0), "--port"),
            (Address(port=0, rest_port=port), "--rest-port"),
        ):
            with pytest.raises(OSError, match=f"Port {port} .* {option}"), Server(served, address).running():
                pass


def test_folders(folder, tmp_path):
    root, _ = folder
    for given, name, version in (("faces", "faces", 7), ("faces/7", "faces", 7)):
        found = find(root / given)
        assert (found.name, found.version) == (name, version)
    with pytest.raises(ValueError, match="no SavedModel"):
        Served("faces", 1, tmp_path)
    with pytest.raises(ValueError, match="one name"):
        Server([found, found])


# ---- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_sigterm_under_load_loses_no_request_that_was_taken(folder):
    root, models = folder
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": ROOT}
    command = [
        sys.executable,
        "-c",
        "from keras_i2i.cli import main; main()",
        "serve",
        root / "faces",
        "--port",
        "0",
        "--rest-port",
        "0",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        line = process.stdout.readline()
        addresses = [word.split("/v1")[0] for word in line.replace(";", " ").split() if "://" in word]
        assert len(addresses) == 2, line
        expected = models["faces"].translate(IMAGES)
        answered, errors = [], []

        def load(number):
            with Client(addresses[number % 2], "faces") as client:
                while True:
                    try:
                        answered.append(client.translate(IMAGES))
                    except ServingError as error:
                        errors.append((error.status, str(error)))
                        return

        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            futures = [pool.submit(load, number) for number in range(32)]
            begun = time.monotonic()
            while len(answered) < 40 and time.monotonic() - begun < 60:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            for future in futures:
                future.result(60)
        assert process.wait(60) == 0
        # Each ends with the first request that found the door closed: none that was let in was lost.
        assert len(answered) >= 40 and all(np.array_equal(images, expected) for images in answered)
        assert [status for status, _ in errors] == ["UNAVAILABLE"] * 32, errors


def test_answers_are_not_held_back_for_the_network():
    """Nagle's algorithm is off at connections of REST: it would hold the last piece of an answer for 40 ms."""
    listening = _listening("127.0.0.1", 0)
    with listening:
        listening.listen()
        port = listening.getsockname()[1]

        async def main():
            seen = asyncio.get_running_loop().create_future()

            def connected(reader, writer):
                own = writer.get_extra_info("socket")
                seen.set_result(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
                writer.close()

            async with await asyncio.start_server(connected, sock=listening):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return await seen

        assert asyncio.run(main())
