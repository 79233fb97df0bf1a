"""Whatever text a user gives arrives as that text and as nothing else: a real gateway judges."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

import reporter
from reporter.names import GROUP_LABELS, METRIC_PREFIX, State, family
from reporter.record import events
from reporter.record.events import Event
from reporter.record.load import RunRecord, load
from reporter.sender.gauges import Gauges
from reporter.sinks.exposition import render
from reporter.sinks.pushgateway import Pushgateway as Sink
from reporter.sinks.pushgateway import Target
from tests.misbehaving import Misbehaving
from tests.runs import Training
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service

GROUP = {"job": "names", "podUUID": "p", "run": "r", "rank": "0"}
ODD_NAMES = (
    "val/loss", "val-loss", "val loss", "val.loss", "val_loss", "потеря", "损失", "9lives", "__x",
    "__name__", "a\nb", "a\r\nb", "a\tb", "a\0b", " x", "x ", "a\u2028b", "a\x85b", "\ufeffx", "😀",
    'x"', "x\\", "x\\n", "{}", "#", "# TYPE x counter", "x" * 256, "loss_total", "loss_bucket",
    "a\udcffb", "a\udcfeb",
)  # fmt: skip
RESERVED = (
    "push_time_seconds", "push_failure_time_seconds", "go_goroutines", "process_cpu_seconds_total",
    "pushgateway_build_info", "reporter_run_state", "reporter_run_info", "up", "scrape_duration",
)  # fmt: skip
INJECTED = (
    'x",admin="1', 'x"} 1\n# TYPE y counter\ny{a="', "\\", '\\"', "\\n", "\n", "\r\n", "\x85",
    "}", '"', "x\udcff", "ü", "\0", "", " ", "nan", "=", ",", '{job="other"}',
)  # fmt: skip
TEXT = st.text(st.characters(), min_size=1, max_size=256)
TEXTS = st.lists(TEXT.filter(str.strip), unique=True, max_size=12)


class Arrived(NamedTuple):
    record: RunRecord
    samples: list[Sample]

    def labels(self, label: str) -> dict[str, Sample]:
        return {each.labels[label]: each for each in self.samples if label in each.labels}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushgateway]:
    """One for these tests alone: they read all that it shows, and often."""
    program = Pushgateway(tmp_path_factory.mktemp("pushgateway"))
    try:
        program.start()
        yield program
    finally:
        program.stop()


def samples(text: str, wanted: dict[str, str]) -> list[Sample]:
    found = (sample for each in text_string_to_metric_families(text) for sample in each.samples)
    return [sample for sample in found if wanted.items() <= sample.labels.items()]


def arrived(r: reporter.Reporter, gateway: Pushgateway) -> Arrived:
    """What there is of a run that was left; it was delivered with nothing put aside."""
    assert r.status()["delivered"]
    found = samples(gateway.metrics(), {"run": r.run_id})
    rejected = [each.value for each in found if each.name == "reporter_rejected_families"]
    assert rejected == [0]
    return Arrived(load(r.status()["record"]), found)


def spelt(text: str) -> str:
    """As a gateway shows it: what is not Unicode is spelt out."""
    return text.encode("utf-8", "backslashreplace").decode()


def test_f9_odd_metric_names_arrive(tmp_path: Path, gateway: Pushgateway) -> None:
    """Any text is a name: the record and the label `metric_name` have it as it was written, the
    family has `_` for what it may not hold, and names that meet there stay apart."""
    with reporter.Reporter(dir=str(tmp_path), gateway=gateway.url) as r:
        for k, name in enumerate(ODD_NAMES):
            r.report_metric(name, k)
            r.report_parameter(name, k)
    found = arrived(r, gateway)
    shown = found.labels("metric_name")
    for k, name in enumerate(ODD_NAMES):
        assert found.record.newest[name][0] == k
        sample = shown[spelt(name)]
        assert (sample.name, sample.value) == (family(METRIC_PREFIX, name), k)
    assert len(shown) == len(ODD_NAMES)
    texts = {each.labels["param_name"]: each.labels["param_value"] for each in found.samples
             if "param_name" in each.labels}  # fmt: skip
    assert texts == {spelt(name): str(k) for k, name in enumerate(ODD_NAMES)}


def test_f9_a_name_of_10_kb_is_cut(tmp_path: Path, gateway: Pushgateway) -> None:
    """A long name is cut at 256 characters and counted; two that differ at their end stay two."""
    with reporter.Reporter(dir=str(tmp_path), gateway=gateway.url) as r:
        for k in range(2):
            r.report_metric("x" * 10_000 + str(k), k)
            r.report_parameter("y" * 10_000 + str(k), k)
    found = arrived(r, gateway)
    assert sorted(each.value for each in found.labels("metric_name").values()) == [0, 1]
    assert {len(name) for name in found.labels("metric_name")} == {256}
    assert {len(name) for name in found.labels("param_name")} == {256}
    assert found.labels("reason")["name_too_long"].value == 4


def test_f9_what_is_no_name_is_refused(tmp_path: Path, gateway: Pushgateway) -> None:
    """Empty, blank or no text is no name, wherever a name is given: it raises at your line."""
    names: list[object] = ["", " ", "\n", None, 1, b"loss", ["loss"]]
    with reporter.Reporter(dir=str(tmp_path), gateway=gateway.url) as r:
        for name in names:
            with pytest.raises(reporter.NameRefused):
                r.report_metric(name, 1)  # type: ignore[arg-type]
            with pytest.raises(reporter.NameRefused):
                r.report_parameter(name, 1)  # type: ignore[arg-type]
    found = arrived(r, gateway)
    assert (found.labels("metric_name"), found.labels("param_name")) == ({}, {})
    assert found.record.newest == {}


def test_f10_names_of_others_are_free(tmp_path: Path, gateway: Pushgateway) -> None:
    """Names that the gateway, Prometheus or we use ourselves are names like any other: a prefix
    keeps them apart."""
    before = time.time()
    with reporter.Reporter(dir=str(tmp_path), gateway=gateway.url) as r:
        for name in RESERVED:
            r.report_metric(name, -1)
            r.report_parameter(name, "x")
    found = arrived(r, gateway)
    for name in RESERVED:
        assert found.labels("metric_name")[name].name == f"{METRIC_PREFIX}_{name}"
    own = {each.name: each.value for each in found.samples if "metric_name" not in each.labels}
    assert own["push_time_seconds"] >= before - 1
    assert own["reporter_run_state"] == State.SUCCEEDED


@pytest.mark.parametrize(
    "prefix", ["reporter_push_gateway_metric", "reporter_push_gateway_parameter"]
)
def test_f11_f12_odd_texts_arrive(prefix: str, tmp_path: Path, gateway: Pushgateway) -> None:
    """Line ends, quotes, backslashes, what looks like the end of a label, and what is not Unicode
    stay within the text; it never becomes a label or a line of its own."""
    with reporter.Reporter(dir=str(tmp_path), gateway=gateway.url, parameter_prefix=prefix) as r:
        for k, text in enumerate(INJECTED):
            r.report_parameter(f"p{k}", text)
            r.tag(f"t{k}", text)
            if text.strip():
                r.milestone(text)
        r.stage(INJECTED[1])
        r.fail(INJECTED[1])
    found = arrived(r, gateway)
    parameters, tags = found.labels("param_name"), found.labels("tag")
    for k, text in enumerate(INJECTED):
        # A label without a text is no label to a gateway.
        assert parameters[f"p{k}"].labels.get("param_value", "") == spelt(text)
        assert tags[f"t{k}"].labels.get("value", "") == spelt(text)
    assert set(found.labels("milestone")) == {spelt(text) for text in INJECTED if text.strip()}
    assert set(found.labels("stage")) == set(found.labels("detail")) == {INJECTED[1]}
    assert not [each for each in found.samples if "admin" in each.labels or each.name == "y"]


def test_f11_a_text_of_100_kb_is_cut(tmp_path: Path, gateway: Pushgateway) -> None:
    """On the gateway a text is cut at 1 KiB; the record has 16 KiB of it."""
    with reporter.Reporter(dir=str(tmp_path), gateway=gateway.url) as r:
        r.report_parameter("prompt", "ü" * 100_000)
    found = arrived(r, gateway)
    assert found.labels("param_name")["prompt"].labels["param_value"] == "ü" * 512
    assert len(found.record.parameters["prompt"]) == 16 * 1024


@given(names=TEXTS, parameters=TEXTS, texts=st.lists(TEXT, min_size=12, max_size=12))
@settings(max_examples=100, deadline=None)
def test_f9_f11_f12_any_text_goes_round(
    gateway: Pushgateway, names: list[str], parameters: list[str], texts: list[str]
) -> None:
    """Names and texts of any characters come back as they were, from a parser and from a gateway
    alike.

    A hundred bodies of some fifty random texts.
    """
    gauges = Gauges({}, parameter_prefix=METRIC_PREFIX, series_limit=1000, lease=1.0)
    for k, name in enumerate(names):
        gauges.newest.set(name, k, None, 1.0)
    for name, text in zip(parameters, texts, strict=False):
        for kind in (events.PARAMETER, events.TAG, events.MILESTONE):
            gauges.apply(Event(float(len(text)), kind, {"name": name, "value": text}))
    expected = {spelt(name): float(k) for k, name in enumerate(names)}
    told = {spelt(name): cut(text) for name, text in zip(parameters, texts, strict=False)}
    moments = {spelt(name): len(text) for name, text in zip(parameters, texts, strict=False)}
    for found in read_back(gauges, gateway):
        assert by(found, "metric_name", "") == expected
        assert by(found, "param_name", "param_value") == told
        assert by(found, "tag", "value") == told
        assert by(found, "milestone", "") == moments


def read_back(gauges: Gauges, gateway: Pushgateway) -> tuple[list[Sample], list[Sample]]:
    """What a parser, and what a gateway that it was pushed to, makes of the body."""
    families = gauges.families(0.0)
    sink = Sink(Target(gateway.url))
    outcome = sink.replace(GROUP, families)
    sink.close()
    assert outcome.ok, outcome.problem
    return samples(render(families).decode(), {}), samples(gateway.metrics(), GROUP)


def by(found: list[Sample], label: str, other: str) -> dict[str, object]:
    """The value, or another label, of the samples that have a label, by it."""
    return {each.labels[label]: each.labels.get(other, "") if other else each.value
            for each in found if label in each.labels}  # fmt: skip


def cut(text: str) -> str:
    """At most 1 KiB of UTF-8, and never within a character."""
    return spelt(text).encode()[:1024].decode("utf-8", "ignore")


ODD_GROUPS = (
    "a/b",
    "%2F",
    "../..",
    "ü",
    "a b",
    "x\ny",
    '"',
    "a@base64",
    ".",
    "job/other",
    "\udcff",
)


@pytest.mark.parametrize("pod", ODD_GROUPS)
def test_f13_odd_labels_of_a_group_arrive(pod: str, tmp_path: Path, gateway: Pushgateway) -> None:
    """Whatever the environment calls the pod, the group is the run's own, under that very text."""
    training = Training(tmp_path, gateway.url)
    with training.told(podUUID=pod) as told:
        told("report_metric", "loss", 1)
        told.leave()
    (group,) = (each for each in gateway.groups() if each["labels"].get("run") == told.run)
    wanted = spelt(os.fsencode(pod).decode("utf-8", "surrogateescape"))
    assert group["labels"] == {
        "job": "reporter_pod_info",
        "podUUID": wanted,
        "run": told.run,
        "rank": "0",
    }
    assert training.record().delivered


