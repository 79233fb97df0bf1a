"""What a run was told and what befell it, and so what may be found of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field

from reporter.names import State
from tests.faults.children.modelled import step_of

__all__ = ["DIED", "ENDS", "Attempt", "End", "Expected", "step_of"]

End = tuple[State, str]
DIED: End = (State.FAILED, "died")
RETURNED: End = (State.SUCCEEDED, "returned")
TERMINATED: End = (State.CANCELLED, "terminated")
ENDS: dict[str, End] = {
    "returned": RETURNED,
    "exception": (State.FAILED, "exception"),
    "exit-0": RETURNED,
    "exit-3": (State.FAILED, "exit_code"),
    "interrupt": (State.CANCELLED, "interrupt"),
    "os._exit": DIED,
    "finish": RETURNED,
    "fail": (State.FAILED, "asked"),
    "terminated": TERMINATED,
}


@dataclass
class Attempt:
    """One training process of the run."""

    reports: int = 0
    names: set[str] = field(default_factory=set)  # that it has reported
    late: int = 0  # made after its end
    said: End | None = None  # its end, once it told one itself
    ends: set[End] = field(default_factory=set)  # those that may be found
    sender_killed: bool = False
    disk_failed: bool = False  # at any time
    gateway_failed: bool = False  # at any time
    cut: bool = False  # trainer and sender may both be dead before all was recorded

    def say(self, way: str) -> None:
        """It told an end; only the first one counts."""
        if self.said is None:
            self.said = ENDS[way]
            self.ends = {self.said}

    def die(self, *ends: End) -> None:
        """It is killed; if it told its end before, that one holds."""
        if self.said is None:
            self.ends = set(ends or (DIED,))

    def may_have_died_first(self) -> None:
        """It is killed while it leaves."""
        self.ends.add(DIED)

    def lose_both(self) -> None:
        """Nobody is left to record what the sender had not taken, nor the end."""
        self.cut = True
        self.ends.add(DIED)


@dataclass
class Expected:
    """The run as its reports say, whatever befell it. Values are numbered in order."""

    keeps_points: bool
    metrics: dict[str, list[int]] = field(default_factory=dict)
    parameters: dict[str, list[int]] = field(default_factory=dict)
    # How much of each a flush, or an end, has made sure of.
    sure_metrics: dict[str, int] = field(default_factory=dict)
    sure_parameters: dict[str, int] = field(default_factory=dict)
    sure_losses: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    next_value: int = 1

    @property
    def attempt(self) -> Attempt:
        return self.attempts[-1]

    @property
    def cut(self) -> bool:
        return any(each.cut for each in self.attempts)

    @property
    def reports(self) -> int:
        return sum(each.reports for each in self.attempts)

    @property
    def late(self) -> int:
        return sum(each.late for each in self.attempts)

    @property
    def disk_failed(self) -> bool:
        return any(each.disk_failed for each in self.attempts)

    @property
    def sender_killed(self) -> bool:
        return any(each.sender_killed for each in self.attempts)

    @property
    def forgetful(self) -> bool:
        """A sender died while not all that it took was in the record: its successor cannot know."""
        return any(each.disk_failed and each.sender_killed for each in self.attempts)

    def report(self, metric: str, count: int) -> int:
        """Reports of a metric; the first of their values."""
        first = self.next_value
        self.next_value += count
        if self.attempt.said is None:
            self.attempt.reports += count
            self.attempt.names.add(metric)
            self.metrics.setdefault(metric, []).extend(range(first, first + count))
        else:
            self.attempt.late += count
        return first

    def report_bad(self, metric: str) -> bool:
        """A report of what is no number; whether it is refused, as the first under its name is."""
        if self.attempt.said is not None:
            self.attempt.late += 1
        elif metric in self.attempt.names:
            self.attempt.reports += 1
        else:
            return True
        return False

    def set_parameter(self, name: str) -> int:
        value = self.next_value
        self.next_value += 1
        if self.attempt.said is None:
            self.parameters.setdefault(name, []).append(value)
        else:
            self.attempt.late += 1  # it counts with the points that come after the end
        return value

    def be_sure(self, recorded: int) -> None:
        """All of it is recorded, whatever comes, but for what was dropped."""
        self.sure_metrics = {name: len(values) for name, values in self.metrics.items()}
        self.sure_parameters = {name: len(values) for name, values in self.parameters.items()}
        self.sure_losses = sum(self.sure_metrics.values()) - recorded
