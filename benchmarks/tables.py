"""Tables of what was found, for terminals and for documents. What is absent was not measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bars import BARS, FRAMEWORK_BARS, PEER_BARS, Bar

Found = dict[str, Any]
ABSENT = "-"


@dataclass(frozen=True)
class Table:
    title: str
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def text(self) -> list[str]:
        """Columns side by side."""
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        aligned = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        ]
        return ["", self.title, *aligned]

    def markdown(self, right: bool = True) -> list[str]:
        rule = ["---", *["--:" if right else "---"] * (len(self.head) - 1)]
        return ["| " + " | ".join(line) + " |" for line in (self.head, rule, *self.rows)]


def printed(found: Found) -> list[str]:
    """Everything, as text."""
    shown = [each for each in all_tables(found) if each.rows]
    lines = [line for table in shown for line in table.text()]
    parts = ("start", "later entries", "upkeep", "delivery")
    return lines + [""] * bool(lines) + [f"{p}: {found[p]}" for p in parts if found.get(p)]


def document(found: Found) -> list[str]:
    """Everything, as Markdown."""
    machine = found["machine"]
    lines = [
        f"Measured on {machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']:g} GiB,"
        f" {machine['system']}; "
        + ", ".join(f"{name} {number}" for name, number in found["versions"].items() if number)
        + "."
    ]
    held = BARS if "calls" in found else FRAMEWORK_BARS if "fits" in found else PEER_BARS
    lines += ["", "### Figures and bars", "", *bars(found["figures"], held)]
    for table in all_tables(found):
        if table.rows:
            lines += ["", f"### {table.title}", "", *table.markdown()]
    return lines


def bars(figures: dict[str, float], held: Iterable[Bar], but: Iterable[str] = ()) -> list[str]:
    """The bars whose figures were measured, but for some, as Markdown."""
    rows = [
        (bar.says, f"{cell(figures[bar.figure])} {bar.unit}", bar.limit)
        for bar in held
        if bar.figure in figures and bar.figure not in but
    ]
    return Table("", ("", "measured", "bar"), rows).markdown(right=False)


def all_tables(found: Found) -> list[Table]:
    if "fits" in found:
        return [fits(found)]
    if any("beside" in each for each in found["subjects"].values()):
        return [everyone(found), hooks(found), names(found), ranks(found), runs(found)]
    return [calls(found), single_calls(found), between(found), leaving(found)]


def calls(found: Found) -> Table:
    """Of ours and their neighbours, in one process."""
    head = ("one call, CPU time", "x dict store", "q1", "q3", "ns")
    rows = []
    for label, row in found["calls"].items():
        ratio = row["cpu"]
        cells = [cell(ratio[key]) for key in ("median", "q1", "q3")]
        rows.append((label, *cells, cell(row["cpu ns"]["median"])))
    return Table("Calls in loops", head, rows)


def single_calls(found: Found) -> Table:
    head = ("a single call, us", "p50", "p99.9", "max")
    rows = []
    for subject in found["subjects"].values():
        told = {"in a row, offline": subject.get("row"), **subject.get("bursts", {})}
        for state, row in told.items():
            if row:
                cells = [cell(row.get(key)) for key in ("p50", "p99.9", "max")]
                rows.append((f"{subject['label']}, {state}", *cells))
    return Table("Single calls", head, rows)


def between(found: Found) -> Table:
    """Ten metrics each 5 ms, and the work between reports."""
    head = ("ten metrics each 5 ms", "us", "x dict store", "longest us", "matrix product x")
    rows = [
        (subject["label"], *_paced(subject), _product(subject))
        for subject in found["subjects"].values()
        if "paced" in subject
    ]
    return Table("Between the work of training", head, rows)


def leaving(found: Found) -> Table:
    head = ("leaving with many reports outstanding", "s", "pushes", "recorded")
    rows = []
    for subject in found["subjects"].values():
        told = [("healthy", each) for each in subject.get("leaving", [])]
        for state, each in [*told, *subject.get("leaving the dead", {}).items()]:
            cells = (cell(each.get("pushes")), cell(each.get("recorded")))
            rows.append((f"{subject['label']}, {state}", left(each), *cells))
    return Table("Leaving", head, rows)


def everyone(found: Found) -> Table:
    """One row a subject, one column a measure."""
    rows = [
        (subject["label"], *[make(subject) for make in _COLUMNS.values()])
        for subject in found["subjects"].values()
    ]
    return Table("Everyone, by the time that passed", ("", *_COLUMNS), rows)


def hooks(found: Found) -> Table:
    """What a framework's step is slowed by."""
    told = found.get("hooks", {})
    head = ["three reports in a callback"]
    head += [f"{name}: {what}" for name in told for what in ("us", "p99 us", "% of the step")]
    known = {name for each in told.values() for name, one in each.items() if "hook_us" in one}
    rows = []
    for name, subject in found["subjects"].items():
        if name in known:
            cells = [part for each in told.values() for part in _hook(each.get(name, {}))]
            rows.append((subject["label"], *cells))
    return Table("Frameworks", tuple(head), rows)


def fits(found: Found) -> Table:
    """What our callbacks take in real fits, beside empty ones."""
    head = (
        "a batch, in the hooks",
        "ours us",
        "empty us",
        "ours p99 us",
        "empty p99 us",
        "batch us",
    )
    rows = []
    for name, told in found.get("fits", {}).items():
        both = [told.get(which, {}) for which in ("ours", "empty")]
        cells = [cell(each.get(what)) for what in ("us", "p99_us") for each in both]
        rows.append((name, *cells, cell(told.get("batch_us"))))
    return Table("Our callbacks in real fits", head, rows)