def test_f14_f19_a_body_has_no_label_of_the_group_and_no_time(
    tmp_path: Path, gateway: Pushgateway
) -> None:
    """A body never has a label of the group, whatever names you choose, nor a timestamp, and
    everything in it is a gauge; a real gateway takes it as it is."""
    with Misbehaving("status", [(200, {}, b"")]) as listening:
        with reporter.Reporter(dir=str(tmp_path), gateway=listening.url) as r:
            for name in (*GROUP_LABELS, "instance", "le", "quantile", "__name__"):
                r.report_metric(name, 1, step=2)
                r.report_parameter(name, "mine")
                r.tag(name, "mine")
                r.milestone(name)
            r.stage("run")
        text = gzip.decompress(listening.requests[-1].body).decode()
    families = list(text_string_to_metric_families(text))
    assert {each.type for each in families} == {"gauge"}
    found = [sample for each in families for sample in each.samples]
    assert len(found) > 4 * 8
    assert {sample.timestamp for sample in found} == {None}
    assert not {label for sample in found for label in sample.labels} & {*GROUP_LABELS, "instance"}
    sink = Sink(Target(gateway.url))
    assert sink._http.request("PUT", "/metrics/job/f14/run/r", text.encode(), {}, 5).status == 200
    sink.close()


def test_f17_f18_the_newest_text_and_any_labels(tmp_path: Path, gateway: Pushgateway) -> None:
    """A changed parameter has one series, with the newest text; a metric and a parameter of one
    name share their family with labels of their own."""
    with reporter.Reporter(dir=str(tmp_path), gateway=gateway.url) as r:
        for text in ("sgd", None, "adam"):
            r.report_parameter("lr", text)
            r.report_metric("lr", 0.25)
            assert r.flush(10)
    found = arrived(r, gateway)
    shown = [each for each in found.samples if each.name == f"{METRIC_PREFIX}_lr"]
    kinds = {each.labels["push_gateway_type"]: each for each in shown}
    assert len(shown) == 2
    assert (kinds["metric"].value, kinds["parameter"].labels["param_value"]) == (0.25, "adam")
    assert found.record.parameters == {"lr": "adam"}
