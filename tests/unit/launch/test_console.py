"""The parts of the relay: the tail that it keeps, and the outlets that it feeds."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reporter.launch.relay import SIZE, TAIL_BYTES, Outlet, Tail, relay
from tests.waiting import wait_for


@pytest.fixture
def tail() -> Iterator[Tail]:
    memory = os.memfd_create("tail")
    os.ftruncate(memory, SIZE)
    yield Tail(memory)
    os.close(memory)


def test_a_short_tail_is_the_whole(tail: Tail) -> None:
    tail.add(b"one\n")
    tail.add(b"two")
    assert tail.text() == b"one\ntwo"


@pytest.mark.parametrize("piece", [1000, 65_536, 1_000_003, 5_000_000])
def test_a_long_tail_begins_with_a_line_and_says_what_is_cut(piece: int, tail: Tail) -> None:
    """Whatever the pieces were in which it came."""
    told = b"".join(b"line %d\n" % n for n in range(300_000))
    for at in range(0, len(told), piece):
        tail.add(told[at : at + piece])
    first, rest = tail.text().split(b"\n", 1)
    assert first == b"[reporter: the first %d bytes are not kept]" % (len(told) - len(rest))
    assert told.endswith(rest)
    assert rest.startswith(b"line ")
    assert TAIL_BYTES - 20 < len(rest) <= TAIL_BYTES


def test_a_tail_is_there_for_whoever_has_its_memory(tail: Tail) -> None:
    """As for the process that started a relay which was killed."""
    memory = os.memfd_create("tail")
    os.ftruncate(memory, SIZE)
    Tail(memory).add(b"said")
    assert Tail(memory).text() == b"said"
    os.close(memory)


def test_a_target_that_takes_nothing_costs_bounded_memory_and_is_told() -> None:
    """The oldest of what waits is dropped, and said to be, once it takes something again."""
    reader, writer = os.pipe()
    outlet, got = Outlet(writer), bytearray()
    for _ in range(40 * 16):
        outlet.put(b"z" * (1 << 16))
    assert outlet.waiting <= 8 << 20
    drain = threading.Thread(target=_drain, args=(reader, got))
    drain.start()
    assert outlet.close()
    os.close(writer)
    drain.join()
    os.close(reader)
    told = [line for line in bytes(got).split(b"\n") if b"were not shown" in line]
    lost = sum(int(line.split()[1]) for line in told)
    assert lost
    assert got.count(b"z") + lost == 40 << 20


@pytest.mark.slow
def test_last_words_reach_a_target_that_takes_them_slowly() -> None:
    """However long that takes, as long as it takes some; the program is told to wait meanwhile."""
    reader, writer = os.pipe()
    outlet, got, pause = Outlet(writer), bytearray(), threading.Event()
    for _ in range(80):
        outlet.put(b"z" * (1 << 16))
    assert outlet.full

    def read_slowly() -> None:
        while piece := os.read(reader, 1 << 16):
            got.extend(piece)
            pause.wait(0.04)

    reading = threading.Thread(target=read_slowly)
    reading.start()
    began = time.monotonic()
    assert outlet.close()
    assert time.monotonic() - began > 2, "it was too fast to show anything"
    os.close(writer)
    reading.join()
    os.close(reader)
    assert len(got) == 80 << 16


@pytest.mark.slow
def test_what_hangs_makes_nobody_wait() -> None:
    """Neither the program, nor `reporter run` at its end."""
    reader, writer = os.pipe()
    outlet = Outlet(writer)
    for _ in range(80):
        outlet.put(b"z" * (1 << 16))
    wait_for(lambda: not outlet.full, 10, "it to be given up")
    assert not outlet.close()
    os.close(reader)
    outlet._thread.join(10)  # it writes no more: the number may be another file's next
    os.close(writer)


def test_a_file_makes_nobody_wait(tmp_path: Path) -> None:
    """A disk is quick, or it hangs."""
    with (tmp_path / "log").open("wb") as file:
        outlet = Outlet(file.fileno())
        outlet.waiting = 7 << 20
        assert not outlet.full


def _drain(reader: int, got: bytearray) -> None:
    while piece := os.read(reader, 1 << 16):
        got.extend(piece)


def test_a_source_that_stays_open_ends_when_woken_and_empty(tail: Tail) -> None:
    """A daemon that the program left behind keeps its streams open: that is no reason to wait."""
    (source, said), (wake, bell) = os.pipe(), os.pipe()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.write(said, b"last words\n")
    thread = threading.Thread(target=relay, args=({source: Outlet(nowhere)}, tail, wake))
    thread.start()
    wait_for(tail.text, what="the first words")
    os.write(said, b"and more\n")
    os.write(bell, b"\0")
    thread.join(10)
    assert not thread.is_alive()
    assert tail.text() == b"last words\nand more\n"
    for descriptor in (source, said, wake, bell):
        os.close(descriptor)


def test_a_source_that_never_pauses_has_an_end(tail: Tail) -> None:
    """What a program left behind may print for ever; what was said till then is passed on."""
    source, (wake, bell) = os.open("/dev/zero", os.O_RDONLY), os.pipe()
    outlet = Outlet(os.open(os.devnull, os.O_WRONLY))
    thread = threading.Thread(target=relay, args=({source: outlet}, tail, wake), daemon=True)
    thread.start()
    wait_for(tail.text, what="the first words")
    os.write(bell, b"\0")
    thread.join(5)
    assert not thread.is_alive()
    assert outlet.close()
    for descriptor in (source, wake, bell):
        os.close(descriptor)
