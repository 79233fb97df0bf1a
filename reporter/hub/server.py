"""Serves the hub on one socket until it is told to stop."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.middleware.trustedhost import TrustedHostMiddleware

from reporter.hub.gateway import create_gateway

# Connections that are busy then are cut: leaving takes less than two seconds.
GRACE_S = 1
BACKLOG = 1024
KEEP_ALIVE_S = 75  # runs push every few seconds: a connection for each push would cost more

# `[` is what Starlette before 1.0 makes of a bracketed address.
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1", "[")


class _Server(uvicorn.Server):
    """uvicorn, that says when it listens, and returns when a signal stops it."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (uvicorn's)
        # uvicorn's own would raise the signal again once it has stopped.
        self.should_exit = True


def serve(
    host: str = "127.0.0.1", port: int = 9091, *, announce: Callable[[str], None] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; call `announce(url)` once requests are answered.

    Port 0 takes any free port. Raises OSError, saying what to do, where the port is taken.
    """
    listener = _bind(host, port)
    with listener:
        url = _url(listener)
        # Who listens for other machines is called by names that only they know.
        hosts = [*_LOCAL_HOSTS, host] if _is_loopback(listener) else ["*"]
        app = TrustedHostMiddleware(create_gateway(), allowed_hosts=hosts, www_redirect=False)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        _Server(config, lambda: announce(url) if announce else None).run(sockets=[listener])


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            # Now, and not when the application is up: who comes early waits instead of failing.
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise OSError(error.errno, _advice(error, host, port)) from error
    return listener


def _advice(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: stop what listens there, or choose another port"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed to this user: choose one above 1023"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
