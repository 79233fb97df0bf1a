"""A real training run that reports itself, with a gateway beside it: what `make demo` runs.

The first part is what a script of your own looks like. The second part starts the gateway, and
shows what arrived there.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from operator import mul

from prometheus_client.parser import text_string_to_metric_families

import reporter

EPOCHS, BATCH_SIZE, ROWS, FEATURES = 20, 64, 50_000, 20

Row = tuple[list[float], int]

# --- Training: plain Python, a logistic regression on generated data. ---------------------------


def train(r: reporter.Reporter, show: Callable[[str], None]) -> None:
    """Train, and tell the Reporter what happens."""
    rate = 0.02
    r.report_parameters({"optimizer_name": "SGD", "loss_method": "cross entropy"})
    r.report_parameters({"learning_rate": rate, "features": FEATURES})
    r.report_metrics({"overall_epochs": EPOCHS, "batch_size": BATCH_SIZE, "number_of_layers": 1})

    with r.stage("data"):
        rows = make_rows(random.Random(7))
        training, validation = rows[: ROWS * 9 // 10], rows[ROWS * 9 // 10 :]
    r.milestone("data ready")
    r.note(rows=ROWS, positive=sum(label for _, label in rows))

    r.stage("train")
    model, step = Model(), 0
    report_loss, report_accuracy = r.metric("loss"), r.metric("accuracy")  # the cheapest way
    for epoch in range(1, EPOCHS + 1):
        for at in range(0, len(training), BATCH_SIZE):
            step += 1
            loss, accuracy = model.learn(training[at : at + BATCH_SIZE], rate)
            report_loss(loss, step)
            report_accuracy(accuracy, step)
        loss, accuracy = model.judge(validation)
        r.report_metrics({"val_loss": loss, "val_accuracy": accuracy}, step)
        r.report_metrics({"epoch": epoch, "learning_rate": rate}, step)
        show(f"epoch {epoch}/{EPOCHS}  val_loss {loss:.4f}  val_accuracy {accuracy:.3f}")
        rate *= 0.97

    with r.attach("model.json", kind="model") as file:
        json.dump({"weights": model.weights, "bias": model.bias}, file)
    r.milestone("trained")


class Model:
    """Weights, and how they learn."""

    def __init__(self) -> None:
        self.weights = [0.0] * FEATURES
        self.bias = 0.0

    def learn(self, batch: Sequence[Row], rate: float) -> tuple[float, float]:
        """One step of gradient descent; the loss and the accuracy before it."""
        loss, right, slope = 0.0, 0, [0.0] * FEATURES
        for features, label in batch:
            guess = self._guess(features)
            loss += cross_entropy(guess, label)
            right += (guess > 0.5) == label
            error = guess - label
            slope = [s + error * x for s, x in zip(slope, features, strict=True)]
            self.bias -= rate * error / len(batch)
        self.weights = [w - rate * s / len(batch) for w, s in zip(self.weights, slope, strict=True)]
        return loss / len(batch), right / len(batch)

    def judge(self, rows: Sequence[Row]) -> tuple[float, float]:
        """The loss and the accuracy on rows that it does not learn from."""
        guesses = [(self._guess(features), label) for features, label in rows]
        loss = sum(cross_entropy(guess, label) for guess, label in guesses)
        return loss / len(rows), sum((guess > 0.5) == label for guess, label in guesses) / len(rows)

    def _guess(self, features: list[float]) -> float:
        return 1 / (1 + math.exp(-sum(map(mul, self.weights, features)) - self.bias))


def cross_entropy(guess: float, label: int) -> float:
    """How wrong a guess is."""
    return -math.log(max(guess if label else 1 - guess, 1e-12))


def make_rows(chance: random.Random) -> list[Row]:
    """Points on either side of a plane, some of them astray."""
    truth = [chance.gauss(0, 1) for _ in range(FEATURES)]
    rows = []
    for _ in range(ROWS):
        features = [chance.gauss(0, 1) for _ in range(FEATURES)]
        side = sum(map(mul, truth, features)) + chance.gauss(0, 1)
        rows.append((features, int(side > 0)))
    return rows


# --- Around it: a gateway of its own, and what arrived there. ------------------------------------


def main() -> int:
    """Run the demo. Returns the exit code."""
    with gateway() as (url, hub):
        print(f"A gateway listens on {url}/metrics; a run starts and reports to it.")
        with reporter.Reporter("demo", gateway=url, mode="online", interval=1) as r:
            train(r, show)
            record = r.status().get("record", "nowhere")
        if sys.stdout.isatty():
            print()
        arrived = pushed(url, r.run_id)
        print(f"\nWhat the gateway has of run {r.run_id}:\n")
        for name, value in sorted(arrived.items()):
            print(f"  {name:<28}{value}")
        print(f"\nLook at it:  {url}/metrics\nIts record:  {record}")
        if sys.stdout.isatty():
            serve_until_interrupted(hub)
    return 0 if arrived.get("state") == "succeeded" else 1


def show(text: str) -> None:
    """One line that renews itself on a terminal, and lines elsewhere."""
    on_terminal = sys.stdout.isatty()
    print("\r" * on_terminal + f"  {text}", end="" if on_terminal else "\n", flush=True)


@contextlib.contextmanager
def gateway() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The embedded gateway, as `reporter up` starts it; no other hub is used or disturbed."""
    with tempfile.TemporaryDirectory() as runtime:
        hub = subprocess.Popen(
            [sys.executable, "-m", "reporter.cli", "up", "--port", "0"],
            env={**os.environ, "XDG_RUNTIME_DIR": runtime},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C ends the run first, and only then the gateway
        )
        try:
            assert hub.stdout is not None
            url = next((w for w in hub.stdout.readline().split() if w.startswith("http")), "")
            if not url:
                sys.exit("The gateway did not start.")
            yield url, hub
        finally:
            hub.terminate()
            hub.wait()


def pushed(url: str, run_id: str) -> dict[str, str]:
    """The users' gauges and the state of one run, as any Prometheus would read them."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{url}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    samples = [s for f in text_string_to_metric_families(text) for s in f.samples]
    found = {}
    for sample in samples:
        if sample.labels.get("run") != run_id:
            continue
        if "metric_name" in sample.labels and sample.name.startswith("reporter_push_gateway"):
            found[sample.labels["metric_name"]] = f"{sample.value:g}"
        elif "param_name" in sample.labels:
            found[f"{sample.labels['param_name']} (parameter)"] = sample.labels["param_value"]
        elif sample.name == "reporter_run_state":
            found["state"] = reporter.State(int(sample.value)).word
    return found


def serve_until_interrupted(hub: subprocess.Popen[str]) -> None:
    """Leave the gateway there to be looked at."""
    print("The gateway serves until Ctrl-C.")
    with contextlib.suppress(KeyboardInterrupt):
        hub.wait()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the run has ended as cancelled.")
