"""Reports of tensors on a device that something disturbs: ends, interrupts, forks, threads."""

from __future__ import annotations

import gc
import random
import threading
import weakref

import pytest

from reporter.board.layout import AFTER_END, BAD_VALUES, Memory
from reporter.board.newest import Newest
from reporter.board.ring import Ring
from tests.pretended_device import Stream, Tensor
from tests.unit.board.boards import Taker


def test_reports_while_the_device_is_asked(memory: Memory, device: Stream) -> None:
    """A signal handler or a finalizer that reports in there: all arrive, each once."""
    ring, taker = Ring(memory), Taker(memory)

    def report() -> None:
        device.while_asked = lambda: None  # but for what is reported in here
        device.go_on()
        if len(device.work) < 40:
            ring.report_metric("m", Tensor(len(device.work)))
            ring.report_metric("inner", 1)
        device.while_asked = report

    device.while_asked = report
    ring.report_metric("m", Tensor(0))
    while not (device.go_on() or ring.look()):
        pass
    points = taker.take()
    assert [value for tag, value, _ in points if tag == ring.tags["m"]] == list(range(40))
    assert sum(tag == ring.tags["inner"] for tag, _, _ in points) == 39


@pytest.mark.parametrize("kind", [Ring, Newest])
def test_a_run_that_ends_while_a_tensor_is_asked_for(
    kind: type[Ring] | type[Newest], memory: Memory, device: Stream
) -> None:
    """By another thread, or a signal handler: that report came after the end."""
    writer = kind(memory)

    class Ends(Tensor):
        def detach(self) -> Tensor:
            writer.stop()
            return self

    writer.report_metric("m", Ends(1))
    assert (memory.words[AFTER_END], memory.words[BAD_VALUES]) == (1, 0)
    assert not writer.deferred.reports


@pytest.mark.parametrize("kind", [Ring, Newest])
@pytest.mark.parametrize("meanwhile", ["nothing", "computed", "failed"])
def test_a_run_that_ends_while_a_device_is_asked_counts_each_report_once(
    meanwhile: str, kind: type[Ring] | type[Newest], memory: Memory, device: Stream
) -> None:
    """By a signal handler in there: also the report that was being looked at is counted."""
    writer = kind(memory)
    for k in range(3):
        writer.report_metric("m", Tensor(k))

    def end() -> None:
        device.while_asked = lambda: None
        writer.stop()
        if meanwhile == "computed":
            device.go_on()
        elif meanwhile == "failed":
            device.query_error = RuntimeError("CUDA error")

    device.while_asked = end
    writer.look()
    assert memory.words[BAD_VALUES] + memory.words[AFTER_END] == 3
    assert Taker(memory).take() == []


@pytest.mark.parametrize("first", [False, True], ids=["before", "after"])
def test_a_run_that_ends_while_a_tensor_is_placed_counts_each_report_once(
    first: bool, memory: Memory, device: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it has its place it came too late; behind that it is in the record."""
    ring = Ring(memory)
    for k in range(3):
        ring.report_metric("m", Tensor(k))
    place = ring.place

    def and_end(name: str, value: float, step: int | None) -> None:
        if first:
            place(name, value, step)
        ring.stop()
        if not first:
            place(name, value, step)

    monkeypatch.setattr(ring, "place", and_end)
    device.go_on()
    ring.look()
    assert len(Taker(memory).take()) == first
    assert memory.words[BAD_VALUES] + memory.words[AFTER_END] == 3 - first


def test_an_interrupt_while_the_device_is_asked_loses_nothing(
    memory: Memory, device: Stream
) -> None:
    """Ctrl-C there is the user's; the value is read later."""
    ring, taker = Ring(memory), Taker(memory)

    def interrupt() -> None:
        device.while_asked = lambda: None
        raise KeyboardInterrupt

    device.while_asked = interrupt
    with pytest.raises(KeyboardInterrupt):
        ring.report_metric("m", Tensor(1), 7)
    device.go_on()
    ring.look()
    assert taker.take() == [(1, 1, 7)]


def test_a_forked_copy_leaves_the_parents_device_alone(memory: Memory, device: Stream) -> None:
    """In a child nothing is asked of the device, and nothing is freed there."""
    ring, taker = Ring(memory), Taker(memory)
    ring.report_metric("m", Tensor(1))
    on_its_way = weakref.ref(ring.deferred.reports[0][1].event)  # type: ignore[union-attr]
    device.asked = 0
    ring.detach()
    ring.report_metric("m", Tensor(2))
    device.go_on()
    assert ring.look(waits=True)
    gc.collect()
    assert (device.asked, on_its_way() is None, taker.take()) == (0, False, [])


@pytest.mark.parametrize("kind", [Ring, Newest])
def test_threads_lose_no_tensor(
    kind: type[Ring] | type[Newest], memory: Memory, device: Stream
) -> None:
    """Several threads, tensors and plain values: each is kept once, in its thread's order."""
    writer, taker = kind(memory), Taker(memory)

    def report(name: str) -> None:
        chance = random.Random(name)
        for k in range(1000):
            writer.report_metric(name, k if k and chance.random() < 0.3 else Tensor(k), k)
            device.go_on(1)

    threads = [threading.Thread(target=report, args=(f"m{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    device.go_on()
    while not writer.look(waits=True):
        pass
    if kind is Newest:
        assert list(memory.board_values[1:5]) == [999] * 4
        return
    points = taker.take()
    for tag in range(1, 5):
        assert [(v, s) for t, v, s in points if t == tag] == [(k, k) for k in range(1000)]
