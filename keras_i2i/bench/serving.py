"""What `keras-i2i serve` answers under load, how batching changes it, and what bad requests do to it."""

import collections
import contextlib
import io
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

import numpy as np

from keras_i2i.bench import report

MODEL = "xgan_face2cartoon"
CLIENTS = (1, 8, 32)
BAD = 1000
RUN = "from keras_i2i.cli import main; main()"
LARGE = 100 * 2**20  # bytes of the largest body


def measure(*, model=MODEL, clients=CLIENTS, seconds=5.0, rounds=3, bad=BAD, large=LARGE):
    """Serves a model on loopback, and asks it.

    Args:
        model: what `keras-i2i serve` takes.
        clients: how many ask at the same time, each one image at a time.
        seconds: of each load.
        rounds: loads of each kind; with batching and without it take turns.
        bad: malformed requests.
        large: bytes of the largest body among them.

    Returns:
        A dict of plain values: for every load the images a second and the milliseconds of an answer, medians of the
        rounds; the statuses of malformed requests by kind, and the server's memory before and after; and what SIGTERM
        under load ended.
    """
    found = report.begin("serving", model=model, seconds=seconds, rounds=rounds, threads=os.cpu_count())
    with running(model) as batching, running(model, "--batch", "1") as single:
        servers = {"batching": batching, "one by one": single}
        turns = collections.defaultdict(list)
        for server in servers.values():
            load(server, "grpc", max(clients), 1.0)  # warm
        for _ in range(rounds):
            for count in clients:
                for name, server in servers.items():
                    turns["grpc", count, name].append(load(server, "grpc", count, seconds))
            turns["rest", max(clients), "batching"].append(load(batching, "rest", max(clients), seconds))
        found["loads"] = [
            {"protocol": protocol, "clients": count, "server": name, **_medians(loads)}
            for (protocol, count, name), loads in turns.items()
        ]
        most = max(clients)
        pairs = zip(turns["grpc", most, "batching"], turns["grpc", most, "one by one"], strict=True)
        found["batching_gains"] = round(statistics.median(a["per_s"] / b["per_s"] for a, b in pairs), 2)
        found["malformed"] = malformed(batching, bad, large)
    found["sigterm"] = stopped_under_load(model, max(clients))
    return found


def _medians(loads):
    return {key: round(statistics.median(one[key] for one in loads), 2) for key in ("per_s", "p50_ms", "p99_ms")}


