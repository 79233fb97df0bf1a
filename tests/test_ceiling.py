"""The load script that measures a gateway's ceiling works, on every gateway there is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.programs import find_program

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
pytestmark = [pytest.mark.service, pytest.mark.slow]


def test_a_few_runs_are_carried_by_every_gateway(tmp_path: Path) -> None:
    """Every gateway answers what is pushed, naive clients and ours are told, and it is saved."""
    find_program("prometheus-pushgateway")
    results = tmp_path / "ceiling.json"
    command = [sys.executable, BENCHMARKS / "ceiling.py", "--quick", "--save", results]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    assert {row["gateway"] for row in found["cells"]} == set(found["gateways"])
    for row in found["cells"]:
        assert row["served_s"] > 0
        assert row["refused"] == 0
        assert row["memory_mb"] > 1
        assert row["scrape_mb"] > 0 or row["gateway"] == "nothing"
    for kind in ("naive", "ours"):
        assert sum(row["answered_s"] for row in found["collapse"][kind]) > 0
    assert "check on" in done.stdout
    assert "ours" in done.stdout
