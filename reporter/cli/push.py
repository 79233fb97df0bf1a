"""`reporter push`: brings to the gateway what runs could not deliver themselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import typer
from rich.progress import track

from reporter.cli.screen import complain, console, print_json, table
from reporter.sender.deliver import Deliverer, Done, Handled, records_below
from reporter.settings import Settings, resolve

_QUIET = (Done.ALREADY, Done.EMPTY)


def push(
    folder: str | None = typer.Argument(
        None, metavar="DIR", help="Where the records are; the setting `dir` if not given."
    ),
    gateway: str | None = typer.Option(None, help="Where to push; the setting if not given."),
    again: bool = typer.Option(False, "--again", help="Deliver what is delivered already, too."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be done; do nothing."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Deliver the runs that ended without reaching the gateway.

    A run that died together with its sender is closed as failed first; live runs are left alone.

    REPORTER_MODE does not count here: whoever calls this wants to push.
    """
    settings = resolve({"dir": folder, "gateway": gateway, "mode": "online"})
    if folder is not None and not os.path.isdir(settings.dir):
        complain(f"there is no folder {settings.dir}")
        raise typer.Exit(2)
    found = list(_deliver(settings, dry_run, again))
    if as_json:
        print_json(_as_data(settings, found))
    else:
        _show(settings, found)
    raise typer.Exit(1 if any(one.undelivered for one in found) else 0)


def _deliver(settings: Settings, dry_run: bool, again: bool) -> Iterator[Handled]:
    folders = records_below(settings.dir, settings.sources["dir"] == "default")
    handled = Deliverer(settings, dry_run=dry_run, again=again).deliver(folders)
    screen = console(stderr=True)
    yield from track(
        handled,
        "Delivering",
        total=len(folders),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


def _as_data(settings: Settings, found: list[Handled]) -> dict[str, Any]:
    return {
        "dir": settings.dir,
        "gateway": settings.gateway,
        "undelivered": sum(one.undelivered for one in found),
        "records": [
            {
                "folder": one.folder,
                "run": one.run,
                "rank": one.rank,
                "done": str(one.done),
                "closed": one.closed,
                "problem": one.problem,
            }
            for one in found
        ],
    }


def _show(settings: Settings, found: list[Handled]) -> None:
    rows = table("RUN", "RANK", "WHAT WAS DONE")
    for one in found:
        if one.done not in _QUIET:
            rows.add_row(one.run, str(one.rank), _words(one))
    screen = console()
    if rows.row_count:
        screen.print(rows)
    screen.print(_summary(settings, found))
    if any(one.done is Done.NO_GATEWAY for one in found):
        complain("no gateway is set: use --gateway, set REPORTER_GATEWAY, or start `reporter up`")


def _words(one: Handled) -> str:
    would = "would be " if one.done is Done.WAITING else ""
    closed = f"{would}closed as failed (died), " if one.closed else ""
    return f"{closed}{one.done}" + (f": {one.problem}" if one.problem else "")


def _summary(settings: Settings, found: list[Handled]) -> str:
    if not found:
        return f"There are no records below {settings.dir}."
    counts = ((done, sum(one.done is done for one in found)) for done in Done)
    told = ", ".join(f"{count} {done}" for done, count in counts if count)
    asked = any(one.done in (Done.DELIVERED, Done.FAILED, Done.WAITING) for one in found)
    where = f" (gateway: {settings.gateway})" if settings.gateway and asked else ""
    return f"{len(found)} records below {settings.dir}: {told}{where}."
