"""wandb, offline: a process of its own writes the run to a file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

os.environ |= {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_CONSOLE": "off",
}

import wandb
from subject import Place, Subject
from wandb.proto.wandb_internal_pb2 import Record

_FILE_HEAD, _BLOCK = 7, 32_768
_HEAD = struct.Struct("<IHB")  # checksum, length, kind of each piece of a record
_LAST_PIECES = (1, 4)


class WandbOffline(Subject):
    label = "wandb, offline"
    packages = ("wandb",)
    calls = 300

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._run = wandb.init(project="benchmarks", mode="offline", dir=place.folder)

    def report(self, name: str, value: float) -> None:
        self._run.log({name: value})

    def report_round(self, pairs: Iterable[tuple[str, float]], step: int) -> None:  # noqa: ARG002
        self._run.log(dict(pairs))

    def leave(self) -> None:
        self._run.finish()

    @classmethod
    def arrived(cls, place: Place) -> int:
        """A row of the history is a call."""
        files = Path(place.folder).glob("wandb/offline-run-*/*.wandb")
        records = (record for file in files for record in _records(file.read_bytes()))
        return sum(Record.FromString(each).HasField("history") for each in records)


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a log that is cut into blocks."""
    at, record = _FILE_HEAD, b""
    while at + _HEAD.size <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEAD.size:
            at += left
            continue
        _, size, kind = _HEAD.unpack_from(data, at)
        at += _HEAD.size + size
        record += data[at - size : at]
        if kind in _LAST_PIECES and at <= len(data):
            yield record
            record = b""


SUBJECT = WandbOffline
