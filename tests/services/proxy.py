"""A forwarding proxy on loopback that resolves one made-up host name."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Forwards to a loopback port whatever host is asked for, by CONNECT and by absolute URL.

    With `login` (the whole Proxy-Authorization value) it answers 407 to everyone else.
    """

    def __init__(self, port: int, login: str = "") -> None:
        self._target = ("127.0.0.1", port)
        self._login = login
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self.asked: list[str] = []  # the request lines

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _end(self._listener)
        self._threads[0].join()
        for sock in self._sockets:
            _end(sock)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._begin(self._serve, client)

    def _begin(self, *call: object) -> None:
        self._threads.append(threading.Thread(target=call[0], args=call[1:]))  # type: ignore[arg-type]
        self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):  # byte by byte: the body is not for us
            byte = client.recv(1)
            if not byte:
                return
            head += byte
        line, _, rest = head.decode("latin-1").partition("\r\n")
        self.asked.append(line)
        if self._login and f"Proxy-Authorization: {self._login}\r\n" not in rest:
            client.sendall(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            _end(client)
            return
        gateway = socket.create_connection(self._target)
        self._sockets.append(gateway)
        method, url, version = line.split()
        if method == "CONNECT":
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            gateway.sendall(f"{method} {urlsplit(url).path} {version}\r\n{rest}".encode("latin-1"))
        self._begin(_pump, gateway, client)
        _pump(client, gateway)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass  # one side is gone
    _end(source)
    _end(sink)


def _end(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it had ended by itself
    sock.close()
