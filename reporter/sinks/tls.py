"""Owns the TLS settings of a connection, and the files behind them."""

from __future__ import annotations

import os
import socket
import ssl

from reporter.sinks.problems import NoAnswer, reason_of


class Tls:
    """Makes sockets secure; reads its files again once they change."""

    def __init__(self, ca_file: str, cert_file: str, key_file: str) -> None:
        self._files = ca_file, cert_file, key_file
        self._read: tuple[object, ...] = ()
        self._context: ssl.SSLContext | None = None

    def wrap(self, sock: socket.socket, host: str) -> ssl.SSLSocket:
        now = tuple(stamp(path) for path in self._files if path)
        if not self._context or now != self._read:
            self._context, self._read = self._load(), now
        return self._context.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)

    def _load(self) -> ssl.SSLContext:
        ca_file, cert_file, key_file = self._files
        try:
            context = ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ValueError) as error:
            raise NoAnswer(f"CA file {ca_file} is not usable: {reason_of(error)}") from None
        try:
            if cert_file:  # the empty password keeps OpenSSL from asking a terminal for one
                context.load_cert_chain(cert_file, key_file or None, password="")
        except (OSError, ValueError) as error:
            problem = f"certificate {cert_file} or its key is not usable: {reason_of(error)}"
            raise NoAnswer(problem) from None
        return context


def stamp(path: str) -> tuple[int, int, int] | None:
    """Changes when the file does; None when it cannot be seen."""
    try:
        seen = os.stat(path)
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_ino, seen.st_size
