"""DVCLive without its experiments: a line in a file for each report, a summary at each step."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

os.environ |= {"DVC_NO_ANALYTICS": "true", "ITERATIVE_DO_NOT_TRACK": "true", "DO_NOT_TRACK": "true"}

from dvclive import Live
from subject import Place, Subject


class DvcliveFiles(Subject):
    label = "dvclive"
    packages = ("dvclive",)
    calls = 300

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._live = Live(str(Path(place.folder, "live")), save_dvc_exp=False, dvcyaml=None)

    def report(self, name: str, value: float) -> None:
        self._live.log_metric(name, value)

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:
        self._live.step = step
        for name, value in pairs:
            self._live.log_metric(name, value)
        self._live.next_step()

    def settle(self, limit: float = 0) -> bool:  # noqa: ARG002
        return True

    def leave(self) -> None:
        self._live.end()

    @classmethod
    def arrived(cls, place: Place) -> int:
        """A line of a metric's file is a report; the first one names the columns."""
        files = Path(place.folder).glob("live/plots/metrics/**/*.tsv")
        return sum(len(file.read_bytes().splitlines()) - 1 for file in files)


SUBJECT = DvcliveFiles
