"""Values on a device: read when they are there, and nobody waits for them in a report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from reporter.board import deferred
from reporter.board.deferred import AT_A_CALL
from reporter.board.layout import AFTER_END, BAD_VALUES, NO_ROOM, NO_STEP, Memory
from reporter.board.newest import Newest
from reporter.board.ring import LEASE, Ring
from reporter.errors import ValueRefused
from tests.pretended_device import Stream, Tensor
from tests.unit.board.boards import Taker

Way = Callable[[Any], Callable[..., None]]
WAYS = pytest.mark.parametrize(
    "way",
    [
        lambda writer: lambda *a: writer.report_metric("m", *a),
        lambda writer: writer.metric("m"),
        lambda writer: lambda *a: writer.metric("m")(*a),  # noqa: PLW0108 - made at each
    ],
    ids=["by name", "by handle", "by new handles"],
)


@WAYS
def test_f7_a_report_of_a_tensor_returns_before_it_is_computed(
    memory: Memory, device: Stream, way: Way
) -> None:
    """A tensor on a device is read once it is there, in order and with its step; no report waits.

    Whatever would synchronise raises in this test."""
    ring, taker = Ring(memory), Taker(memory)
    report = way(ring)
    for k in range(5):
        report(Tensor(k), k if k % 2 else None)
    assert taker.take() == []
    device.go_on(3)
    report(Tensor(5), 5)
    assert taker.take() == [(1, 0, None), (1, 1, 1), (1, 2, None)]
    device.go_on()
    ring.look()
    assert taker.take() == [(1, 3, 3), (1, 4, None), (1, 5, 5)]


@WAYS
def test_f7_the_newest_value_may_be_a_tensors(
    plain_memory: Memory, device: Stream, way: Way
) -> None:
    """Where newest values are kept alone, a tensor on a device becomes one when it is there."""
    newest = Newest(plain_memory)
    report = way(newest)
    report(Tensor(0.25), 3)
    report(Tensor(0.5))
    assert plain_memory.board_steps[1] == NO_STEP
    device.go_on(1)
    assert not newest.look()
    assert (plain_memory.board_values[1], plain_memory.board_steps[1]) == (0.25, 3)
    device.go_on()
    assert newest.look()
    assert (plain_memory.board_values[1], plain_memory.board_steps[1]) == (0.5, 3)


@WAYS
def test_a_plain_value_does_not_overtake(memory: Memory, device: Stream, way: Way) -> None:
    """Points of one metric keep their order, whatever their values are."""
    ring, taker = Ring(memory), Taker(memory)
    report = way(ring)
    report(Tensor(1))
    report(2, 20)
    report(Tensor(3))
    assert taker.take() == []
    device.go_on()
    report(4)
    report(5)
    assert [point[1:] for point in taker.take()] == [
        (1, None), (2, 20), (3, None), (4, None), (5, None)
    ]  # fmt: skip


def test_other_metrics_do_not_wait(memory: Memory, device: Stream) -> None:
    """A device that is busy holds up nothing but its own metrics."""
    ring, taker = Ring(memory), Taker(memory)
    ring.report_metric("tensor", Tensor(1))
    for k in range(LEASE + 10):
        ring.report_metric("plain", k)
    assert [value for _, value, _ in taker.take()] == list(range(LEASE + 10))


@pytest.mark.parametrize("kind", [Ring, Newest])
def test_a_name_of_plain_values_that_turns_to_tensors(
    kind: type[Ring] | type[Newest], memory: Memory, device: Stream
) -> None:
    """Once the slow path has seen a tensor under a name, no later one is waited for."""
    warned: list[str] = []
    writer = kind(memory, warn=warned.append)
    handle = writer.metric("m")
    handle(1)
    writer.report_metric("m", 2)
    assert writer.is_hot("m")
    writer.slow("m", Tensor(3), None)  # as every 4,096th report is
    assert not writer.is_hot("m")
    for report in (handle, writer.metric("m"), lambda value: writer.report_metric("m", value)):
        report(Tensor(4))
        report(5)
    device.go_on()
    assert writer.look()
    assert not writer.is_hot("m")
    assert warned == []


def test_a_real_tensor_of_the_processor_is_read_at_once(memory: Memory) -> None:
    """A tensor that lies in the machine's own memory takes the hot path, as a number does."""
    torch = pytest.importorskip("torch")
    ring, taker = Ring(memory), Taker(memory)
    for report in (lambda value: ring.report_metric("m", value), ring.metric("h")):
        report(torch.tensor(0.25))
        assert ring.is_hot("m")
        report(torch.tensor(0.5))
    assert ring.is_hot("h")
    assert [value for _, value, _ in taker.take()] == [0.25, 0.5, 0.25, 0.5]


