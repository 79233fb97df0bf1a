"""The benchmarks tell the truth: what is at hand delivers, time limits hold, documents agree."""

from __future__ import annotations

import ast
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import gone
from tests.services.programs import Pushgateway
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
ADAPTERS = sorted((BENCHMARKS / "subjects").glob("*.py"))
DELIVERING = (
    "reporter_points",
    "reporter_newest",
    "reporter_handle",
    "prometheus_gauge",
    "prometheus_push",
    "queue_and_push",
)
STANDING = ("empty_call", "dict_store", "mapped_store", "queue_put")


def module(name: str) -> Any:
    """One of the benchmarks' modules, which are no package."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module(name)


@pytest.fixture
def probes(tmp_path: Path) -> Any:
    return module("probing").Probes(str(tmp_path))


@pytest.fixture
def silent_gateway() -> Iterator[str]:
    with module("gateways").silent() as url:
        yield url


def test_every_subject_has_its_file() -> None:
    """The line-up names the files of subjects/, each once, and no other."""
    lineup = module("lineup")
    named = {*lineup.FLOORS, *lineup.OURS, *lineup.NEIGHBOURS, *lineup.PEERS}
    assert named == {path.stem for path in ADAPTERS}


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
def test_every_adapter_says_what_it_is(path: Path) -> None:
    """It names its class SUBJECT, labels it, and says how it reports, or inherits that."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    (named,) = [each for each in body if isinstance(each, ast.Assign) and _name(each) == "SUBJECT"]
    classes = {each.name: each for each in body if isinstance(each, ast.ClassDef)}
    assert isinstance(named.value, ast.Name)
    found = classes[named.value.id]
    assert "label" in [_name(each) for each in found.body if isinstance(each, ast.Assign)]
    (base,) = [each.id for each in found.bases if isinstance(each, ast.Name)]
    stored = [each.attr for each in ast.walk(found) if isinstance(each, ast.Attribute)]
    defined = [each.name for each in found.body if isinstance(each, ast.FunctionDef)]
    assert base != "Subject" or "report" in defined + stored


@pytest.mark.service
@pytest.mark.parametrize("subject", DELIVERING)
def test_subjects_deliver(subject: str, probes: Any, pushgateway: Pushgateway) -> None:
    """What an adapter reports shows on the gateway: the first value and the last one."""
    asked = {"url": pushgateway.url, "gateway": pushgateway.url, "kind": "prometheus-pushgateway"}
    told = probes.run("delivery", subject=subject, changes=0, rounds=2, **asked)
    assert told.get("left"), told
    assert told["first_s"] > 0
    assert told["last_s"] > 0


@pytest.mark.parametrize("subject", STANDING)
def test_floors_come_to_their_end(subject: str, probes: Any) -> None:
    """A floor takes reports and is left."""
    told = probes.run("leave", subject=subject, reports=50)
    assert told["reported"] == 50
    assert told["s"] < 5


@pytest.mark.slow
def test_loops_are_measured_beside_dict_stores(probes: Any) -> None:
    """Every loop of every subject has a ratio for each round, and nothing was dropped."""
    asked = {"subjects": ["empty_call", "reporter_points"], "rounds": 2, "share": 0.01}
    told = probes.run("calls", **asked)
    assert told["dropped"] == 0
    assert set(told["found"]) == {
        "loop alone",
        "empty call",
        "report_metric",
        "report_metric step=",
    }
    assert all(len(each["wall"]) == len(each["cpu"]) == 2 for each in told["found"].values())


@pytest.mark.slow
def test_the_work_between_reports_is_measured(probes: Any) -> None:
    """A run of ours stands between runs of empty calls, paced rounds beside dict stores."""
    asked = {"runs": 2, "products": 3, "settle_s": 5}
    told = probes.run("product", subjects=["empty_call", "reporter_points"], **asked)
    assert len(told["ratios"]["reporter_points"]) == 2
    told = probes.run("paced", subjects=["dict_store", "reporter_points"], blocks=2, rounds=3)
    assert {name: len(found) for name, found in told["us"].items()} == {
        "dict_store": 2,
        "reporter_points": 2,
    }


@pytest.mark.slow
def test_what_a_subject_takes_is_measured(probes: Any) -> None:
    """Its start, its processes, and what a report costs with more and more names."""
    told = probes.run("footprint", subject="reporter_points", reports=10)
    assert told["processes"] >= 1
    assert told["threads"] == 0
    assert told["mb"] > 1
    told = probes.run("names", subject="reporter_points", counts=[1, 5])
    assert set(told["names"]) == {"1", "5"}