class Running:
    """A server's process.

    Attributes:
        process: `subprocess.Popen`.
        grpc, rest: its addresses, "host:port" and a URL.
        host, rest_port: of REST.
        name: of its model.
    """

    def __init__(self, model, *options):
        command = [sys.executable, "-c", RUN, "serve", model, "--port", "0", "--rest-port", "0", *options]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        line = self.process.stdout.readline()
        if "grpc://" not in line:
            self.process.kill()
            raise RuntimeError(f"The server of {model!r} did not start.")
        words = line.replace(";", " ").split()
        (grpc,) = (word for word in words if word.startswith("grpc://"))
        (rest,) = (word for word in words if word.startswith("http://"))
        self.grpc, self.rest, self.name = grpc.removeprefix("grpc://"), rest, rest.rpartition("/")[2]
        where = urllib.parse.urlsplit(rest)
        self.host, self.rest_port = where.hostname, where.port

    def stop(self):
        """Ends it; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def memory_mb(self):
        """What it has in memory now, where the system tells."""
        path = pathlib.Path(f"/proc/{self.process.pid}/status")
        lines = path.read_text().splitlines() if path.is_file() else []
        return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), None)


@contextlib.contextmanager
def running(model, *options):
    """A `Running`, which is ended in the end."""
    server = Running(model, *options)
    try:
        yield server
    finally:
        server.stop()


def picture(size=64):
    """An image of noise, uint8 (1, size, size, 3)."""
    return np.random.default_rng(0).integers(0, 256, (1, size, size, 3), np.uint8)


# ---- load -----------------------------------------------------------------------------------------------------------


def asker(server, protocol):
    """A function that asks for the translation of one image and raises if it gets none, and one that closes it."""
    if protocol == "rest":
        import requests

        session, body = requests.Session(), json.dumps({"inputs": picture().tolist()})

        def ask():
            session.post(server.rest + ":predict", data=body, timeout=60).raise_for_status()

        return ask, session.close
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    # Each client has a connection of its own.
    channel = grpc.insecure_channel(server.grpc, options=[("grpc.use_local_subchannel_pool", 1)])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = server.name
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(picture()))
    return lambda: stub.Predict(request, timeout=60), channel.close


def load(server, protocol, clients, seconds):
    """Lets clients ask one after another, all at the same time.

    Returns:
        A dict: images a second, and the median and the 99th percentile of an answer's milliseconds.
    """
    begin, over, taken, failures = threading.Barrier(clients + 1), threading.Event(), [], []

    def client():
        ask, close = asker(server, protocol)
        try:
            ask()
            begin.wait()
            while not over.is_set():
                asked = time.perf_counter()
                ask()
                taken.append(time.perf_counter() - asked)
        except threading.BrokenBarrierError:
            pass
        except Exception as error:
            failures.append(error)
            begin.abort()
        finally:
            close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        begin.wait()
    begun = time.perf_counter()
    if not failures:
        time.sleep(seconds)
    over.set()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError(f"A request under load failed: {failures[0]}")
    lasted = time.perf_counter() - begun
    milliseconds = 1000 * np.array(taken)
    return {
        "per_s": len(taken) / lasted,
        "p50_ms": float(np.percentile(milliseconds, 50)),
        "p99_ms": float(np.percentile(milliseconds, 99)),
    }


# ---- bad requests ---------------------------------------------------------------------------------------------------


def bad_requests(large=LARGE):
    """Malformed requests by kind: (the content type, the body, the status that it must get)."""
    import base64

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(picture()[0]).save(file, "PNG")
    png = file.getvalue()
    file = io.BytesIO()
    Image.fromarray(picture()[0]).save(file, "JPEG")
    jpeg = file.getvalue()
    huge = png[:16] + (60_000).to_bytes(4, "big") * 2 + png[24:]  # the header alone says so

    def encoded(content):
        rows = [{"b64": base64.b64encode(content).decode()}]
        return json.dumps({"signature_name": "translate_bytes", "instances": rows}).encode()

    plain, rows = "application/json", picture().tolist()
    return {
        "wrong shape": (plain, json.dumps({"instances": [[1, 2, 3]]}).encode(), 400),
        "too small": (plain, json.dumps({"instances": picture(8).tolist()}).encode(), 400),
        "truncated JPEG": (plain, encoded(jpeg[: len(jpeg) // 2]), 400),
        "decompression bomb": (plain, encoded(huge), 400),
        "no image": (plain, encoded(b"GIF89a"), 400),
        "no JSON": (plain, b'{"instances": [', 400),
        "wrong signature": (plain, json.dumps({"signature_name": "to_moon", "instances": rows}).encode(), 400),
        "wrong content type": ("image/png", png, 415),
        f"body of {large / 2**20:.0f} MB": (plain, b" " * large, 413),
    }


def malformed(server, count, large=LARGE):
    """Sends malformed requests of all kinds in turn; of the large body ten at most.

    Returns:
        A dict: how many there were, how many got another status than they must, the statuses by kind, and the memory of
        the server before and after in MB, if the system tells.
    """
    kinds = bad_requests(large)
    *usual, largest = kinds
    statuses = {kind: collections.Counter() for kind in kinds}
    few = min(10, count)
    order = [usual[at % len(usual)] for at in range(count - few)] + [largest] * few
    for kind in usual:  # what the first of a kind loads is not growth
        _post(server, *kinds[kind][:2])
    before = server.memory_mb()
    for kind in order:
        content_type, body, _ = kinds[kind]
        statuses[kind][_post(server, content_type, body)] += 1
    hung_up = hang_up(server, 50)
    ask, close = asker(server, "rest")
    ask()  # it lives, and answers
    close()
    wrong = sum(n for kind, own in statuses.items() for status, n in own.items() if status != kinds[kind][2])
    return {
        "requests": len(order),
        "wrong": wrong,
        "hung_up": hung_up,
        "statuses": {kind: dict(sorted(own.items())) for kind, own in statuses.items()},
        "before_mb": before and round(before),
        "after_mb": before and round(server.memory_mb()),
    }


def _post(server, content_type, body):
    import requests

    try:
        answer = requests.post(server.rest + ":predict", data=body, headers={"Content-Type": content_type}, timeout=60)
        return answer.status_code
    except requests.ConnectionError:
        return _raw_status(server, content_type, body)


def _raw_status(server, content_type, body):
    """The status of an answer that comes, and closes the connection, before all of the request is sent."""
    head = (
        f"POST /v1/models/{server.name}:predict HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((server.host, server.rest_port), 60) as connection:
        connection.sendall(head.encode())
        sent, answer = 0, b""
        connection.setblocking(False)
        end = time.monotonic() + 60
        while b"\r\n" not in answer and time.monotonic() < end:
            with contextlib.suppress(BlockingIOError):
                answer += connection.recv(4096)
            with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                sent += connection.send(body[sent : sent + 65536])
    return int(answer.split()[1]) if answer else 0


def hang_up(server, count):
    """Clients that leave in the middle of a request, and before its answer; returns how many."""
    body = json.dumps({"inputs": picture().tolist()}).encode()
    head = (
        f"POST /v1/models/{server.name}:predict HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    for number in range(count):
        with socket.create_connection((server.host, server.rest_port), 10) as connection:
            connection.sendall(head.encode() + (body if number % 2 else body[: len(body) // 2]))
    return count


# ---- the end --------------------------------------------------------------------------------------------------------


def stopped_under_load(model, clients, least=200):
    """Ends a server by SIGTERM while clients ask it.

    Returns:
        A dict: requests answered; requests lost, which were under way and ended in another way than by being refused;
        the server's exit code.
    """
    import grpc

    server, answered, refused, lost = Running(model), [], [], []

    def client():
        ask, close = asker(server, "grpc")
        while True:
            try:
                ask()
                answered.append(1)
            except grpc.RpcError as error:
                # The door was closed (no connection, or GOAWAY before the request was taken), or it was not.
                (refused if error.code() is grpc.StatusCode.UNAVAILABLE else lost).append(error.code().name)
                break
        close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while len(answered) < least and any(thread.is_alive() for thread in threads):
        time.sleep(0.01)
    code = server.stop()
    for thread in threads:
        thread.join()
    return {"answered": len(answered), "refused": len(refused), "lost": len(lost), "exit_code": code}


def table(found):
    """A report as Markdown."""
    rows = [
        [
            f"{'gRPC' if one['protocol'] == 'grpc' else 'REST'}, {one['server']}",
            one["clients"],
            f"{one['per_s']:.0f}",
            f"{one['p50_ms']:.1f}",
            f"{one['p99_ms']:.1f}",
        ]
        for one in found["loads"]
    ]
    bad, end = found["malformed"], found["sigterm"]
    kinds = ", ".join(
        f"{kind} {'/'.join(map(str, own))} ({sum(own.values())})" for kind, own in bad["statuses"].items()
    )
    memory = "" if bad["before_mb"] is None else f" Its memory: {bad['before_mb']} MB before, {bad['after_mb']} after."
    return "\n".join(
        [
            f"`{found['model']}`, clients and server on {found['machine']}, {found['seconds']:g} seconds a load,"
            f" medians of {found['rounds']} turns, {found['date']}.",
            "",
            report.markdown(["server", "clients", "images/s", "median ms", "99 % within ms"], rows),
            "",
            f"With {max(one['clients'] for one in found['loads'])} clients batching gives"
            f" {found['batching_gains']:.2f} times the images.",
            "",
            f"{bad['requests']} malformed requests, {bad['wrong']} with another status than the one due: {kinds};"
            f" {bad['hung_up']} clients hung up.{memory}",
            "",
            f"SIGTERM under load: {end['answered']} answered, {end['refused']} refused, {end['lost']} lost;"
            f" exit code {end['exit_code']}.",
        ]
    )
