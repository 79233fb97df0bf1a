"""A gateway before a real one, on loopback: it keeps what comes, and its mode can be changed."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from prometheus_client.parser import text_string_to_metric_families

from tests.misbehaving import Received
from tests.runs import Group
from tests.services.programs import free_port

BACKEND_S = 30
MODES = ("ok", "down", "silent", "refuses", "garbage")
_HOP = ("connection", "content-length", "host", "transfer-encoding")


class Push(NamedTuple):
    """One request that a run made, and what it was answered; 0: nothing, or nonsense."""

    request: Received
    status: int

    @property
    def run(self) -> str:
        """The run whose group it changes."""
        parts = self.request.path.split("/")
        return parts[parts.index("run") + 1]

    @property
    def text(self) -> str:
        packed = self.request.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.request.body) if packed else self.request.body).decode()


class Pushed(Group):
    """What one push says of its run."""

    def __init__(self, push: Push) -> None:
        families = text_string_to_metric_families(push.text)
        self.samples = [sample for each in families for sample in each.samples]


class Front:
    """Hands each request on to the gateway behind it, or does what its mode says.

    down: connections are refused, those that are open are cut. silent: never answers.
    refuses: says 400 to one request, then is ok. garbage: not HTTP.
    """

    def __init__(self, backend: str, seen: Callable[[Push], None]) -> None:
        self._backend = urlsplit(backend).netloc
        self._seen = seen
        self._mode = "ok"
        self._changed = threading.Condition()
        self._closing = False
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.url = f"http://127.0.0.1:{self._bind()}"

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        """From now on; what waits for an answer under the old mode is cut."""
        with self._changed:
            before, self._mode = self._mode, mode
            if before == mode:
                return
            if mode == "down":
                self._listener.shutdown(socket.SHUT_RDWR)
            elif before == "down":
                self._listener.listen(128)
            if before in ("silent", "down") or mode == "down":
                self._cut()
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._listener.listen(128)
        self._begin(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if self._mode != "down":
                self._listener.shutdown(socket.SHUT_RDWR)
            self._cut()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def answer(self, request: Received) -> tuple[int, bytes]:
        """What a request is answered; status 0: nothing, until it is cut; 1: nonsense."""
        with self._changed:
            mode = self._mode
            if mode == "refuses":
                self._mode = "ok"
        found = {"silent": (0, b""), "garbage": (1, b""), "refuses": (400, b"no\n")}.get(mode)
        status, body = found or self.admit(request)
        self._seen(Push(request, status))
        if mode == "silent":
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._mode != "silent")
        return status, body

    def admit(self, request: Received) -> tuple[int, bytes]:
        """What the gateway behind it says."""
        headers = {k: v for k, v in request.headers.items() if k not in _HOP}
        backend = http.client.HTTPConnection(self._backend, timeout=BACKEND_S)
        try:
            backend.request(request.method, request.path, request.body, headers)
            response = backend.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 502, b"the gateway is gone\n"
        finally:
            backend.close()

    def _bind(self) -> int:
        # A port of our own choice: one that the kernel chose is given up by a shutdown.
        while True:
            port = free_port()
            try:
                self._listener.bind(("127.0.0.1", port))
            except OSError:  # somebody was faster
                continue
            return port

    def _begin(self, call: Callable[..., None], *arguments: object) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=call, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing or self._mode != "down")
                    if self._closing:
                        return
                continue
            with self._changed:
                if self._closing or self._mode == "down":
                    connection.close()
                    continue
                self._open.add(connection)
            self._begin(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            _Conversation(connection, self)
        except OSError:
            pass  # the client, or the end of the test, closed it
        finally:
            with self._changed:
                self._open.discard(connection)
            connection.close()

    def _cut(self) -> None:
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it had ended by itself


class _Conversation(BaseHTTPRequestHandler):
    """The requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"

    def __init__(self, connection: socket.socket, front: Front) -> None:
        self._front = front
        super().__init__(connection, ("127.0.0.1", 0), None)  # type: ignore[arg-type]

    def _take(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        status, said = self._front.answer(Received(self.command, self.path, headers, body))
        if status < 2:
            self.close_connection = True
            self.wfile.write(b"\x00\xff SSH-2.0 hello\r\n\r\n" * status)
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_PUT = do_POST = do_DELETE = do_GET = _take  # noqa: N815 - the names it looks for

    def log_message(self, *_: object) -> None:
        """Nothing: what came is kept."""
