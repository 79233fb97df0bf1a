"""A slow way to a gateway: forwards on loopback, and holds each answer back for a while."""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self


class Relay:
    """Forwards every connection to a loopback port; answers come `delay` seconds later.

    One request at a time on each connection, as HTTP/1.1 without pipelining has it.
    """

    def __init__(self, port: int) -> None:
        self.delay = 0.0
        self.most_at_once = 0  # requests that had come and were not answered
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._waiting: set[socket.socket] = set()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

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
        for sock in self._sockets:
            _end(sock)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                gateway = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [client, gateway]
            for way in (self._there, self._back):
                self._threads.append(threading.Thread(target=way, args=(client, gateway)))
                self._threads[-1].start()

    def _there(self, client: socket.socket, gateway: socket.socket) -> None:
        try:
            while data := client.recv(65536):
                self._note(client, True)
                gateway.sendall(data)
        except OSError:
            pass  # one side is gone
        self._note(client, False)
        _end(gateway)

    def _back(self, client: socket.socket, gateway: socket.socket) -> None:
        try:
            while data := gateway.recv(65536):
                self._closing.wait(self.delay)
                self._note(client, False)
                client.sendall(data)
        except OSError:
            pass  # one side is gone
        _end(client)

    def _note(self, client: socket.socket, waits: bool) -> None:
        with self._lock:
            self._waiting = self._waiting | {client} if waits else self._waiting - {client}
            self.most_at_once = max(self.most_at_once, len(self._waiting))


def _end(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it had ended by itself
    sock.close()
