"""What tests of integrations share: a script that trains, and what a real gateway shows of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from reporter.record.events import Event, EventReader
from reporter.record.load import RunRecord
from reporter.record.paths import RunPaths
from tests.runs import Group, Training

CHILDREN = Path(__file__).parent / "children"
LONGEST_S = 240  # frameworks take long to import on a busy machine

# Stands where a framework would be: absent, or of some version.
_IMPORTING = """
import sys, types
framework, version, integration = sys.argv[1:]
sys.modules[framework] = None
if version:
    sys.modules[framework] = types.ModuleType(framework)
    sys.modules[framework].__version__ = version
try:
    __import__("reporter_integrations." + integration)
except ImportError as error:
    sys.stdout.write(str(error))
"""


class Trained:
    """A script of children/ has ended well: what it wrote, and its runs by their names."""

    def __init__(self, script: str, folder: Path, gateway: str, *arguments: str) -> None:
        self.training = Training(folder, gateway)
        command = [sys.executable, "-W", "error", str(CHILDREN / script), *arguments]
        with self.training.started(command) as process:
            out, self.err = process.communicate(timeout=LONGEST_S)
        assert process.returncode == 0, self.err
        self.told: dict[str, Any] = json.loads(out.splitlines()[-1])
        self.records: dict[str, RunRecord] = {
            str(each.identity["name"]): each for each in self.training.records()
        }

    def group(self, name: str) -> Group:
        """What the gateway shows of a run."""
        return self.training.group(str(self.records[name].identity["id"]))

    def values(self, name: str, metric: str) -> list[float]:
        """All points of a metric of a run; empty where there are none."""
        points = self.records[name].points.get(metric)
        return [] if points is None else list(points.values)

    def steps(self, name: str, metric: str) -> list[int | None]:
        return list(self.records[name].points[metric].steps)

    def events(self, name: str, kind: str) -> list[Event]:
        """What the record of a run tells, of one kind."""
        with open(RunPaths.of_folder(self.records[name].folder).events, "rb") as file:
            return [event for event in EventReader(file) if event.kind == kind]


def refusal(folder: Path, framework: str, integration: str, version: str = "") -> str:
    """What importing an integration says where its framework is absent, or of this version."""
    command = [sys.executable, "-c", _IMPORTING, framework, version, integration]
    return Training(folder, mode="offline").run(command).out
