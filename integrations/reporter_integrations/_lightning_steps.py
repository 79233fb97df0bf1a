"""Which step of its run a step of a Trainer is: each new Trainer counts from 0, a run goes on."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from reporter.reporter.scope import Reporter


class RunSteps:
    """What the Trainers of one run share."""

    __slots__ = ("__weakref__", "done", "offset")

    def __init__(self) -> None:
        self.done = 0  # by all of them
        self.offset = 0  # what the steps of the one that goes on are behind those of the run

    def begin(self, own: int) -> int:
        """A Trainer is at this step of its own: one that is resumed may be further than the run."""
        self.offset = max(0, self.done - own)
        return self.offset

    def reach(self, done: int) -> None:
        """So many steps of the run are done: never fewer than were before."""
        self.done = max(self.done, done)


_of_runs: WeakKeyDictionary[Reporter, RunSteps] = WeakKeyDictionary()


def steps_of(reporter: Reporter) -> RunSteps:
    return _of_runs.setdefault(reporter, RunSteps())


def offset_of(reporter: Reporter) -> int:
    """For who is no Trainer; 0 where none goes on."""
    known = _of_runs.get(reporter)
    return 0 if known is None else known.offset
