"""Asks a metadata server: directly, briefly, and believing nothing that does not look like it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from reporter.sinks.deadline import Budget
from reporter.sinks.http import ANSWER_LIMIT, Answer, HttpClient
from reporter.sinks.problems import NoAnswer, OutOfTime

_EACH_S = 1.0
_ALL_S = 3.0
_OK = 200
_WORD = re.compile(r"[\w.:/+=-]{1,256}", re.ASCII)


class MetadataServer:
    """The one behind a URL, for as long as its time lasts. Whatever goes wrong is NoAnswer."""

    def __init__(self, url: str) -> None:
        self._prefix = urlsplit(url).path.rstrip("/")
        self._client = HttpClient(url, direct=True)
        self._left = Budget(_ALL_S)

    def ask(self, path: str, headers: Mapping[str, str], method: str = "GET") -> Answer:
        """The answer to this. A page that is anything but the thing asked for is none."""
        deadline = min(_EACH_S, self._left.left())
        began = monotonic()
        try:
            answer = self._client.request(method, self._prefix + path, None, headers, deadline)
        except NoAnswer:
            if monotonic() - began < deadline:
                raise
            raise OutOfTime(f"no answer within {deadline:g} s") from None
        if answer.status != _OK:
            raise NoAnswer(f"it answered {answer.status}")
        if len(answer.body) >= ANSWER_LIMIT:
            raise NoAnswer("it answered more than anybody asked for")
        return answer

    def fields(self, path: str, headers: Mapping[str, str]) -> Mapping[str, Any]:
        """The object of JSON that it answers."""
        try:
            found = json.loads(self.ask(path, headers).body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise NoAnswer("it answered no object")
        return found

    def close(self) -> None:
        self._client.close()


def word(found: object) -> str:
    """What is short and plain enough to be a name of something; else nothing."""
    text = found.decode("ascii", "replace").strip() if isinstance(found, bytes) else found
    return text if isinstance(text, str) and _WORD.fullmatch(text) else ""
