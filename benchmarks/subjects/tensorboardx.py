"""tensorboardX's SummaryWriter: a thread writes events to a file."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

from subject import Place, Subject
from tensorboardX import SummaryWriter

_HEAD = struct.Struct("<QI")  # length and checksum before each event, another checksum after it


class TensorboardX(Subject):
    label = "tensorboardX"
    packages = ("tensorboardX",)
    calls = 500

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._writer = SummaryWriter(str(Path(place.folder, "events")))
        self._step = 0

    def report(self, name: str, value: float) -> None:
        self._step += 1
        self._writer.add_scalar(name, value, self._step)

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:
        for name, value in pairs:
            self._writer.add_scalar(name, value, step)

    def leave(self) -> None:
        self._writer.close()

    @classmethod
    def arrived(cls, place: Place) -> int:
        """Whole events, without the one that tells the file's version."""
        return sum(_events(file.read_bytes()) for file in Path(place.folder).glob("events/*"))


def _events(data: bytes) -> int:
    at = count = 0
    while at + _HEAD.size <= len(data):
        at += _HEAD.size + int(_HEAD.unpack_from(data, at)[0]) + 4
        count += at <= len(data)
    return max(0, count - 1)


SUBJECT = TensorboardX
