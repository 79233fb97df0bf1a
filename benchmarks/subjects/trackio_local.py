"""Trackio, local: a thread writes rows to SQLite."""

from __future__ import annotations

import io
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, redirect_stdout
from pathlib import Path

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "DO_NOT_TRACK": "1",
    "TRACKIO_DIR": str(Path("trackio").absolute()),  # read at import; each probe has its folder
}

import trackio
from subject import Place, Subject


class TrackioLocal(Subject):
    label = "trackio"
    note = "local"
    packages = ("trackio",)
    calls = 300

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        with redirect_stdout(io.StringIO()):
            self._run = trackio.init(
                "benchmarks", embed=False, auto_log_cpu=False, auto_log_gpu=False
            )

    def report(self, name: str, value: float) -> None:
        self._run.log({name: value})

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:
        self._run.log(dict(pairs), step=step)

    def leave(self) -> None:
        with redirect_stdout(io.StringIO()):
            self._run.finish()

    @classmethod
    def arrived(cls, place: Place) -> int:
        """A row is a call."""
        found = 0
        for file in Path(place.folder).glob("trackio/*.db"):
            with closing(sqlite3.connect(file)) as base:
                found += int(base.execute("select count(*) from metrics").fetchone()[0])
        return found


SUBJECT = TrackioLocal
