"""Annotations: moments and stages of a run as marks in all its curves."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as builders

from grafana.build.panels import SOURCE
from grafana.build.promql import highest, series


def of_run(this: str) -> list[builders.AnnotationQuery]:
    milestone = highest("milestone", series("reporter_run_milestone_time_seconds", this))
    checkpoint = highest("run", series("reporter_checkpoint_time_seconds", this))
    start = highest("run", series("reporter_run_start_time_seconds", this))
    why = highest("run, reason, detail", series("reporter_run_end_info", this))
    end = highest("run", series("reporter_run_end_time_seconds", this))
    ended = f"topk(1, {why}) * on (run) group_left () {end}"
    return [
        _moment("Start", "green", start, "Started").hide(True),
        _moment("End", "red", ended, "Ended: {{reason}}", "{{detail}}").hide(True),
        _moment("Milestones", "blue", milestone, "{{milestone}}"),
        _moment("Checkpoints", "#8e8e8e", checkpoint, "Checkpoint").enable(False),
        _stages(this),
    ]


def _moment(
    name: str, colour: str, seconds: str, title: str, text: str = ""
) -> builders.AnnotationQuery:
    """One mark for each series, at the time that is its value."""
    mark = _mark(name, colour, f"({seconds}) * 1000", title).use_value_for_time(True)
    return mark.text_format(text)


def _stages(this: str) -> builders.AnnotationQuery:
    """Where each stage begins. It is seen for a minute, so that no step of the query misses it."""
    stage = highest("stage", series("reporter_run_stage_info", this))
    before = highest("stage", f"{series('reporter_run_stage_info', this)} offset 1m")
    return _mark("Stages", "purple", f"{stage} unless {before}", "Stage: {{stage}}").text_format("")


def _mark(name: str, colour: str, expression: str, title: str) -> builders.AnnotationQuery:
    mark = builders.AnnotationQuery().name(name).icon_color(colour).enable(True).hide(False)
    return mark.datasource(SOURCE).expr(expression).title_format(title).step("15s")
