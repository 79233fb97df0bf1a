"""Every name on the wire: families, labels, states and reasons. Nothing else spells one."""

from __future__ import annotations

from enum import IntEnum

JOB = "reporter_pod_info"
GROUP_LABELS = ("job", "podUUID", "run", "rank")

METRIC_PREFIX = "reporter_push_gateway_metric"
PARAMETER_PREFIX_OF_OLD = "reporter_push_gateway_parameter"
TYPE_LABEL = "push_gateway_type"

NAME_LIMIT = 256
VALUE_LIMIT = 1024

RESERVED_METRICS = (
    "step",
    "epoch",
    "overall_epochs",
    "batch_size",
    "number_of_layers",
    "loss",
    "accuracy",
    "learning_rate",
)
RESERVED_PARAMETERS = ("optimizer_name", "loss_method", "epsilon", "learning_rate")


class State(IntEnum):
    """How a run stands. `LOST` is derived by whoever looks and never pushed by the run."""

    QUEUED = 0
    RUNNING = 1
    SUCCEEDED = 2
    FAILED = 3
    CANCELLED = 4
    LOST = 5

    @property
    def word(self) -> str:
        return self.name.lower()


END_REASONS = (
    "returned",
    "exception",
    "exit_code",
    "interrupt",
    "terminated",
    "preempted",
    "died",
    "signal",
    "oom",
    "asked",
    "superseded",
)

# Points that were reported and are not in the record: recorded + these = reports, exactly.
POINT_DROPS = ("ring_full", "bad_value", "overflow", "after_end", "record_limit", "record_error")
# What is in the record and not, or not wholly, on the gateway.
PUSH_DROPS = ("series_limit", "name_too_long", "quarantined")
# Notes, milestones and files for which the shared memory had no room.
MESSAGE_DROPS = ("message_lost",)
DROP_REASONS = POINT_DROPS + PUSH_DROPS + MESSAGE_DROPS

PHASES = ("data", "compute", "validation", "checkpoint", "other")

# family: (labels beside the group's, what it says)
FAMILIES: dict[str, tuple[tuple[str, ...], str]] = {
    "reporter_run_info": (
        (
            "project",
            "run_name",
            "host",
            "pod",
            "namespace",
            "node",
            "git_commit",
            "framework",
            "version",
        ),
        "Facts about the run; always 1",
    ),
    "reporter_run_state": (
        (),
        "0 queued, 1 running, 2 succeeded, 3 failed, 4 cancelled (5 lost is derived)",
    ),
    "reporter_run_end_info": (("reason", "detail"), "Why the run ended; 1 once it has"),
    "reporter_run_start_time_seconds": ((), "When the run started, Unix time"),
    "reporter_run_end_time_seconds": ((), "When the run ended, Unix time"),
    "reporter_run_attempt": ((), "1, and one more each time the run is continued"),
    "reporter_run_step": ((), "The newest step"),
    "reporter_run_steps": ((), "How many steps there will be"),
    "reporter_run_progress_ratio": ((), "How far the run is, 0 to 1; 1 only once it succeeded"),
    "reporter_run_last_step_time_seconds": ((), "When the step last moved, Unix time"),
    "reporter_run_step_interval_seconds": ((), "How long one step takes, learnt"),
    "reporter_steps_total": ((), "Training steps seen"),
    "reporter_step_seconds_total": (("phase",), "Where the time of the steps went"),
    "reporter_samples_total": ((), "Training samples seen"),
    "reporter_checkpoint_time_seconds": ((), "When the newest checkpoint was written, Unix time"),
    "reporter_run_stage_info": (("stage",), "The current stage; always 1"),
    "reporter_run_milestone_time_seconds": (
        ("milestone",),
        "When the milestone was reached, Unix time",
    ),
    "reporter_run_tag_info": (("tag", "value"), "A tag of the run; always 1"),
    "reporter_run_lease_expires_time_seconds": (
        (),
        "After this Unix time the group may be deleted",
    ),
    "reporter_push_interval_seconds": ((), "The interval between pushes in force"),
    "reporter_process_cpu_ratio": ((), "Cores used by the training process and its children"),
    "reporter_process_memory_bytes": ((), "Memory of the training process and its children"),
    "reporter_process_threads": ((), "Threads of the training process and its children"),
    "reporter_process_read_bytes_total": ((), "Bytes read from disks by these processes"),
    "reporter_process_write_bytes_total": ((), "Bytes written to disks by these processes"),
    "reporter_host_cpu_ratio": ((), "Share of the machine's cores in use"),
    "reporter_host_memory_used_bytes": ((), "Memory in use on the machine or in its cgroup"),
    "reporter_host_memory_total_bytes": ((), "Memory of the machine, or the cgroup's limit"),
    "reporter_host_network_receive_bytes_total": ((), "Bytes received by the machine"),
    "reporter_host_network_transmit_bytes_total": ((), "Bytes sent by the machine"),
    "reporter_host_disk_read_bytes_total": ((), "Bytes read from the machine's disks"),
    "reporter_host_disk_write_bytes_total": ((), "Bytes written to the machine's disks"),
    "reporter_gpu_utilization_ratio": (("gpu", "UUID"), "Share of time that the GPU was busy"),
    "reporter_gpu_memory_used_bytes": (("gpu", "UUID"), "GPU memory in use"),
    "reporter_gpu_memory_total_bytes": (("gpu", "UUID"), "GPU memory there is"),
    "reporter_gpu_power_watts": (("gpu", "UUID"), "Power drawn by the GPU"),
    "reporter_gpu_temperature_celsius": (("gpu", "UUID"), "Temperature of the GPU"),
    "reporter_gpu_energy_joules_total": (("gpu", "UUID"), "Energy used by the GPU"),
    "reporter_nonfinite_total": (("metric_name",), "NaN and infinite values reported"),
    "reporter_reports_total": ((), "Reports made"),
    "reporter_dropped_total": (("reason",), "What was lost on the way, by reason"),
    "reporter_push_seconds": ((), "How long the last push took"),
    "reporter_push_failures_total": ((), "Pushes that failed"),
    "reporter_rejected_families": ((), "Families that the gateway refuses"),
}

METRIC_HELP = "Reported by the run"


def family(prefix: str, name: str) -> str:
    """The family that carries a user's metric or parameter: any name maps to a legal one."""
    return prefix + "_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
