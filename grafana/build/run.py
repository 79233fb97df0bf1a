"""The dashboard of one run: how it stands, how it learns, where its time goes."""

from __future__ import annotations

from grafana.build import (
    marks,
    run_glance,
    run_hardware,
    run_learning,
    run_safety,
    run_speed,
    run_told,
    variables,
)
from grafana.build.model import UID, Board, Row, rendered
from grafana.build.promql import THIS, series


def board() -> Board:
    ranks = variables.labels_of("rank", "Rank", series("reporter_run_state", THIS), "rank")
    return Board(
        uid=UID["run"],
        title="Reporter / Run",
        says="One training run: how it stands, how it learns, where its time goes.",
        variables=[
            variables.datasource(),
            variables.project(),
            variables.run(),
            variables.every(ranks.sort(variables.BY_NUMBER)),
            variables.every(variables.metric(THIS)),
        ],
        rows=[
            Row("This run", [*run_glance.panels(), *run_told.panels()]),
            Row("Learning", run_learning.panels()),
            Row("Speed", run_speed.panels()),
            Row("GPUs", run_hardware.gpus()),
            Row("Machine", run_hardware.machine()),
            Row("Safety, and reporting itself", run_safety.panels(), collapsed=True),
        ],
        annotations=marks.of_run(THIS),
    )


def files() -> dict[str, str]:
    return {f"dashboards/{UID['run']}.json": rendered(board())}
