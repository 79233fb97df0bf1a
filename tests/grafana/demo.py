"""The demo: the library itself plays runs, each rank in a process of its own, to a real gateway.

Tests use `demo`. To look at it: python -m tests.grafana.demo http://127.0.0.1:9091, until Ctrl-C.

Only the GPUs are pretended (see pretended/pynvml.py). The stalled run really stops stepping while
its sender goes on; whoever derives *stalled* from that sees it two minutes later, as the contract
has it. A test that cannot wait uses `played`, whose runs began in the past.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tests.grafana.story import PARTS, PROJECT
from tests.runs import Training

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_END_S = 10


class Runs(NamedTuple):
    """The ids of the demo's runs, by what becomes of them."""

    running: str  # with two ranks, of which rank 1 is slower; goes on until the demo ends
    failed: str  # its loss is no number, and it raises
    stalled: str  # it stops stepping, and goes on pushing
    finished: str  # it succeeds


@contextmanager
def demo(folder: Path, gateway: str, interval: float = 1) -> Iterator[Runs]:
    """The runs, all started; they go on until the block ends. Their records are in the folder."""
    training = Training(folder, gateway, interval=interval, sample_interval=interval)
    runs = Runs(*(f"{role}-{secrets.token_hex(3)}" for role in Runs._fields))
    with ExitStack() as stack:
        processes = [
            stack.enter_context(training.started(_command(role), **_environment(role, run, rank)))
            for role, run in runs._asdict().items()
            for rank in range(PARTS[role].ranks)
        ]
        stack.callback(_end, processes)
        for process in processes:
            _is_ready(process)
        yield runs


def _command(role: str) -> list[str]:
    return [sys.executable, str(_HERE / "children" / "plays.py"), role]


def _environment(role: str, run: str, rank: int) -> dict[str, str]:
    """As a cluster would set it, with a driver of GPUs that is pretended."""
    path = [str(_HERE / "pretended"), str(_ROOT), os.environ.get("PYTHONPATH", "")]
    name, ranks = PARTS[role].name, PARTS[role].ranks
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "CUDA_VISIBLE_DEVICES": str(rank),
        "REPORTER_PROJECT": PROJECT,
        "REPORTER_NAME": name,
        "REPORTER_RUN": run,
        "REPORTER_RANK": str(rank),
        "WORLD_SIZE": str(ranks),
        "POD_NAME": f"{name}-{rank}",
        "POD_NAMESPACE": "research",
        "POD_UID": f"pod-of-{run}",
        "NODE_NAME": f"node-{rank + 1}",
    }


def _is_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    if process.stdout.readline() != "ready\n":
        raise AssertionError(f"a run of the demo did not start:\n{process.stderr.read()}")


def _end(processes: Sequence[subprocess.Popen[str]]) -> None:
    """Tell them all, and wait: they leave their scopes as any training does."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()


def main(arguments: list[str]) -> int:
    """Play until Ctrl-C. Returns the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tests.grafana.demo GATEWAY_URL\n")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder, demo(Path(folder), arguments[0]) as runs:
        sys.stdout.write(json.dumps(runs._asdict()) + "\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
