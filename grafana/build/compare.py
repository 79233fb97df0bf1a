"""The dashboard that lays runs beside each other: by step, by time, by what they were set to."""

from __future__ import annotations

from grafana.build import compare_curves, compare_table, variables
from grafana.build.model import UID, Board, Row, rendered
from grafana.build.promql import CHOSEN, ONE, OTHER

_BEST = {"lowest": "min", "highest": "max"}
_BUCKETS = ("1", "10", "100", "1000")


def board() -> Board:
    return Board(
        uid=UID["compare"],
        title="Reporter / Compare",
        says="Runs beside each other: by step, by elapsed time, by parameters, by best value.",
        variables=[
            variables.datasource(),
            variables.project(),
            variables.every(variables.run()),
            variables.first(variables.metric(CHOSEN), "loss"),
            variables.newest(),
            variables.choice("best", "Best is", _BEST),
            variables.choice("bucket", "Steps per point", {n: n for n in _BUCKETS}),
            variables.run("run_a", "Run A"),
            variables.run("run_b", "Run B").sort(variables.OLDEST_FIRST),
            variables.shift("shift", ONE, OTHER),
        ],
        rows=[
            Row("Results", compare_table.results()),
            Row("Curves", compare_curves.of_all()),
            Row("Run B laid over run A", compare_curves.of_two()),
            Row("Parameters", compare_table.parameters()),
            Row("Speed", compare_table.speed()),
        ],
    )


def files() -> dict[str, str]:
    return {f"dashboards/{UID['compare']}.json": rendered(board())}
