"""Shows on a GPU that a report of a tensor on it synchronises nothing and slows no step.

python benchmarks/gpu_sync.py [--steps N] [--rounds N] [--trace FILE]

A small model trains in three loops, in turn: one that reports nothing, one that reports its loss
every step by name and by handle, one that reads it with `.item()`. Three proofs: torch's own check
for synchronisation raises in no report; the profiler sees no call in one that waits for the device;
a step takes as long as in the first loop. What was reported is compared with what was computed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import reporter
from reporter.record.load import find_records, load

WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")
WIDTH, BATCH = 4096, 4096
PROFILED = 50  # steps
SLOWER = 1.02  # a step with a report may be so much slower than one without
REPORT = "what the loop does with its loss"

Use = Callable[[Any, int], None]


class Training:
    """A small model on the GPU, which computes far longer than Python needs to ask for it."""

    def __init__(self, torch: Any) -> None:
        self.torch = torch
        layers = [torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 1)]
        self.model = torch.nn.Sequential(*layers).cuda()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3)
        self.x = torch.randn(BATCH, WIDTH, device="cuda")

    def steps(self, count: int, use: Use) -> float:
        """Seconds for so many steps, the device's work included."""
        self.torch.cuda.synchronize()
        began = time.perf_counter()
        for step in range(count):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.model(self.x).square().mean()
            loss.backward()
            self.optimizer.step()
            with self.torch.profiler.record_function(REPORT):
                use(loss, step)
        self.torch.cuda.synchronize()
        return time.perf_counter() - began


def waits_of(torch: Any, training: Training, use: Use, trace: str) -> int:
    """How many calls within `use` wait for the device, by the profiler."""
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profile:
        training.steps(PROFILED, use)
    if trace:
        profile.export_chrome_trace(trace)
    events = [(each.name, each.time_range.start, each.time_range.end) for each in profile.events()]
    inside = [(start, end) for name, start, end in events if name == REPORT]
    assert inside, "the profiler saw no report"
    waits = [start for name, start, _ in events if name in WAITS]
    return sum(any(start <= wait <= end for start, end in inside) for wait in waits)


def forbidden(torch: Any, use: Use) -> Use:
    """The same, where whatever synchronises raises."""

    def checked(loss: Any, step: int) -> None:
        torch.cuda.set_sync_debug_mode("error")
        try:
            use(loss, step)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    return checked


def uses(r: reporter.Reporter) -> dict[str, Use]:
    """What each loop does with its loss."""
    handle = r.metric("by handle")

    def report(loss: Any, step: int) -> None:
        r.report_metric("loss", loss, step)
        handle(loss, step)

    def nothing(*_: Any) -> None:
        pass

    return {"empty": nothing, "report": report, "item": lambda loss, _: loss.item()}


def measured(torch: Any, options: argparse.Namespace) -> list[str]:
    """What was found is printed; returns what should not be so."""
    training, truth = Training(torch), []

    with tempfile.TemporaryDirectory() as folder:
        with reporter.Reporter(dir=folder, mode="offline", strict=True) as r:

            def exact(loss: Any, step: int) -> None:
                r.report_metric("exact", loss, step)
                truth.append(loss.detach())

            training.steps(options.steps, exact)
            loops = uses(r)
            for use in loops.values():
                training.steps(options.steps, use)  # warm: kernels, pinned memory, events
            training.steps(options.steps, forbidden(torch, loops["report"]))
            print("torch's check for synchronisation raised in no report")
            waits = {
                name: waits_of(torch, training, use, options.trace if name == "report" else "")
                for name, use in loops.items()
            }
            times = _times(training, loops, options)
        wrong = _values(folder, [float(each) for each in truth])
    return wrong + _told(waits, times)


def _told(waits: dict[str, int], times: dict[str, float]) -> list[str]:
    for name, seconds in times.items():
        print(f"{name:8} {seconds * 1e3:8.3f} ms a step, {waits[name]:4} waits in {PROFILED} steps")
    wrong = []
    if waits["report"] or not waits["item"]:  # if item() is not seen, nothing is
        wrong.append(f"waits that the profiler saw: {waits}")
    if times["report"] > times["empty"] * SLOWER:
        wrong.append(f"a step with a report takes {times['report'] / times['empty']:.3f} times")
    return wrong


def _times(training: Training, loops: dict[str, Use], options: Any) -> dict[str, float]:
    rounds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(options.rounds):
        for name, use in loops.items():
            rounds[name].append(training.steps(options.steps, use) / options.steps)
    return {name: statistics.median(each) for name, each in rounds.items()}


def _values(folder: str, truth: list[float]) -> list[str]:
    """Whether every value is in the record, as it was computed and with its step."""
    record = load(find_records(folder)[0])
    loss, handle, exact = (record.points[name] for name in ("loss", "by handle", "exact"))
    print(f"{len(loss.values)} values by each way, dropped: {record.dropped}")
    right = list(exact.values) == truth and list(exact.steps) == list(range(len(truth)))
    same = list(loss.values) == list(handle.values) and loss.steps == handle.steps
    return [] if right and same and not any(record.dropped.values()) else ["values were lost"]


def main() -> int:
    parser = argparse.ArgumentParser(description="What a report of a tensor on a GPU costs.")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--trace", default="", help="write the profiler's trace of the reports")
    options = parser.parse_args()
    try:
        import torch  # noqa: PLC0415 - without it there is nothing to show
    except ImportError:
        print("no torch here, so no GPU is asked")
        return 0
    if not torch.cuda.is_available():
        print("no GPU here")
        return 0
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}")
    wrong = measured(torch, options)
    print("\n".join(wrong) or "nothing waits, and no step is slower")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
