"""Decides who a run is when its Reporter is entered, and writes the sender's brief."""

from __future__ import annotations

import os
import sys
import time

from reporter.names import GROUP_LABELS, JOB
from reporter.record.hold import RecordHeld, close_file, hold, release
from reporter.record.paths import RunPaths
from reporter.reporter.above import run_above
from reporter.reporter.notices import say
from reporter.run import __version__, wrapper
from reporter.run.cluster import kubernetes
from reporter.run.identity import (
    is_copy,
    local_rank_of,
    new_name,
    new_run_id,
    rank_of,
    shared_run_id,
    world_size_of,
)
from reporter.sender.process import import_path
from reporter.settings.local_hub import start_ticks

TYPE_CHECKING = False  # importing typing costs milliseconds; type checkers know the name
if TYPE_CHECKING:
    from typing import Any

    from reporter.settings import Settings

# Whoever has the record may be about to leave it: the attempt before this one, that was stopped
# just now, or a `reporter run` on another machine that steps back.
_HELD_FOR_GOOD = 2.0

_opened = 0  # Reporters of this process: two runs of one launch are two runs on every rank


class Opening:
    """The identity of one run and rank, and what its sender must know."""

    def __init__(self, settings: Settings) -> None:
        global _opened  # noqa: PLW0603 - a count of this process, and of nothing else
        _opened += 1
        environment = os.environ
        self.rank = rank_of(environment) if settings.rank is None else settings.rank
        self.events: int | None = None
        # Of a `reporter run` above us, which showed it as running until now.
        self._taken = wrapper.take_run(environment, self.rank, _gateway_of(settings)) or {}
        self.name = settings.name or self._taken.get("name") or new_name()
        self._nth = _opened
        self.run_id = self._agree_on_id(settings, self._shared_id())
        self.brief = self._brief(settings)

    @property
    def taken_over(self) -> bool:
        """Whether a `reporter run` above us had this run before."""
        return bool(self._taken)

    def release(self) -> None:
        """Give the record up again: this run has come to nothing."""
        if self.events is not None:
            release(self.events)
            close_file(self.events)

    def _shared_id(self) -> str | None:
        environment = os.environ
        # The first copy may have opened its run before it knew that there would be others.
        above = run_above(self._nth) if is_copy(environment) else None
        return above or shared_run_id(environment, self._nth)

    def _agree_on_id(self, settings: Settings, shared: str | None) -> str:
        wanted = settings.run or shared
        if wanted is None and self._taken:
            wanted = str(self._taken["id"])
        if wanted is None:
            if world_size_of(os.environ) > 1:
                say("this launcher gives its ranks no common id; they will show as separate runs."
                    " Set REPORTER_RUN to the same text on every rank")  # fmt: skip
            return new_run_id()
        try:
            paths = RunPaths(settings.dir, settings.project, wanted, self.rank)
            self.events = hold(paths, within=_HELD_FOR_GOOD)
        except RecordHeld:
            fresh = new_run_id()
            say(f"run {wanted} is held by another process; this one is run {fresh}")
            return fresh
        except OSError:  # where the record cannot be, the sender will say
            pass
        return wanted

    def _brief(self, settings: Settings) -> dict[str, Any]:
        return {
            "settings": settings.values(),
            "run": self._identity(settings),
            "facts": self._facts(settings),
            "argv": list(getattr(sys, "orig_argv", sys.argv)),
            "cwd": _working_folder(),
            "import_path": import_path(),
            "wrapper": os.environ.get(wrapper.VARIABLE, ""),
            "supersedes": self._taken.get("group"),
            "nth": self._nth,
        }

    def _identity(self, settings: Settings) -> dict[str, Any]:
        environment = os.environ
        pod = environment.get("podUUID") or environment.get("POD_UID") or self.run_id
        group = (JOB, pod, self.run_id, str(self.rank))
        return {
            "id": self.run_id,
            "rank": self.rank,
            "local_rank": local_rank_of(environment),
            "world_size": world_size_of(environment),
            "name": self.name,
            "started": time.time(),
            "token": self._token(settings),
            "group": dict(zip(GROUP_LABELS, group, strict=True)),
            "pid": os.getpid(),
            "pid_started": start_ticks(os.getpid()),
        }

    def _facts(self, settings: Settings) -> dict[str, str]:
        """What the gateway shows of the run, as far as it is known at once."""
        pod = kubernetes(os.environ)
        return {
            "project": settings.project,
            "run_name": self.name,
            "host": os.uname().nodename,
            "pod": pod.get("pod", ""),
            "namespace": pod.get("namespace", ""),
            "node": pod.get("node", ""),
            "git_commit": "",
            "framework": "",
            "version": __version__,
        }

    def _token(self, settings: Settings) -> str:
        """What tells this attempt from the others: that of a run taken over stays the same."""
        taken, here = self._taken, (self.run_id, settings.project, settings.dir)
        if taken and here == (taken["id"], taken["project"], taken["dir"]):
            return str(taken["token"])
        return os.urandom(8).hex()


def _gateway_of(settings: Settings) -> str | None:
    return settings.gateway if settings.mode == "online" else None


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return "/"
