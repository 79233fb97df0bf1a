"""Owns how a failure on the way is told: one line for a person, without any secret."""

from __future__ import annotations

import http.client
import socket
import ssl


class NoAnswer(Exception):
    """There is no usable answer. The text is one line for a person, without any secret."""

    def __init__(self, problem: str, *, denied: bool = False) -> None:
        super().__init__(problem)
        self.denied = denied  # someone on the way said no: trying often is useless


class OutOfTime(NoAnswer):
    """Time was over, or somebody aborted: the server may still have the request, and serve it."""


_PROBLEMS: tuple[tuple[type[Exception], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (http.client.RemoteDisconnected, "the connection was closed without an answer"),
    (ConnectionError, "the connection broke"),
    (http.client.IncompleteRead, "the answer was cut short"),
    (http.client.InvalidURL, "the path cannot be sent"),
    (http.client.HTTPException, "the answer is not HTTP"),
    (UnicodeError, "the host name is not valid"),
)


def problem_of(error: Exception) -> str:
    """What a person reads about this error of the network."""
    if isinstance(error, ssl.SSLError):
        return _tls_problem(error)
    if isinstance(error, socket.gaierror):
        return f"host name lookup failed: {reason_of(error)}"
    for kind, problem in _PROBLEMS:
        if isinstance(error, kind):
            return problem
    if isinstance(error, TimeoutError):
        return str(error) if error.errno is None else "no connection: timed out on the way"
    return reason_of(error) if isinstance(error, OSError) else "the request cannot be sent"


def _tls_problem(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not trusted: {error.verify_message}"
    reason = error.reason or "connection broke"
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return "the gateway does not speak TLS here: is it http:// rather than https://?"
    if any(word in reason for word in ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA")):
        return "the gateway wants a client certificate that it trusts"
    return f"TLS failed: {reason.lower().replace('_', ' ')}"


def reason_of(error: Exception) -> str:
    """The short cause alone."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not a certificate").lower().replace("_", " ")
    text = error.strerror if isinstance(error, OSError) else ""
    return (text or str(error) or type(error).__name__).lower()
