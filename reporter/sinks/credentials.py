"""Owns the Authorization header: made from files that may be rotated, and never shown."""

from __future__ import annotations

import base64

from reporter.sinks.problems import NoAnswer, reason_of
from reporter.sinks.tls import stamp

_FILE_LIMIT = 64 * 1024


class Credentials:
    """A bearer token, or a user and password; read again when the file changes."""

    def __init__(self, username: str, password_file: str, token_file: str) -> None:
        self._username = username
        self._file = token_file or password_file
        self._bearer = bool(token_file)
        self._stamp: object = None
        self._secret = ""

    def headers(self) -> dict[str, str]:
        """The header for the next request; NoAnswer if the file is of no use."""
        if not self._file and not self._username:
            return {}
        now = stamp(self._file)
        if self._file and (now is None or now != self._stamp):
            self._secret, self._stamp = _read(self._file), now
        return {"Authorization": self._scheme()}

    def forget(self) -> None:
        """The server refused what was read: read it again."""
        self._stamp = None

    def scrubbed(self, text: str) -> str:
        """The text without what is secret, should a server have echoed it."""
        for secret in (self._scheme().partition(" ")[2], self._secret):
            text = text.replace(secret, "…") if secret else text
        return text

    def _scheme(self) -> str:
        if self._bearer:
            return f"Bearer {self._secret}"
        pair = f"{self._username}:{self._secret}".encode("utf-8", "replace")
        return "Basic " + base64.b64encode(pair).decode()


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            secret = file.read(_FILE_LIMIT).decode().strip()
    except (OSError, UnicodeError) as error:
        raise NoAnswer(f"cannot read the credential in {path}: {_cause(error)}") from None
    if not secret or not secret.isprintable():
        raise NoAnswer(f"the credential in {path} is empty or not one line of text")
    return secret


def _cause(error: OSError | UnicodeError) -> str:
    return reason_of(error) if isinstance(error, OSError) else "not UTF-8 text"
