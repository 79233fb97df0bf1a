"""A gateway that misbehaves on purpose, on loopback."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple, Self


class Received(NamedTuple):
    """One request as it came; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """One scripted answer of the mode `status`."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Misbehaving:
    """Reads each request, keeps it in `requests`, then does what `mode` says.

    silent: never answers. drip: one byte of a header every 0.2 s. endless: a body without end.
    garbage: not HTTP. reset: RST amid the answer. short: closes amid the answer.
    hangup: answers, then closes unannounced.
    status: the scripted answers one after another, the last one for ever.
    """

    def __init__(self, mode: str = "silent", answers: Sequence[tuple[object, ...]] = ()) -> None:
        self.mode = mode
        self.answers = list(answers)
        self.requests: list[Received] = []
        self.arrived = threading.Event()  # a connection was accepted
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def accepted(self) -> int:
        """How many connections there were."""
        return len(self._connections)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        _end(self._listener)
        self._threads[0].join()
        for connection in self._connections:
            _end(connection)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()
            self.arrived.set()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as reader:
                while request := _read(reader.readline, reader.read):
                    self.requests.append(request)
                    getattr(self, "_" + self.mode)(connection)
                if self.mode == "silent":  # towards what is no HTTP request (TLS), too
                    self._closing.wait()
        except (OSError, ValueError):
            pass  # the client, or the end of the test, closed it

    def _silent(self, _: socket.socket) -> None:
        self._closing.wait()

    def _drip(self, connection: socket.socket) -> None:
        answer = b"HTTP/1.1 200 OK\r\nX-Drip: "
        while not self._closing.wait(0.2):
            connection.sendall(answer[:1] or b"x")
            answer = answer[1:]

    def _endless(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 503 Busy\r\n\r\n")
        while not self._closing.is_set():
            connection.sendall(b"x" * 4096)

    def _garbage(self, connection: socket.socket) -> None:
        connection.sendall(b"\x00\xff SSH-2.0 hello\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    def _reset(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        raise ConnectionResetError

    def _short(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_RDWR)

    def _hangup(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)

    def _status(self, connection: socket.socket) -> None:
        reply = Reply(*(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]))  # type: ignore[arg-type]
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{k}: {v}" for k, v in headers.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + reply.body)


@contextmanager
def black_hole(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port whose backlog is full: connecting to it neither works nor fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    fillers = []
    with socket.create_server((host, port), family=family, backlog=0) as server:
        waiting = True
        while waiting:
            filler = socket.socket(family)
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
            fillers.append(filler)
            waiting = bool(select.select([], [filler], [], 0.2)[1])
        yield int(server.getsockname()[1])
    for filler in fillers:
        filler.close()


def _read(line: Callable[[], bytes], take: Callable[[int], bytes]) -> Received | None:
    first = line().decode("latin-1").split()
    if len(first) != 3:
        return None
    headers: dict[str, str] = {}
    while header := line().decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = take(int(headers.get("content-length", 0)))
    return Received(first[0], first[1], headers, body)


def _end(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it had ended by itself
    sock.close()
