"""The server: gRPC and REST in one event loop, from the first port to the last answer."""

import asyncio
import contextlib
import dataclasses
import signal
import socket
import threading

import uvicorn

from keras_i2i.serving import rest, rpc
from keras_i2i.serving.models import MAX_BYTES
from keras_i2i.serving.service import Service

HOST = "127.0.0.1"
PORT, REST_PORT = 8500, 8501  # TensorFlow Serving's
LINGERING = 0.5  # seconds in which those whose last request was just answered learn that it shuts down
CLOSING = 5  # seconds for the last answers to reach their clients


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server listens.

    Attributes:
        host: an address of this machine; "0.0.0.0" for all of them, and so for everybody who reaches it.
        port, rest_port: of gRPC and of REST; 0 for any that is free.
    """

    host: str = HOST
    port: int = PORT
    rest_port: int = REST_PORT

    def urls(self):
        """The addresses that `Client` takes: gRPC's and REST's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"grpc://{host}:{self.port}", f"http://{host}:{self.rest_port}"


class Server:
    """Serves models for development, as TensorFlow Serving does in production: the same requests, the same answers."""

    def __init__(self, models, address=None, limits=None, max_bytes=MAX_BYTES):
        """
        Args:
            models: a list of `models.Served`.
            address: `Address`.
            limits: `batching.Limits` of each model.
            max_bytes: of one request.
        """
        self.address = address or Address()
        self.service = Service(models, limits)
        self._max_bytes = max_bytes
        self._stop = None

    async def start(self):
        """Listens, and answers from when this returns.

        Raises:
            OSError: a port is taken, or the host is none of this machine's.
        """
        host = self.address.host
        listening = _listening(host, self.address.rest_port)
        rest_port = listening.getsockname()[1]
        self._rpc, self._health = rpc.build(self.service, self._max_bytes)
        name = f"[{host}]" if ":" in host else host
        try:
            port = self._rpc.add_insecure_port(f"{name}:{self.address.port}")
        except RuntimeError:
            port = 0
        if not port:
            listening.close()
            raise OSError(f"Port {self.address.port} of {host} is taken, or not ours: choose another with --port.")
        self.address = Address(host, port, rest_port)
        await self.service.start()
        await self._rpc.start()
        config = uvicorn.Config(
            rest.build(self.service, self._max_bytes), lifespan="off", log_level="critical", access_log=False
        )
        self._rest = _Uvicorn(config)
        self._serving = asyncio.ensure_future(self._rest.serve(sockets=[listening]))
        while not self._rest.started:
            await asyncio.sleep(0.01)
        await rpc.tell(self._health, True)

    async def stop(self, grace=30.0):
        """Refuses new requests, answers those that it has, and then closes its ports.

        Args:
            grace: seconds after which it waits no longer.

        Returns:
            Whether all requests were answered.
        """
        self.service.ready = False
        await rpc.tell(self._health, False)
        # The ports stay open until all is answered and a little longer: gRPC cancels what comes to a closing port, and
        # whoever is told instead that the server shuts down asks another.
        answered = await self.service.close(grace)
        await asyncio.sleep(LINGERING)
        self._rest.should_exit = True
        self._rest.config.timeout_graceful_shutdown = CLOSING
        await asyncio.gather(self._rpc.stop(CLOSING), self._serving)
        return answered

    def run(self, ready=lambda server: None, grace=30.0):
        """Serves until SIGTERM or SIGINT.

        Args:
            ready: function that is called with this server when it answers.
            grace: as in `stop`.

        Returns:
            Whether all requests were answered.
        """

        async def serve():
            loop, ended = asyncio.get_running_loop(), asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, ended.set)
            await self.start()
            ready(self)
            await ended.wait()
            return await self.stop(grace)

        return asyncio.run(serve())

    @contextlib.contextmanager
    def running(self):
        """A context in which this server answers, from a thread of its own."""
        loop, begun, failure = asyncio.new_event_loop(), threading.Event(), []

        async def serve():
            ended = self._stop = asyncio.Event()
            try:
                await self.start()
            except BaseException as error:
                failure.append(error)
                return
            finally:
                begun.set()
            await ended.wait()
            await self.stop()

        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), name="server")
        thread.start()
        begun.wait()
        try:
            if failure:
                raise failure[0]
            yield self
        finally:
            if not failure:
                loop.call_soon_threadsafe(self._stop.set)
            thread.join()
            loop.close()


def _listening(host, port):
    """A socket at which REST is answered."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns off Nagle's algorithm for such sockets alone: 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = getattr(error, "strerror", None) or error
        raise OSError(f"Port {port} of {host} cannot be used ({reason}): choose another with --rest-port.") from None
    return listening


class _Uvicorn(uvicorn.Server):
    """Uvicorn, which leaves the process's signals alone: they are the whole server's."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield
