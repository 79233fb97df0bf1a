"""The hot path as the interpreter sees it: nothing between claim and commit may be interrupted."""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator

import pytest

from reporter.board.layout import Memory
from reporter.board.ring import Ring

CLAIM, COMMIT = "FOR_ITER", "STORE_SUBSCR"
# CPython switches threads and runs signal handlers after calls, at backward jumps and on entry.
SWITCHES = ("CALL", "JUMP_BACKWARD", "RESUME", "SEND", "YIELD", "LOAD_ATTR", "LOAD_METHOD")


def hot_stretches(call: Callable[..., None]) -> list[list[str]]:
    """The instructions of each stretch from a claim to the last store before its return."""
    found: list[list[str]] = []
    open_stretch: list[str] | None = None
    for instruction in dis.get_instructions(call, adaptive=False):
        if instruction.opname.startswith(CLAIM):
            open_stretch = []
        elif open_stretch is not None and instruction.opname.startswith("RETURN"):
            last = max(k for k, name in enumerate(open_stretch) if name.startswith(COMMIT))
            found.append(open_stretch[: last + 1])
            open_stretch = None
        elif open_stretch is not None:
            open_stretch.append(instruction.opname)
    return found


def assert_never_interrupted(call: Callable[..., None]) -> None:
    plain, stepped = hot_stretches(call)
    assert [s.count(COMMIT) for s in (plain, stepped)] == [2, 3]
    for name in plain + stepped:
        assert not name.startswith(SWITCHES), f"{name} between claim and commit"


@pytest.mark.parametrize("kind", ["report_metric", "handle"])
def test_nothing_runs_between_claim_and_commit(memory: Memory, kind: str) -> None:
    """No call and no backward jump: no thread and no signal handler comes between."""
    ring = Ring(memory)
    assert_never_interrupted(ring.report_metric if kind == "report_metric" else ring.metric("m"))


def test_a_call_in_between_would_be_seen() -> None:
    """The check itself: a loop that calls between its stores does not pass."""
    lease: Iterator[int] = iter(())
    values: dict[int, float] = {}
    tags: dict[int, int] = {}

    def report(value: float, step: int | None = None) -> None:
        if step is None:
            for i in lease:
                values[i] = float(value)
                tags[i] = 1
                return
        for i in lease:
            values[i] = value
            values[i] = value
            tags[i] = 1
            return

    with pytest.raises(AssertionError, match="between claim and commit"):
        assert_never_interrupted(report)
