"""The alerts. On the left of each expression stands what its text prints.

What they are labelled by is not changed by `honor_labels`: `run` and `rank`, and the run's project
and name beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from grafana.build import recording, rulefile
from grafana.build.promql import PUSH_FAILURE_TIME, PUSH_TIME, highest, metric, once, series
from grafana.build.states import alive, lost, stalled
from reporter.names import State

RUNBOOK = "docs/alerts.md"
RUN_DASHBOARD = "/d/reporter-run?var-run={{ $labels.run }}"

CRITICAL, WARNING, INFO = "critical", "warning", "info"
SEVERITIES = (CRITICAL, WARNING, INFO)

OF_RUNS = 'run!=""'  # others push to the same gateway

# Ranks may have names of their own: the run's is that of rank 0, where there is one.
_NAMES = "run, project, run_name"
_INFO = (
    f"group by ({_NAMES}) (topk by (run) (1, 2 * "
    + highest(_NAMES, series("reporter_run_info", 'rank="0"'))
    + f" or {highest(_NAMES, series('reporter_run_info'))}))"
)
_WHO = "{{ $labels.run_name }} of project {{ $labels.project }} (run {{ $labels.run }})"
_FOR = "{{ $value | humanizeDuration }}"
_SHARE = "{{ $value | humanizePercentage }}"
_RANK = "run, rank"


@dataclass(frozen=True)
class Alert:
    """One rule. `hold` is for how long its expression must be true first."""

    name: str
    severity: str
    hold: str
    expression: str
    summary: str
    description: str
    of_a_run: bool = True

    def rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        told = {"summary": self.summary, "description": self.description}
        told["runbook_url"] = f"{RUNBOOK}#{self.name.lower()}"
        if self.of_a_run:
            told["dashboard_url"] = RUN_DASHBOARD
        return {
            "alert": self.name,
            "expr": rulefile.laid_out(self.expression),
            "for": self.hold,
            "labels": {"severity": self.severity},
            "annotations": told,
        }


def groups() -> dict[str, list[Alert]]:
    """Every alert, by the group that it is evaluated with."""
    of_runs = [run_stalled(), run_lost(), run_failed(), not_finite(), diverging()]
    speed = [slowed_down(), waiting_for_data(), straggler(), gpu_idle(), gpu_memory(), checkpoint()]
    path = [gateway_down(), pushes_refused(), stale_groups()]
    return {"reporter-runs": of_runs, "reporter-speed": speed, "reporter-gateway": path}


def rules() -> rulefile.Groups:
    return {name: [alert.rule() for alert in alerts] for name, alerts in groups().items()}


def files() -> dict[str, str]:
    """What stands under grafana/, by its path there."""
    both = {"reporter-alerts": rules(), "reporter-recording": recording.rules()}
    return {
        "rules/reporter-alerts.yaml": rulefile.plain(rules()),
        "rules/prometheusrule.yaml": rulefile.operators(both),
    }


def run_stalled() -> Alert:
    return Alert(
        "ReporterRunStalled",
        WARNING,
        "3m",
        _named(stalled()),
        "Run {{ $labels.run_name }} stands still",
        f"{_WHO} still reports, and its step has not moved for {_FOR}.",
    )


def run_lost() -> Alert:
    # The gateway keeps the group of a machine that is gone for ever: the alert does not.
    return Alert(
        "ReporterRunLost",
        WARNING,
        "1m",
        _named(f"{lost()} < 86400"),
        "Run {{ $labels.run_name }} is lost",
        f"{_WHO} said that it runs, and has reported nothing for {_FOR}.",
    )


def run_failed() -> Alert:
    failed = f"{highest(_RANK, series('reporter_run_state'))} == {State.FAILED:d}"
    end = highest(_RANK, series("reporter_run_end_time_seconds"))
    why = highest(f"{_RANK}, reason, detail", series("reporter_run_end_info"))
    # The rank that failed first tells why: the others often fail because of it.
    first = (
        f"bottomk by (run) (1, {end} * on ({_RANK}) group_right () {why} and on ({_RANK}) {failed})"
    )
    return Alert(
        "ReporterRunFailed",
        WARNING,
        "0s",
        _named(f"(time() - {first} < 3600)"),
        "Run {{ $labels.run_name }} failed",
        f"{_WHO} failed {_FOR} ago, rank {{{{ $labels.rank }}}} first:"
        " {{ $labels.reason }}{{ with $labels.detail }} ({{ . }}){{ end }}.",
    )


def not_finite() -> Alert:
    seen = series(family := "reporter_nonfinite_total")
    # A count is absent until there is something to count: its first value is a rise, too. Not so
    # where the gateway or Prometheus was away ten minutes ago.
    rise = f"({seen} unless last_over_time({seen}[1d] offset 10m) or increase({seen}[10m]) > 0)"
    which = highest("metric_name", series("reporter_nonfinite_total", "run=%q"))
    found = f'printf "{which}" $labels.run | query | sortByLabel "metric_name"'
    names = f"{{{{ range {found} }}}} {{{{ .Labels.metric_name }}}}{{{{ end }}}}"
    return Alert(
        "ReporterNotFinite",
        WARNING,
        "0s",
        _named(_while_alive(f"sum by (run) ({once(family, rise)})")),
        "Run {{ $labels.run_name }} reports NaN or infinity",
        f"{_WHO} reported about {{{{ $value | humanize }}}} values in 10 minutes that are NaN or"
        f" infinite. Metrics that had such values:{names}",
    )


def diverging() -> Alert:
    loss = metric("loss")
    # The best of ten minutes: a single batch may be bad. Of negative losses no ratio tells.
    worse = f"min_over_time({loss}[10m]) > 3 * (min_over_time({loss}[6h]) > 0)"
    return Alert(
        "ReporterDiverging",
        WARNING,
        "5m",
        _named(_while_alive(f"max by (run) ({worse})")),
        "The loss of run {{ $labels.run_name }} grows",
        f"The loss of {_WHO} was not below {{{{ $value | humanize }}}} for 10 minutes: more than"
        " three times its best of the last 6 hours.",
    )


def slowed_down() -> Alert:
    step = series("reporter_run_step")
    now, before = (highest("run", f"rate({step}{span})") for span in ("[10m]", "[1h] offset 10m"))
    return Alert(
        "ReporterSlowedDown",
        INFO,
        "10m",
        _named(_while_alive(f"({now} > 0) / {before} < 0.5")),
        "Run {{ $labels.run_name }} has become slow",
        f"{_WHO} makes {_SHARE} of the steps per second that it made in the hour before.",
    )


def waiting_for_data() -> Alert:
    phases = "reporter_step_seconds_total"
    data, whole = series(phases, 'phase="data"'), series(phases)
    share = f"sum by (run) (rate({data}[10m])) / sum by (run) (rate({whole}[10m]))"
    return Alert(
        "ReporterWaitingForData",
        INFO,
        "15m",
        _named(_while_alive(f"{share} > 0.3")),
        "Run {{ $labels.run_name }} waits for data",
        f"{_WHO} spends {_SHARE} of its time waiting for data.",
    )


def straggler() -> Alert:
    own = series("reporter_step_seconds_total", 'phase=~"data|compute"')
    steps = series("reporter_steps_total")
    each = f"(sum by ({_RANK}) (rate({own}[10m])) / sum by ({_RANK}) (rate({steps}[10m])) > 0)"
    slow = f"{each} / on (run) group_left () min by (run) ({each}) > 1.5"
    return Alert(
        "ReporterStraggler",
        WARNING,
        "15m",
        _named(_while_alive(slow, _RANK)),
        "Rank {{ $labels.rank }} of run {{ $labels.run_name }} is slow",
        f"Rank {{{{ $labels.rank }}}} of {_WHO} takes {{{{ $value | humanize }}}} times as long for"
        " its own part of a step (data and compute) as the fastest rank.",
    )


def gpu_idle() -> Alert:
    used = f"avg_over_time({series('reporter_gpu_utilization_ratio')}[15m])"
    # Ranks on one machine may all see all of its GPUs.
    each = highest("run, UUID", used)
    return Alert(
        "ReporterGPUIdle",
        WARNING,
        "15m",
        _named(_while_alive(f"count by (run) ({each} < 0.05)")),
        "Run {{ $labels.run_name }} leaves GPUs idle",
        "GPUs that did next to nothing for 15 minutes: {{ $value }}, of those that"
        f" {_WHO} sees.",
    )


def gpu_memory() -> Alert:
    used, total = (series(f"reporter_gpu_memory_{part}_bytes") for part in ("used", "total"))
    return Alert(
        "ReporterGPUMemoryNearlyFull",
        INFO,
        "10m",
        _named(_while_alive(f"max by (run) ({used} / {total}) > 0.95")),
        "A GPU of run {{ $labels.run_name }} has little memory left",
        f"{_SHARE} of a GPU's memory is in use in {_WHO}.",
    )


def checkpoint() -> Alert:
    newest = highest("run", series("reporter_checkpoint_time_seconds"))
    return Alert(
        "ReporterCheckpointStale",
        WARNING,
        "0s",
        _named(_while_alive(f"(time() - {newest} > 7200)")),
        "The checkpoint of run {{ $labels.run_name }} is old",
        f"The newest checkpoint of {_WHO} was written {_FOR} ago: this much would be lost.",
    )


def gateway_down() -> Alert:
    # The gateway's own series, which honor_labels never changes: here `instance` may be joined on.
    gateways = "max by (instance) (last_over_time(pushgateway_build_info[7d]))"
    return Alert(
        "ReporterGatewayDown",
        CRITICAL,
        "2m",
        f"max by (instance) (up) == 0 and on (instance) {gateways}",
        "The Pushgateway {{ $labels.instance }} is down",
        "Prometheus cannot scrape the Pushgateway {{ $labels.instance }}. Runs go on and keep their"
        " records; nothing is seen of them here, and the other alerts on them are silent.",
        of_a_run=False,
    )


def pushes_refused() -> Alert:
    failure, success = series(PUSH_FAILURE_TIME, OF_RUNS), series(PUSH_TIME, OF_RUNS)
    whole = highest(_RANK, f"{failure} > {success}") + " > time() - 600"
    some = f"{highest(_RANK, series('reporter_rejected_families'))} > 0 and {alive()}"
    ranks = f"count by (run) ({whole} or {some})"
    # A group that was never taken has no facts either.
    return Alert(
        "ReporterPushesRefused",
        WARNING,
        "2m",
        f"{_named(ranks)} or on (run) {ranks}",
        "The gateway refuses what run {{ $labels.run }} pushes",
        "Ranks of run {{ $labels.run }} whose pushes are refused, in whole or in part:"
        " {{ $value }}.",
    )


def stale_groups() -> Alert:
    age = f"time() - max by (podUUID, {_RANK}) ({series(PUSH_TIME, OF_RUNS)})"
    return Alert(
        "ReporterStaleGroups",
        INFO,
        "1h",
        f"count({age} > 604800) > 20",
        "The gateway keeps groups that nobody pushes any more",
        "Groups that have not been pushed for a week: {{ $value }}. They make each push slower.",
        of_a_run=False,
    )


def _named(expression: str) -> str:
    """The same, with the run's project and name as labels; the value stays."""
    return f"({expression}) * on (run) group_left (project, run_name) {_INFO}"


def _while_alive(expression: str, by: str = "run") -> str:
    """The same, of runs that go on: the gateway keeps the last values of all others."""
    return f"{expression} and on ({by}) {alive()}"
