"""Who is measured: one word here, one file of this name in subjects/."""

from __future__ import annotations

import importlib

from subject import Place, Subject

FLOORS = ("empty_call", "dict_store", "mapped_store")
OURS = ("reporter_newest", "reporter_points", "reporter_handle")
NEIGHBOURS = ("queue_put", "prometheus_gauge")  # they need what development installs, no more
PEERS = (
    "prometheus_gauge",
    "prometheus_push",
    "queue_and_push",
    "statsd_udp",
    "opentelemetry_otlp",
    "tensorboardx",
    "trackio_local",
    "dvclive_files",
    "wandb_offline",
    "mlflow_async",
    "mlflow_sync",
)
FLOOR = "dict_store"


def adapter(name: str) -> type[Subject]:
    """The class; its packages are imported only now."""
    found: type[Subject] = importlib.import_module(f"subjects.{name}").SUBJECT
    return found


def opened(names: list[str], folder: str, gateway: str | None = None) -> list[Subject]:
    """All of them in one process; those that deliver anything deliver to the gateway."""
    found = []
    for name in names:
        wanted = adapter(name)
        found.append(wanted(Place(folder, gateway if wanted.speaks else None)))
    return found
