"""The preview: Grafana's own components draw the dashboards, from a real Prometheus, in Chromium.

python -m tests.grafana.preview            # shows them at an address, until Ctrl-C
python -m tests.grafana.preview pictures   # renews grafana/pictures/
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.grafana.played import RUNS, write_history
from tests.services.programs import Program, Prometheus, find_program, free_port

GRAFANA = Path(__file__).resolve().parents[2] / "grafana"
DASHBOARDS, PICTURES = GRAFANA / "dashboards", GRAFANA / "pictures"
PREVIEW = GRAFANA / "preview"
THEMES = ("light", "dark")
RANGE = {"from": "now-3h", "to": "now"}

_SCRAPE = "15s"
_LONGEST_S = 400  # of `npm ci` without a cache, on a busy machine
_TOP = 1900  # of a picture for people: what is below is told by its first panels


class View(NamedTuple):
    """A dashboard as somebody looks at it."""

    dashboard: str
    theme: str = "dark"
    run: str = ""
    opened: bool = False  # the rows that are closed at first, too
    picture: Path | None = None

    def as_told(self) -> dict[str, Any]:
        """As shot.mjs wants it."""
        parameters = {**RANGE, "scrape": _SCRAPE, **({"open": "1"} if self.opened else {})}
        told: dict[str, Any] = {"dashboard": self.dashboard, "theme": self.theme}
        told |= {"parameters": parameters, "variables": {"run": self.run} if self.run else {}}
        return told | ({"picture": str(self.picture), "most": _TOP} if self.picture else {})


class Panel(NamedTuple):
    """What a panel says."""

    title: str
    type: str
    shown: bool
    empty: bool
    text: str


class Seen(NamedTuple):
    """What became of a view."""

    errors: list[str]
    panels: list[Panel]
    links: list[str]
    background: list[int]  # red, green, blue

    def panel(self, title: str) -> Panel:
        (found,) = (panel for panel in self.panels if panel.title == title)
        return found


class Server(Program):
    """serve.mjs in front of a Prometheus."""

    def __init__(
        self, folder: Path, prometheus: str, dashboards: Path = DASHBOARDS, port: int = 0
    ) -> None:
        port = port or free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.prometheus = prometheus
        command = [find_program("node"), str(PREVIEW / "serve.mjs"), f"--prometheus={prometheus}"]
        command += [f"--port={port}", f"--dashboards={dashboards}"]
        super().__init__(command, folder / "serve.log", self.url + "/page.css")


def build() -> None:
    """Install what the lock names, unless that is there, and bundle the page."""
    npm, node = find_program("npm"), find_program("node")
    lock = hashlib.sha256((PREVIEW / "package-lock.json").read_bytes()).hexdigest()
    installed = PREVIEW / "node_modules" / ".installed"
    if not installed.exists() or installed.read_text() != lock:
        _run([npm, "ci"])
        installed.write_text(lock)
    _run([node, "build.mjs"])


def look(server: str, views: Sequence[View]) -> list[Seen]:
    """Open the views, one browser for all of them."""
    given = json.dumps([view.as_told() for view in views])
    environment = {**os.environ, "CHROMIUM": find_program("chromium")}
    told = _run([find_program("node"), "shot.mjs", server], given, environment)
    return [_seen(report) for report in json.loads(told)]


def _seen(report: dict[str, Any]) -> Seen:
    panels = [Panel(*(panel[name] for name in Panel._fields)) for panel in report["panels"]]
    return Seen(report["errors"], panels, report["links"], report["background"])


def _run(command: list[str], given: str = "", environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=PREVIEW,
        input=given,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


@contextmanager
def played(folder: Path, port: int = 0) -> Iterator[Server]:
    """The dashboards in front of a Prometheus that has seen the runs for hours."""
    write_history(folder / "tsdb", time.time())
    with ExitStack() as stack:
        yield _served(stack, folder, port)


@contextmanager
def empty(folder: Path) -> Iterator[Server]:
    """The dashboards in front of a Prometheus that has never seen a run."""
    with ExitStack() as stack:
        yield _served(stack, folder)


def _served(stack: ExitStack, folder: Path, port: int = 0) -> Server:
    prometheus = Prometheus(folder, [], honor_labels=True, interval=_SCRAPE)
    server = Server(folder, prometheus.url, port=port)
    for program in (prometheus, server):
        stack.callback(program.stop)
        program.start()
    return server


def take_pictures(server: str) -> int:
    """The pictures of the README. How many of them are not as they should be."""
    PICTURES.mkdir(exist_ok=True)
    shown = {"runs": "", "run": RUNS["running"], "compare": ""}
    views = [
        View(f"reporter-{name}", theme, run, picture=PICTURES / f"{name}-{theme}.png")
        for name, run in shown.items()
        for theme in THEMES
    ]
    pages = look(server, views)
    for view, page in zip(views, pages, strict=True):
        sys.stdout.write(f"{view.picture}: {page.errors or 'taken'}\n")
    return sum(bool(page.errors) for page in pages)


def _addresses(server: str) -> str:
    asked = "&".join(f"{name}={value}" for name, value in RANGE.items())
    names = sorted(path.stem for path in DASHBOARDS.glob("*.json"))
    return "\n".join(
        f"{server}/d/{name}?theme={theme}&{asked}" for name in names for theme in THEMES
    )


def main(arguments: list[str]) -> int:
    """Show the dashboards, or take their pictures. Returns the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    build()
    port = 0 if arguments else 8300
    with tempfile.TemporaryDirectory() as folder, played(Path(folder), port) as server:
        if arguments == ["pictures"]:
            return take_pictures(server.url)
        sys.stdout.write(_addresses(server.url) + "\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