def test_a_report_looks_at_a_few_at_most(memory: Memory, device: Stream) -> None:
    """What a report pays for others is bounded, however many are ready."""
    ring = Ring(memory)
    for k in range(100):
        ring.report_metric("m", Tensor(k))
    device.go_on()
    device.asked = 0
    ring.report_metric("m", Tensor(100))
    assert device.asked == AT_A_CALL


def test_pinned_memory_is_made_once_and_used_again(memory: Memory, device: Stream) -> None:
    """Making pinned memory may wait for the device; a long run makes one block."""
    ring, taker = Ring(memory), Taker(memory)
    for k in range(5000):
        ring.report_metric("m", Tensor(k))
        device.go_on()
    ring.look()
    assert [value for _, value, _ in taker.take()] == list(range(5000))
    assert device.blocks == 1


@WAYS
@pytest.mark.parametrize("kind", [Ring, Newest])
def test_f7_a_device_that_never_answers_costs_no_memory(
    kind: type[Ring] | type[Newest],
    memory: Memory,
    device: Stream,
    way: Way,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a device never computes is bounded, and counted: when there is no room, and at the end,
    which says so once."""
    monkeypatch.setattr(deferred, "OUTSTANDING", 100)
    warned: list[str] = []
    writer = kind(memory, warn=warned.append)
    report = way(writer)
    for k in range(130):
        report(Tensor(k))
    assert len(writer.deferred.reports) == 100
    assert (memory.words[NO_ROOM], memory.words[BAD_VALUES]) == (30, 0)
    writer.stop()
    report(Tensor(0))
    assert memory.words[BAD_VALUES] == 100
    assert memory.words[AFTER_END] == 1
    assert [line for line in warned if "100 values" in line and "device" in line] == warned[:1]


@WAYS
def test_f7_a_device_that_fails_makes_bad_values(memory: Memory, device: Stream, way: Way) -> None:
    """What is lost to a device's failure is counted and warned of once, and later values arrive."""
    warned: list[str] = []
    ring, taker = Ring(memory, warn=warned.append), Taker(memory)
    report = way(ring)
    for k in range(3):
        report(Tensor(k))
    device.query_error = RuntimeError("CUDA error: an illegal memory access was encountered")
    assert ring.look()
    device.query_error = None
    report(Tensor(3), 3)
    device.go_on()
    ring.look()
    assert memory.words[BAD_VALUES] == 3
    assert taker.take() == [(1, 3, 3)]
    assert len(warned) == 1
    assert "'m'" in warned[0]
    assert "illegal memory access" in warned[0]


def test_strict_raises_at_the_report_that_finds_the_failure(memory: Memory, device: Stream) -> None:
    """And not at the end, where there is no report to raise at."""
    ring = Ring(memory, strict=True)
    ring.report_metric("m", Tensor(1))
    device.query_error = RuntimeError("CUDA error")
    with pytest.raises(ValueRefused, match="'m': CUDA error"):
        ring.report_metric("n", 1)
    device.query_error = None
    ring.report_metric("m", Tensor(2))
    device.query_error = RuntimeError("CUDA error")
    assert ring.look(waits=True)
    assert memory.words[BAD_VALUES] == 2


def refuse_copies(device: Stream) -> None:
    device.copy_error = RuntimeError("CUDA error: device-side assert triggered")


def capture(device: Stream) -> None:
    device.capturing = True


@pytest.mark.parametrize(
    ("count", "break_it", "why"),
    [
        (1, refuse_copies, "cannot be copied: CUDA error: device-side assert"),
        (1, capture, "CUDA graph that is being captured"),
        (3, lambda _: None, "array of 3 elements"),
    ],
    ids=["no copy", "capture", "three elements"],
)
def test_f7_what_cannot_be_asked_for_is_refused_where_it_is_reported(
    count: int, break_it: Callable[[Stream], None], why: str, memory: Memory, device: Stream
) -> None:
    """The first report of a name raises, a later one is counted; nothing waits for the device."""
    warned: list[str] = []
    ring, taker = Ring(memory, warn=warned.append), Taker(memory)
    ring.report_metric("known", Tensor(1))
    device.go_on()
    ring.look()
    break_it(device)
    with pytest.raises(ValueRefused, match=why):
        ring.report_metric("new", Tensor(1, count))
    ring.report_metric("known", Tensor(2, count))
    ring.metric("handle")(Tensor(2, count))
    assert memory.words[BAD_VALUES] == 2
    assert len(warned) == 2
    assert [value for _, value, _ in taker.take()] == [1]


def test_f7_a_graph_that_is_being_captured_is_left_alone(memory: Memory, device: Stream) -> None:
    """While the program captures a graph the device is asked nothing, which would end the capture;
    what was reported before is read after it."""
    ring, taker = Ring(memory), Taker(memory)
    ring.report_metric("m", Tensor(1))
    device.go_on()
    device.capturing, device.asked = True, 0
    ring.metric("n")(1)
    assert not ring.look(waits=True)
    assert device.asked == 0
    device.capturing = False
    ring.look()
    assert [value for _, value, _ in taker.take()] == [1, 1]


def test_a_device_that_is_not_known_is_read_at_once(memory: Memory, device: Stream) -> None:
    """Where nothing tells when a value is there, it is read as `float()` does."""
    with pytest.raises(ValueRefused, match="'m'"):  # here that fails: it would wait
        Ring(memory).report_metric("m", Tensor(1, kind="mps"))


class EagerTensor:
    """What a tensor of TensorFlow looks like on a GPU: it cannot tell whether it is there."""

    device = "/job:localhost/replica:0/task:0/device:GPU:0"

    def __init__(self, value: float) -> None:
        self.value, self.read = value, 0
        self.shape = self

    def num_elements(self) -> int:
        return 1

    def numpy(self) -> EagerTensor:
        self.read += 1
        return self

    def item(self) -> float:
        return self.value


EagerTensor.__module__ = "tensorflow.python.framework.ops"


def test_what_cannot_tell_is_kept_until_the_next_of_its_name(memory: Memory) -> None:
    """A tensor of TensorFlow on a GPU is read one report later, or when somebody waits."""
    ring, taker = Ring(memory), Taker(memory)
    first, second = EagerTensor(1), EagerTensor(2)
    ring.report_metric("m", first)
    ring.report_metric("other", 1)
    assert first.read == 0
    ring.report_metric("m", second)
    assert (first.read, second.read) == (1, 0)
    assert not ring.look()
    assert ring.look(waits=True)
    assert [value for tag, value, _ in taker.take() if tag == ring.tags["m"]] == [1, 2]


def test_no_framework_is_loaded(memory: Memory) -> None:
    """What looks at values imports none."""
    before = set(sys.modules)
    ring = Ring(memory)
    for value in (1, 1.5, True, EagerTensor(1)):
        ring.report_metric(f"m{value!r}"[:9], value)
    assert {name.partition(".")[0] for name in set(sys.modules) - before} <= {"reporter"}
