"""The shared memory between a Reporter and its sender: what lies where, and how it is made.

A word has one writer. The trainer's side writes names, messages, board and ring; the sender
blanks ring slots that it has read and owns its own words of the header.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys

LAYOUT = 2

POINTS = 262_144  # slots of the ring
METRICS = 16_384  # names a run may report
NAMES_BYTES = 4 << 20
MESSAGES_BYTES = 1 << 20
BRIEF_BYTES = 256 << 10
TEXT_BYTES = 4096

# Words of the header page, eight bytes each. First those of the trainer's side …
LAYOUT_WORD = 0
TAKEN = 1  # ring slots leased so far, absolute
NAMES_END = 2  # bytes of names
MESSAGES_END = 3  # bytes of messages, absolute
BRIEF_END = 4  # bytes of the brief
ENDED = 5  # 1 once the end is written: no report is accepted any more
FLUSH_ASKED = 6
BAD_VALUES = 7  # reports dropped before they reached the ring, by reason
OVERFLOWS = 8
NO_ROOM = 9
AFTER_END = 10
NAMES_CUT = 11
MESSAGES_LOST = 12
PROGRESS_DONE = 13  # as doubles
PROGRESS_TOTAL = 14
# … then the sender's, on another cache line.
TAIL = 32  # points handed back, absolute
DONE = 33  # points recorded, at least TAIL: what a successor must blank again
MESSAGES_TAIL = 34
FLUSHED = 35
PHASE = 36
STATUS_SEQUENCE = 37  # odd while the status is being written
RECORDED = 38  # what became of the points taken out of the ring
SLOTS_BAD = 39
SLOTS_OVERFLOWED = 40
OVER_RECORD_LIMIT = 41
NOT_RECORDED = 42

EVENTS_NOT_RECORDED = 43
TROUBLE = 44  # 1 while the gateway has taken no push for a while

# … and the trainer's again, as doubles: how its loop goes on.
STEPS_SEEN = 64
STEPS_EXPECTED = 65
SAMPLES_SEEN = 66
CHECKPOINT_AT = 67
SECONDS_SPENT = 68  # the first of one for each phase
PACE_WORDS = 80  # behind them

PHASE_STARTING, PHASE_RUNNING, PHASE_CLOSED, PHASE_DELIVERED = 0, 1, 2, 3

# What a slot holds while nobody has written it: a NaN and a step that nobody reports.
NO_VALUE = 0x7FF4DEADC0DE5EED
NO_STEP = -(2**63)
# Tags: 0 blank, +m without a step, -m with one; a claimed slot without a point has one of these.
VOID, BAD, OVERFLOW = -(2**31), -(2**31) + 1, -(2**31) + 2

_PAGE = 4096
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, of Linux 5.14 and later; Python has no name for it
_END = _PAGE
_STATUS = _END + TEXT_BYTES
_BRIEF = _STATUS + TEXT_BYTES
_VALUES = _BRIEF + BRIEF_BYTES
_STEPS = _VALUES + 8 * POINTS
_TAGS = _STEPS + 8 * POINTS
_BOARD = _TAGS + 4 * POINTS
_NAMES = _BOARD + 5 * 8 * METRICS
_MESSAGES = _NAMES + NAMES_BYTES
SIZE = _MESSAGES + MESSAGES_BYTES

BRIEF_OFFSET = _BRIEF


class Memory:
    """The areas of one mapping, as views of their own type."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._mapping = _mapping(descriptor)
        area = memoryview(self._mapping)
        self.words = area[:_PAGE].cast("Q")
        self.floats = area[:_PAGE].cast("d")
        self.end = area[_END:_STATUS]
        self.status = area[_STATUS:_BRIEF]
        self.brief = area[_BRIEF:_VALUES]
        self.values = area[_VALUES:_STEPS].cast("d")
        self.value_bits = area[_VALUES:_STEPS].cast("Q")
        self.steps = area[_STEPS:_TAGS].cast("q")
        self.tags = area[_TAGS:_BOARD].cast("i")
        board = [area[_BOARD + 8 * METRICS * k : _BOARD + 8 * METRICS * (k + 1)] for k in range(5)]
        self.board_values = board[0].cast("d")
        self.board_value_bits = board[0].cast("Q")
        self.board_steps = board[1].cast("q")
        self.board_since = board[2].cast("Q")
        self.board_drops = board[3].cast("Q")
        self.board_read = board[4].cast("Q")  # the sender's: behind the newest point it has read
        self.names = area[_NAMES:_MESSAGES]
        self.messages = area[_MESSAGES:SIZE]

    def make_ready(self, start: int, slots: int) -> None:
        """Let slots of the ring be in memory: a first store into each page would wait for it."""
        for area, width in ((_VALUES, 8), (_STEPS, 8), (_TAGS, 4)):
            first = area + width * start
            page = first // _PAGE * _PAGE
            try:
                self._mapping.madvise(_POPULATE_WRITE, page, first - page + width * slots)
            except (AttributeError, OSError, ValueError):  # an older kernel, or another system
                return


def create(keep_points: bool) -> Memory:
    """New memory with every slot blank; nothing on any file system can fill up or vanish."""
    descriptor = above_streams(_anonymous_file())
    try:
        _blank(descriptor, keep_points)
        memory = Memory(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    memory.words[LAYOUT_WORD] = LAYOUT
    return memory


def _blank(descriptor: int, keep_points: bool) -> None:
    os.ftruncate(descriptor, SIZE)
    no_value, no_step = struct.pack("Q", NO_VALUE), struct.pack("q", NO_STEP)
    if keep_points:
        os.pwrite(descriptor, no_value * POINTS, _VALUES)
        os.pwrite(descriptor, no_step * POINTS, _STEPS)
    os.pwrite(descriptor, no_value * METRICS + no_step * METRICS, _BOARD)


def attach(descriptor: int) -> Memory:
    """The same memory, in the sender."""
    memory = Memory(descriptor)
    if memory.words[LAYOUT_WORD] != LAYOUT:
        raise RuntimeError("the Reporter and its sender are of different versions")
    return memory


def _mapping(descriptor: int) -> mmap.mmap:
    if sys.version_info >= (3, 13):  # older ones keep a descriptor of their own, and close it
        return mmap.mmap(descriptor, SIZE, trackfd=False)
    return mmap.mmap(descriptor, SIZE)


def above_streams(descriptor: int) -> int:
    """The same file under a number that no standard stream of a child takes."""
    if descriptor > 2:
        return descriptor
    import fcntl  # noqa: PLC0415 - rare, and Windows has it not

    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(descriptor)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("run-reporter", os.MFD_CLOEXEC)
    # Not tempfile: it imports random, which a user's own random.py may shadow.
    folder = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108
    path = os.path.join(folder, f"run-reporter-{os.urandom(8).hex()}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return descriptor
