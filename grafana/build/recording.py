"""Recording rules: what people ask for often, reckoned once. Nothing of ours needs them.

Names are `level:family:operation`, as Prometheus' own guide has it.
"""

from __future__ import annotations

from typing import Any

from grafana.build import rulefile
from grafana.build.promql import highest, metric, once, series
from grafana.build.states import push_age, state

_PHASES, _SAMPLES = "reporter_step_seconds_total", "reporter_samples_total"


def recorded() -> dict[str, str]:
    """Each new series' name, and its expression."""
    steps, samples = series("reporter_run_step"), series(_SAMPLES)
    data, whole = series(_PHASES, 'phase="data"'), series(_PHASES)
    used, total = (series(f"reporter_gpu_memory_{part}_bytes") for part in ("used", "total"))
    gpu = series("reporter_gpu_utilization_ratio")
    return {
        "run:reporter_run_state:derived": state(),
        "run:push_age_seconds:max": highest("run", push_age('run!=""')),
        "run:reporter_run_progress_ratio:max": highest(
            "run", series("reporter_run_progress_ratio")
        ),
        "run:reporter_loss:min": f"min by (run) ({metric('loss')})",
        "run:reporter_run_step:rate5m": highest("run", f"rate({steps}[5m])"),
        "run:reporter_samples:rate5m": f"sum by (run) ({once(_SAMPLES, f'rate({samples}[5m])')})",
        "run:reporter_data_wait:ratio_rate5m": (
            f"sum by (run) (rate({data}[5m])) / (sum by (run) (rate({whole}[5m])) > 0)"
        ),
        "run:reporter_gpu_utilization_ratio:avg": f"avg by (run) ({highest('run, UUID', gpu)})",
        "run:reporter_gpu_memory_used_ratio:max": highest("run", f"{used} / {total}"),
    }


def rules() -> rulefile.Groups:
    return {"reporter-recorded": [_rule(*each) for each in recorded().items()]}


def files() -> dict[str, str]:
    """What stands under grafana/, by its path there."""
    return {"rules/reporter-recording.yaml": rulefile.plain(rules())}


def _rule(name: str, expression: str) -> dict[str, Any]:
    return {"record": name, "expr": rulefile.laid_out(expression)}
