"""What the sender hands to a sink, and what it gets back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Family:
    """One gauge family: samples are (labels, value)."""

    name: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request.

    `refused`: the destination read the body and says that it is wrong (400); sending it again
    is useless. Everything else that is not `ok` may be tried again, after `retry_after_s` where
    the destination named a time.
    """

    ok: bool
    refused: bool = False
    denied: bool = False  # 401, 403, a proxy's 407: trying often is useless, looks like an attack
    unsettled: bool = False  # not answered in time: it may still be served, after a later request
    problem: str = ""  # one line for a person, without any secret
    seconds: float = 0.0
    retry_after_s: float | None = None


class Sink(Protocol):
    """A destination. Called by one thread at a time, but for `abort`."""

    url: str  # where it goes, for a person; without any secret

    def replace(self, group: Mapping[str, str], families: Sequence[Family]) -> Outcome:
        """Make the group hold exactly these families."""

    def add(self, group: Mapping[str, str], families: Sequence[Family]) -> Outcome:
        """Replace these families in the group and leave its others."""

    def delete(self, group: Mapping[str, str]) -> Outcome:
        """Remove the whole group."""

    def abort(self) -> None:
        """End the request in flight, from any thread."""

    def close(self) -> None:
        """Let go of the connection."""

    def scrubbed(self, text: str) -> str:
        """The text without what is secret, whoever wrote it there."""