def test_ranks_begin_together(probes: Any) -> None:
    """A rank waits for the word, then reports for as long as it is told."""
    running = probes.start("rank", subject="dict_store", rank=1, seconds=0.2)
    wait_for(lambda: running.so_far().get("ready"), what="the rank to be ready")
    assert "reports" not in running.so_far()
    running.go()
    assert running.result()["reports"] > 0


@pytest.mark.slow
def test_a_probe_that_is_late_is_ended(probes: Any, silent_gateway: str) -> None:
    """What it told stays, that it was late is told, and nothing of it is left."""
    asked = {"subject": "queue_and_push", "gateway": silent_gateway, "reports": 20}
    running = probes.start("leave", 0.5, **asked)
    wait_for(lambda: running.so_far().get("reported"), what="the reports")
    family = module("processes").descendants(running.process.pid)
    assert family, "the process that pushes"
    told = running.result()
    assert told["late"] == 0.5
    assert told["reported"] == 20
    assert "s" not in told
    wait_for(lambda: all(gone(pid) for pid in family), what="its children to be gone")


def test_a_probe_that_fails_says_why(probes: Any) -> None:
    """The last line of its error is what the table's reader gets."""
    told = probes.run("leave", subject="nobody", reports=1)
    assert "No module named 'subjects.nobody'" in told["failed"]


def test_probes_see_no_settings_of_ours(probes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Reporter that is measured takes nothing from whoever measures."""
    monkeypatch.setenv("REPORTER_MODE", "disabled")
    fresh = type(probes)(str(Path(probes._folder) / "fresh"))
    told = fresh.run("leave", subject="reporter_points", reports=10)
    assert told["recorded"] == 10


def test_bars_hold_both_ways() -> None:
    """A figure may be too high or too low; one that was not measured misses nothing."""
    bars = module("bars")
    most, least = bars.Bar("cost", "", "x", most=2), bars.Bar("gain", "", "x", least=7)
    held = (most, least)
    assert bars.missed({"cost": 2, "gain": 7}, held) == []
    assert bars.missed({"cost": 2.1, "gain": 6.9}, held) == ["cost", "gain"]
    assert bars.missed({}, held) == []


def test_what_never_ends_misses_its_bars() -> None:
    """Of ours: few slow calls have no percentile, a leave that hangs no time; both are misses."""
    figures, bars = module("figures"), module("bars")
    quick, slow = {"p50": 1, "p99.9": 2, "max": 3}, {"calls": 5, "p50": 1e6, "max": 1e6}
    for bursts in ({"silent": slow}, {"silent": {"late": 60}}):
        subjects = {name: {"row": quick} for name in (figures.NEWEST, figures.POINTS)}
        subjects[figures.POINTS] |= {
            "bursts": bursts,
            "product": {"failed": "KeyError"},
            "leaving": [{"s": 0.5}, {"late": 60}],
            "leaving the dead": {"silent": {"late": 60}},
        }
        missed = bars.missed(figures.of_peers({"subjects": subjects}), bars.PEER_BARS)
        late = [
            "product points",
            "p99.9 worst ms",
            "longest ms",
            "leave healthy s",
            "leave silent s",
        ]
        assert missed == late


def test_cells_invent_nothing() -> None:
    """What was not measured is a dash, what was not done says so."""
    tables = module("tables")
    assert tables.left(None) == "-"
    assert tables.left({"failed": "KeyError"}) == "failed"
    told = {"late": 60, "reported": 9000, "arrived": 1234, "reports": 100_000}
    assert tables.left(told) == "not done after 60 (1,234 arrived)"
    assert tables.left({"s": 0.25, "arrived": 100_000, "reports": 100_000}) == "0.25"


@pytest.mark.parametrize(
    ("name", "held", "document"),
    [("ours", "BARS", "README.md"), ("peers", "PEER_BARS", "docs/benchmarks.md")],
)
def test_documents_quote_the_committed_results(name: str, held: str, document: str) -> None:
    """Each figure that has a bar stands there as it stands in the result file."""
    path = BENCHMARKS / "results" / f"{name}.json"
    figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
    assert set(figures) >= {bar.figure for bar in getattr(module("bars"), held)}
    text = (ROOT / document).read_text(encoding="utf-8")
    for line in module("tables").bars(figures, getattr(module("bars"), held)):
        assert line in text


def _name(assigned: ast.Assign) -> str:
    target = assigned.targets[0]
    return target.id if isinstance(target, ast.Name) else ""
