"""What every test gets: a clean environment, and on demand the real programs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.services.programs import Prometheus, Pushgateway, StartPrometheus, StartPushgateway

_PREFIXES = ("REPORTER_", "SLURM_", "KUBERNETES_", "TORCHELASTIC_", "MASTER_", "OMPI_", "PMI_")
_CLOUDS = ("AWS_EC2_METADATA_", "GCE_METADATA_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")  # in small or capital letters
_NAMES = (
    "podUUID",
    "POD_UID",
    "POD_NAME",
    "POD_NAMESPACE",
    "NODE_NAME",
    "reporterGatewayURL",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "NODE_RANK",
    "JOB_UID",
    "JOB_COMPLETION_INDEX",
)

# What was started in the background, or by nohup, ignores these, and so would all its children.
for _number, _default in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _default)


_LONGEST = ("test_preview.py", "soak", "integrations", "test_docs.py", "faults", "grafana")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where workers share the tests, those that take longest begin first."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: [each not in item.path.parts for each in _LONGEST])


@pytest.fixture(autouse=True)
def _clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in os.environ:
        if name.startswith(_PREFIXES + _CLOUDS) or name in _NAMES or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(scope="session")
def pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushgateway]:
    """One real Pushgateway for the session: use grouping labels of your own."""
    program = Pushgateway(tmp_path_factory.mktemp("pushgateway"))
    try:
        program.start()
        yield program
    finally:
        program.stop()


@pytest.fixture
def start_pushgateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPushgateway]:
    """Start a Pushgateway of this test's own, with arguments of its own."""
    started: list[Pushgateway] = []

    def start(*args: str, scheme: str = "http") -> Pushgateway:
        program = Pushgateway(tmp_path_factory.mktemp("pushgateway"), args, scheme)
        started.append(program)
        program.start()
        return program

    yield start
    for program in started:
        program.stop()


@pytest.fixture
def start_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartPrometheus]:
    """Start a Prometheus that scrapes these targets (URL or host:port)."""
    started: list[Prometheus] = []

    def start(
        scrape_targets: Sequence[str], honor_labels: bool = True, interval: str = "1s"
    ) -> Prometheus:
        folder: Path = tmp_path_factory.mktemp("prometheus")
        program = Prometheus(folder, scrape_targets, honor_labels, interval)
        started.append(program)
        program.start()
        return program

    yield start
    for program in started:
        program.stop()
