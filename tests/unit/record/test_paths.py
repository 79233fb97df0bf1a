"""Where records lie: any name is a safe folder."""

from __future__ import annotations

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.record.paths import RunPaths, rank_in, safe_name


@given(st.text())
def test_any_text_is_one_safe_folder(text: str) -> None:
    """Never empty, hidden, long, or a way to somewhere else."""
    name = safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name)
    assert len(name) <= 100


@pytest.mark.parametrize(
    "text", ["", ".", "..", "../../etc", "/", "a/b", "\udcff", "é" * 500, "x" * 500]
)
def test_hostile_names_stay_below_the_base(text: str) -> None:
    """A project's name never leads out of the base."""
    folder = RunPaths("/base", text, text, 0).folder
    assert os.path.normpath(folder) == folder
    assert folder.split("/")[:2] == ["", "base"]
    assert len(folder.split("/")) == 5
    assert len(folder) < 250


def test_ordinary_names_are_kept_and_changed_ones_stay_apart() -> None:
    """What had to be changed carries a digest, so that distinct names rarely meet."""
    assert safe_name("vision-2.0_a") == "vision-2.0_a"
    assert len({safe_name(text) for text in ("a/b", "a b", "a-b", "a:b", "-a-b", ".a-b")}) == 6


def test_the_layout_on_disk() -> None:
    """Readers and writers agree on every file."""
    paths = RunPaths("/base", "p", "r", 3)
    again = RunPaths.of_folder("/base/p/r/rank-3")
    for each in (paths, again):
        assert each.folder == "/base/p/r/rank-3"
        assert each.base == "/base"
        names = (each.run_json, each.points, each.events, each.artifacts, each.log)
        assert [os.path.basename(name) for name in names] == [
            "run.json",
            "points.bin",
            "events.jsonl",
            "artifacts",
            "sender.log",
        ]


def test_only_rank_folders_have_a_rank() -> None:
    """What is not called rank-<n> is no rank's folder."""
    assert rank_in("rank-12") == 12
    assert [rank_in(name) for name in ("rank-", "rank-x", "12", "rank-²", "rank--1")] == [None] * 5