def names(found: Found) -> Table:
    """A report's cost by the number of names."""
    told = {k: s["names"]["names"] for k, s in found["subjects"].items() if _has_names(s)}
    counts = sorted({int(count) for each in told.values() for count in each})
    head = ("us a report, with so many names", *[f"{count:,}" for count in counts])
    rows = []
    for name, each in told.items():
        late = found["subjects"][name]["names"].get("late")
        missing = f"> {late:g} s" if late else ABSENT
        cells = [cell(each[str(n)]["us"]) if str(n) in each else missing for n in counts]
        rows.append((found["subjects"][name]["label"], *cells))
    return Table("Names", head, rows)


def ranks(found: Found) -> Table:
    """Several training processes at once."""
    head = (
        "ranks at once",
        "",
        "ten metrics, us",
        "longest us",
        "CPU % of all",
        "requests / reports",
    )
    rows = []
    for name, counts in found.get("ranks", {}).items():
        for count, told in counts.items():
            cells = [cell(told.get(key)) for key in ("us", "max_us", "cpu_percent")]
            label = found["subjects"][name]["label"]
            rows.append((label, count, *cells, _requests(told)))
    return Table("Ranks", head, rows)


def runs(found: Found) -> Table:
    """Other runs' groups on the gateway."""
    head = ("groups of other runs on the gateway", "", "first value s", "later s", "last value s")
    rows = []
    for name, counts in found.get("runs", {}).items():
        for count, told in counts.items():
            later = cell((told.get("later_s") or [None])[-1])
            cells = (cell(told.get("first_s")), later, cell(told.get("last_s")))
            rows.append((found["subjects"][name]["label"], count, *cells))
    return Table("Runs", head, rows)


def left(told: Found | None) -> str:
    """Seconds; or that it was not done, and how many reports had arrived."""
    if not told:
        return ABSENT
    if "failed" in told:
        return "failed"
    arrived, reports = told.get("arrived"), told.get("reports")
    some = "" if arrived is None or arrived == reports else f" ({cell(arrived)} arrived)"
    if "late" in told:
        return f"not done after {told['late']:g}{some}"
    return f"{cell(told.get('s'))}{some}"


def cell(value: float | str | None) -> str:
    """Three digits, and no more than there are."""
    if value is None or isinstance(value, str):
        return value or ABSENT
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def _of(subject: Found, *keys: str) -> str:
    found: Any = subject
    for key in keys:
        if "failed" in found:
            return "failed"
        found = found.get(key)
        if found is None:
            return ABSENT
    return cell(found)


def _rare(subject: Found, state: str) -> str:
    """The 99.9th percentile; of too few calls the longest."""
    told = subject.get("bursts", {}).get(state, {})
    if "max" in told and "p99.9" not in told:
        return f"longest of {told['calls']}: {cell(told['max'])}"
    return _of(subject, "bursts", state, "p99.9")


def _requests(told: Found | None) -> str:
    if not told or told.get("requests") is None:
        return ABSENT
    return f"{cell(told['requests'])} / {cell(told['reports'])}"


def _paced(subject: Found) -> tuple[str, str, str]:
    us, ratio = _of(subject, "paced", "us", "median"), _of(subject, "paced", "ratio", "median")
    return us, ratio, _of(subject, "paced", "longest_us")


def _product(subject: Found) -> str:
    return _of(subject, "product", "ratio", "median")


def _hook(told: Found) -> tuple[str, str, str]:
    if "hook_us" not in told:
        return ABSENT, ABSENT, ABSENT
    share = 100 * (told["hook_us"] - told["empty_us"]) / (1000 * told["step_ms"])
    return cell(told["hook_us"]), cell(told["hook_p99_us"]), cell(share)


def _has_names(subject: Found) -> bool:
    return "names" in subject.get("names", {})


_COLUMNS: dict[str, Callable[[Found], str]] = {
    "one call, x dict store": lambda s: _of(s, "beside", "labels", s["label"], "wall", "median"),
    "ns": lambda s: _of(s, "beside", "labels", s["label"], "wall ns", "median"),
    "p99.9 us": lambda s: _rare(s, "alive"),
    "longest us": lambda s: _of(s, "bursts", "alive", "max"),
    "p99.9 us, port closed": lambda s: _rare(s, "closed"),
    "p99.9 us, black hole": lambda s: _rare(s, "silent"),
    "ten metrics, us": lambda s: _of(s, "paced", "us", "median"),
    "matrix product, x": _product,
    "start ms": lambda s: _of(s, "footprint", "ms"),
    "MB": lambda s: _of(s, "footprint", "mb"),
    "threads": lambda s: _of(s, "footprint", "threads"),
    "processes": lambda s: _of(s, "footprint", "processes"),
    "first value s": lambda s: _of(s, "delivery", "first_s"),
    "last value s": lambda s: _of(s, "delivery", "last_s"),
    "requests / reports": lambda s: _requests(s.get("delivery")),
    "leave with many outstanding, s": lambda s: left(s.get("leaving")),
    "leave, port closed, s": lambda s: left(s.get("leaving the dead", {}).get("closed")),
    "leave, black hole, s": lambda s: left(s.get("leaving the dead", {}).get("silent")),
}
