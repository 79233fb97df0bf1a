"""The ceiling's figures as tables: on a terminal, and in docs/scaling.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_Row = Mapping[str, Any]

CELL_COLUMNS = {
    "gateway": "{gateway}",
    "runs": "{runs}",
    "interval": "{interval_s:g} s",
    "pushes/s": "{offered_s:.0f}",
    "answered/s": "{served_s:.0f}",
    "p50": "{p50}",
    "p99": "{p99}",
    "memory": "{memory_mb:.0f} MB",
    "CPU": "{gateway_cores:.2f}",
    "scrape": "{scrape_s:.2f} s, {scrape_mb:.2f} MB",
    "load's CPU": "{load_cores:.2f}",
    "others' CPU": "{other_cores:.2f}",
    "": "{verdict}",
}
COLLAPSE_COLUMNS = {
    "clients": "{client}",
    "after": "{at_s:.0f} s",
    "sent/s": "{sent_s:.0f}",
    "answered/s": "{answered_s:.1f}",
    "given up/s": "{late_s:.0f}",
    "p99 of answers": "{p99}",
    "waiting in the gateway": "{piled_up}",
    "memory": "{memory_mb:.0f} MB",
    "interval": "{interval:.0f} s",
}
_ROWS = 6  # of each kind of client
_ROOM = 0.3  # of a core: bursts, scrapes and neighbours need some too
_INTERVALS = (5, 15, 60)
_SERIES = (20, 50, 200)


def cells(found: _Row) -> list[list[str]]:
    """One line for each number of runs on each gateway."""
    rows = found["cells"]
    took = [{name: _shown_ms(row[f"{name}_ms"]) for name in ("p50", "p99")} for row in rows]
    return _lines(CELL_COLUMNS, [{**row, **each} for row, each in zip(rows, took, strict=True)])


def collapse(found: _Row) -> list[list[str]]:
    """What happened in each stretch of time, at each kind of client."""
    rows = [row for kind, told in found["collapse"].items() for row in _stretches(kind, told)]
    return _lines(COLLAPSE_COLUMNS, rows)


def document(part: str, found: _Row) -> str:
    """What stands between the marks of this name in docs/scaling.md."""
    if part == "load":
        return share_of_load(found)
    lines = {"ceiling": cells, "collapse": collapse, "reckoned": reckoned}[part](found)
    return markdown(lines)


def plain(lines: Sequence[Sequence[str]]) -> str:
    """For a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ([text.rjust(n) for text, n in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(line) for line in padded)


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """For a document."""
    head, *rest = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([head, "|---" * len(lines[0]) + "|", *rest])


def share_of_load(found: _Row) -> str:
    """How much of the machine the load itself took, and what else ran there."""
    cores = found["machine"]["cores"]
    most = max(found["cells"], key=lambda row: row["load_cores"])
    others = sorted(row["other_cores"] for row in found["cells"])
    nothing = [row for row in found["cells"] if row["gateway"] == "nothing"]
    own = "".join(
        f" Against a server that answers at once and keeps nothing, {row['runs']} runs see a p50 of"
        f" {_shown_ms(row['p50_ms'])} and a p99 of {_shown_ms(row['p99_ms'])}: that much of every"
        " latency is the load generator's own."
        for row in nothing
    )
    shown, of_all = f"{most['load_cores']:.2f}", f"{most['load_cores'] / cores:.0%}"
    return (
        f"Pushgateway {found['versions']['pushgateway']} on {cores} cores"
        f" ({found['machine']['cpu']}). The load generator ran on the same cores and took at most"
        f" {shown} of one, {of_all} of the machine ({most['runs']} runs, {most['gateway']})."
        f"{own} Other programs took {others[len(others) // 2]:.2f} of a core (the median) and at"
        f" most {others[-1]:.2f}: where that is much, the figures are worse than they need be."
    )


def reckoned(found: _Row) -> list[list[str]]:
    """How many runs take a third of a core of a Pushgateway that checks."""
    cost = _cost_per_series_s(found)
    rows = [["interval", *(f"{series} series" for series in _SERIES)]]
    for interval in _INTERVALS:
        runs = ((_ROOM * interval / (series * cost)) ** 0.5 for series in _SERIES)
        rows.append([f"{interval} s", *(f"{round(each, -1):.0f}" for each in runs)])
    return rows


def _cost_per_series_s(found: _Row) -> float:
    """CPU seconds that one push takes for each series held, where it is dearest."""
    rows = [row for row in found["cells"] if row["gateway"] == "check on"]
    kept = [row for row in rows if row["verdict"] == "keeps up"]
    pushes = ((row, row["gateway_cores"] / row["served_s"]) for row in kept)
    return float(max(each / (row["runs"] * found["series"]) for row, each in pushes))


def _shown_ms(value: float) -> str:
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"


def _lines(columns: Mapping[str, str], rows: Iterable[_Row]) -> list[list[str]]:
    shown = ([form.format(**row) for form in columns.values()] for row in rows)
    return [list(columns), *shown]


def _stretches(kind: str, told: Sequence[_Row]) -> list[_Row]:
    size = max(1, len(told) // _ROWS)
    return [_stretch(kind, told[at : at + size]) for at in range(0, len(told), size)]


def _stretch(kind: str, told: Sequence[_Row]) -> _Row:
    last, slowest = told[-1], max(row["p99_s"] for row in told)
    rates = ("sent_s", "answered_s", "late_s")
    mean = {name: sum(row[name] for row in told) / len(told) for name in rates}
    shown = f"{slowest:.1f} s" if mean["answered_s"] else "-"
    return {**last, **mean, "client": kind, "p99": shown, "interval": last["interval_s"][1]}
