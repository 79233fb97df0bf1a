"""`reporter grafana`: dashboards and rules, as files for whatever looks after Grafana."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import typer

from reporter.cli.bundle import Bundle, Kind, Wishes, bundle
from reporter.cli.screen import complain
from reporter.settings.parse import Wrong, interval

_PREFIX = re.compile(r"(?:[a-z0-9][a-z0-9-]{0,23})?")  # Grafana's limit is 40, of which 16 are ours
_FEW = 3

_NEXT = {
    Kind.RAW: "Grafana: Dashboards, New, Import, one file of dashboards/ after the other."
    "\n  Prometheus: name rules/reporter-alerts.yaml under rule_files.",
    Kind.PROVISIONING: "copy provisioning/ to /etc/grafana/provisioning and dashboards/ to"
    "\n  /var/lib/grafana/dashboards/reporter. Leave provisioning/datasources out where Grafana has"
    "\n  its Prometheus.",
    Kind.COMPOSE: "docker compose -f {folder}/compose/compose.yaml up -d"
    "\n  Then set REPORTER_GATEWAY=http://127.0.0.1:9091 and open http://127.0.0.1:3000.",
    Kind.CONFIGMAP: "kubectl apply -n monitoring -f {folder}"
    "\n  With the Prometheus operator: kubectl apply -n monitoring -f {folder}/monitoring",
    Kind.OPERATOR: "kubectl apply -n monitoring -f {folder}"
    "\n  With the Prometheus operator: kubectl apply -n monitoring -f {folder}/monitoring",
}

grafana = typer.Typer(
    help="Dashboards and alert rules, as files for Grafana and Prometheus.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@grafana.callback()
def _grafana() -> None:
    """Alone, one command would lose its name."""


_DIR = typer.Argument(metavar="DIR", help="Where to write; made if it is not there.")
_TO = typer.Option(
    ...,
    "--to",
    help="raw: JSON to import by hand, and rules. provisioning: for Grafana's own folders."
    " configmap: for the sidecar of Grafana's Helm chart. compose: Pushgateway, Prometheus and"
    " Grafana in containers. operator: for the Grafana operator.",
)
_PREFIXED = typer.Option(
    "", help="Put before UIDs and file names and in all links, for a second copy in a Grafana."
)
_SCRAPED = typer.Option(None, help="How often Prometheus scrapes, such as 30s; 15s if not given.")
_PUSHED = typer.Option(
    None, help="How often runs push (REPORTER_INTERVAL), where that is more than a scrape."
)
_FORCE = typer.Option(
    False, "--force", help="Write over what is in DIR; other files there stay as they are."
)


@grafana.command(epilog="Example: reporter grafana export --to provisioning ./grafana")
def export(
    folder: Path = _DIR,
    kind: Kind = _TO,
    uid_prefix: str = _PREFIXED,
    scrape_interval: str = _SCRAPED,
    push_interval: str = _PUSHED,
    force: bool = _FORCE,
) -> None:
    """Write the dashboards and rules, ready for one way into Grafana."""
    wishes = _wishes(uid_prefix, scrape_interval, push_interval)
    try:
        found = bundle(kind, wishes)
    except OSError as problem:
        complain(f"{problem.filename}: {problem.strerror}")
        raise typer.Exit(1) from None
    try:
        _check(folder, force)
        _write(folder, found)
    except OSError as problem:
        where = problem.filename or folder
        complain(f"{where}: {problem.strerror}: name a folder that you may write to")
        raise typer.Exit(1) from None
    for name in sorted(found):
        typer.echo(folder / name)
    typer.echo(f"Next: {_NEXT[kind].format(folder=shlex.quote(str(folder)))}")


def _wishes(uid_prefix: str, scrape_interval: str | None, push_interval: str | None) -> Wishes:
    if not _PREFIX.fullmatch(uid_prefix):
        problem = "must be at most 24 of a-z, 0-9 and -, and not begin with -: team-a-"
        raise typer.BadParameter(problem, param_hint="--uid-prefix")
    scrape_s = _seconds("--scrape-interval", scrape_interval)
    return Wishes(uid_prefix, scrape_s, _seconds("--push-interval", push_interval))


def _seconds(option: str, text: str | None) -> float | None:
    try:
        return None if text is None else interval(text)
    except Wrong as wrong:
        raise typer.BadParameter(str(wrong), param_hint=option) from None


def _check(folder: Path, force: bool) -> None:
    if force or not folder.exists():
        return
    if not folder.is_dir():
        complain(f"{folder} is a file: name a folder")
        raise typer.Exit(2)
    there = sorted(path.name for path in folder.iterdir())
    if there:
        more = f" and {len(there) - _FEW} more" if len(there) > _FEW else ""
        names = ", ".join(there[:_FEW]) + more
        complain(f"{folder} is not empty ({names}): name another folder, or --force to write there")
        raise typer.Exit(2)


def _write(folder: Path, found: Bundle) -> None:
    for name, text in found.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
