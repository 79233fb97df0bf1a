"""Eight threads against one reader in another process; run by itself under any interpreter.

The board needs the standard library alone, so that an interpreter without pytest can run it.
"""

from __future__ import annotations

import os
import sys
import threading

from reporter.board import ring as ring_module
from reporter.board.layout import POINTS, Memory, create
from reporter.board.reader import Reader
from reporter.board.ring import Ring
from reporter.board.writer import read_names

THREADS, EACH = 8, 50_000
SHARED = "shared"


def write(ring: Ring, thread: int, start: threading.Barrier) -> None:
    """Own metric with a step, own handle, and a metric of all threads; each value names itself."""
    own, handle = f"own-{thread}", ring.metric(f"handle-{thread}")
    start.wait()
    for n in range(EACH // 3):
        value = thread * 1e6 + n
        ring.report_metric(own, value, step=n)
        handle(value, n)
        ring.report_metric(SHARED, value)


def read(memory: Memory, writer_is_done: int) -> dict[int, list[tuple[float, int | None]]]:
    """Every point by its tag, until the writer says that it has stopped."""
    found: dict[int, list[tuple[float, int | None]]] = {}
    reader, over = Reader(memory), False
    os.set_blocking(writer_is_done, False)
    while True:
        for block in reader.blocks():
            for tag, value, step in zip(block.tags, block.values, block.steps, strict=True):
                found.setdefault(abs(tag), []).append((value, step if tag < 0 else None))
            for k, tag in enumerate(block.tags):
                reader.saw(abs(tag), block.position(k))
            reader.hand_back(block.span)
        if over:
            assert not reader.unfinished(), "a slot was claimed and never filled"
            check_newest(memory, reader, found)
            return found
        try:
            over = os.read(writer_is_done, 1) == b""
        except BlockingIOError:
            pass


def check_newest(
    memory: Memory, reader: Reader, found: dict[int, list[tuple[float, int | None]]]
) -> None:
    """The ring's last point or the board's value, whichever is newer, is the last one reported."""
    newest = {tag: points[-1][0] for tag, points in found.items()}
    newest.update((tag, value) for tag, value, _ in reader.board())
    for tag, name in read_names(memory, 0)[0]:
        if name != SHARED:
            expected = int(name.rpartition("-")[2]) * 1e6 + EACH // 3 - 1
            assert newest[tag] == expected, f"newest of {name}: {newest[tag]}, not {expected}"


def check(memory: Memory, found: dict[int, list[tuple[float, int | None]]]) -> int:
    """Nothing torn, invented, doubled or out of order; read + dropped = reported, per metric."""
    dropped = 0
    for tag, name in read_names(memory, 0)[0]:
        points, drops = found.get(tag, []), memory.board_drops[tag]
        reported = EACH // 3 * (THREADS if name == SHARED else 1)
        assert len(points) + drops == reported, f"{name}: {len(points)} + {drops} of {reported}"
        last = dict.fromkeys(range(THREADS), -1)
        for value, step in points:
            thread, n = divmod(int(value), 1_000_000)
            assert n > last[thread], f"{name}: {n} after {last[thread]}"
            assert step == (None if name == SHARED else n), f"{name}: step {step} of value {value}"
            assert name in (SHARED, f"own-{thread}", f"handle-{thread}"), f"{name} got {value}"
            last[thread] = n
        dropped += drops
    return dropped


def main() -> None:
    ring_module.FREE_THREADED = ring_module.FREE_THREADED or "takewhile" in sys.argv
    memory = create(keep_points=True)
    done_read, done_write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(done_write)
        dropped = check(memory, read(memory, done_read))
        os.write(1, f"ok, {dropped} dropped of a ring of {POINTS}\n".encode())
        os._exit(0)
    ring, start = Ring(memory), threading.Barrier(THREADS)
    threads = [threading.Thread(target=write, args=(ring, t, start)) for t in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    ring.stop()
    os.close(done_write)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
