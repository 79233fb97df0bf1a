"""Owns one kept-alive HTTP connection, on which every request ends by its deadline."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from reporter.sinks.deadline import Budget, Lookup, Stream
from reporter.sinks.problems import NoAnswer, OutOfTime, problem_of
from reporter.sinks.route import Origin, Proxy, first_hop, proxy_authorization, proxy_for
from reporter.sinks.tls import Tls

ANSWER_LIMIT = 64 * 1024
CONNECT_TIMEOUT_S = 2.0


class Answer(NamedTuple):
    """What the server said; the body is cut at 64 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Request(NamedTuple):
    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]


class HttpClient:
    """Speaks with one server, by one thread at a time, but for `abort`.

    TLS is always verified. Proxies come from the environment, and loopback is never proxied, nor
    is who is asked directly. Redirects are answers like any other.
    """

    def __init__(
        self,
        url: str,
        *,
        ca_file: str = "",
        cert_file: str = "",
        key_file: str = "",
        direct: bool = False,
    ) -> None:
        self._origin = Origin.of(url)
        self._proxy = None if direct else proxy_for(self._origin)
        self._tls = Tls(ca_file, cert_file, key_file)
        self._lock = threading.Lock()
        self._budget: Budget | None = None
        self._lookup: Lookup | None = None
        self._sock: socket.socket | None = None
        self._stream: Stream | None = None
        self._reached: object = None  # the address that the last connection got through to
        self.connections = 0  # how many were opened so far

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        deadline_s: float,
    ) -> Answer:
        """The answer, or NoAnswer; sent twice if the server had closed the idle connection."""
        budget = Budget(deadline_s)
        with self._lock:
            self._budget = budget
        try:
            return self._exchange(_Request(method, path, body, headers), budget)
        except NoAnswer:
            self.close()
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            # Not chained: the text of a refused header value holds the credential.
            raise self._told(error, budget) from None
        finally:
            self._budget = None

    def abort(self) -> None:
        """End the request in flight, from any thread."""
        with self._lock:
            if not self._budget:
                return
            self._budget.aborted = True
            if self._lookup:
                self._lookup.wake()
            if self._sock:
                _shut(self._sock)

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        with self._lock:
            if self._sock:
                self._sock.close()
            self._sock = self._stream = None

    def _told(self, error: Exception, budget: Budget) -> NoAnswer:
        if budget.aborted:
            return OutOfTime("given up")
        way = f" (by way of the proxy {self._proxy.hostname})" if self._proxy else ""
        return NoAnswer(problem_of(error) + way)

    def _exchange(self, request: _Request, budget: Budget) -> Answer:
        if self._stream:
            try:
                return self._ask(request, self._stream, budget)
            except (OSError, http.client.HTTPException):
                budget.left()  # aborted or too late: do not begin again
        self.close()
        return self._ask(request, self._open(budget), budget)

    def _ask(self, request: _Request, stream: Stream, budget: Budget) -> Answer:
        stream.budget = budget
        path, headers = request.path, {"Host": self._origin.authority, **request.headers}
        if self._proxy and not self._origin.tls:
            path = f"http://{self._origin.authority}{path}"
            headers |= proxy_authorization(self._proxy)
        response = _send(stream, request._replace(path=path, headers=headers))
        body = response.read(ANSWER_LIMIT)
        if response.length and len(body) < ANSWER_LIMIT:
            raise http.client.IncompleteRead(body)
        if response.will_close or not response.isclosed():
            self.close()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, body)

    def _open(self, budget: Budget) -> Stream:
        self._connect(*first_hop(self._origin, self._proxy), budget)
        if self._origin.tls:
            if self._proxy:
                self._tunnel(self._proxy, budget)
            self._handshake(budget)
        self.connections += 1
        self._stream = Stream(self._held(), budget)
        return self._stream

    def _connect(self, host: str, port: int, budget: Budget) -> None:
        failure: OSError = OSError("the host has no address")
        found = self._addresses(host, port, budget)
        # Among several, a dead one costs its timeout once and not at every connection.
        found.sort(key=lambda each: each[4] != self._reached)
        for family, kind, protocol, _, address in found:
            try:
                sock = self._hold(socket.socket(family, kind, protocol), budget)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(min(CONNECT_TIMEOUT_S, budget.left()))
                sock.connect(address)
                self._reached = address
                return
            except TimeoutError:
                failure = TimeoutError(f"no connection within {CONNECT_TIMEOUT_S:g} s")
            except OSError as error:
                failure = error
            self.close()
            budget.left()
        raise failure

    def _addresses(self, host: str, port: int, budget: Budget) -> list[tuple[Any, ...]]:
        try:
            return socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        except OSError:  # a name
            lookup = self._lookup or Lookup(host, port)
        # A lookup that hangs is kept for the next request: there is never more than one.
        self._lookup = lookup
        lookup.wait(budget)
        self._lookup = None
        return lookup.addresses()

    def _tunnel(self, proxy: Proxy, budget: Budget) -> None:
        authority = self._origin.authority
        headers = {"Host": authority, **proxy_authorization(proxy)}
        stream = Stream(self._held(), budget)
        status = _send(stream, _Request("CONNECT", authority, None, headers)).status
        if status == http.client.PROXY_AUTHENTICATION_REQUIRED:
            raise NoAnswer("the proxy wants a user and password (407)", denied=True)
        if status != http.client.OK:
            raise NoAnswer(f"the proxy does not connect to the gateway (it answered {status})")

    def _handshake(self, budget: Budget) -> None:
        secure = self._tls.wrap(self._held(), self._origin.host)
        self._hold(secure, budget).settimeout(budget.left())
        secure.do_handshake()

    def _hold(self, sock: socket.socket, budget: Budget) -> socket.socket:
        """From here on `abort` can end what waits for this socket."""
        with self._lock:
            self._sock = sock
        budget.left()
        return sock

    def _held(self) -> socket.socket:
        if not self._sock:
            raise OutOfTime("given up")
        return self._sock


def _send(stream: Stream, request: _Request) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("")
    connection.sock = cast("socket.socket", stream)
    try:
        connection.request(*request)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        pass  # whoever refuses a body, or a certificate, early may have said why
    return connection.getresponse()


def _shut(sock: socket.socket) -> None:
    try:
        # Not sock.shutdown: on a TLS socket that would take the state from under its reader.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass  # not connected yet, or no longer
