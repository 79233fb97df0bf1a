"""Short ways to write and read records in tests."""

from __future__ import annotations

import os
from pathlib import Path

from reporter.record.load import Points
from reporter.record.paths import RunPaths
from reporter.record.writer import RecordWriter

LIMIT = 2 << 30


def paths_in(folder: Path, run_id: str = "run", rank: int = 0) -> RunPaths:
    return RunPaths(str(folder / "base"), "project", run_id, rank)


def block(writer: RecordWriter, start: int, count: int, tag: int = 1) -> int:
    """Records points whose value and step are their slot."""
    slots = list(range(start, start + count))
    return writer.points(
        start, count, 1e9 + start, False, [-tag] * count, [float(slot) for slot in slots], slots
    )


def values(points: dict[str, Points], name: str = "loss") -> list[float]:
    return list(points[name].values) if name in points else []


def bytes_of(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def replace_bytes(path: str, data: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)
