"""How a group becomes the path of a request."""

from __future__ import annotations

import base64
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporter.sinks.pushgateway import group_path

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def group_of(path: str) -> dict[str, str]:
    """The group as a gateway reads it: it splits the decoded path."""
    parts = unquote(path).removeprefix("/metrics/").split("/")
    group = {}
    for label, value in zip(parts[::2], parts[1::2], strict=True):
        name, _, packed = label.partition("@")
        group[name] = base64.urlsafe_b64decode(value).decode() if packed else value
    return group


def test_the_job_comes_first_and_the_others_in_order() -> None:
    """The gateway wants the job first; the rest keeps the order of the group."""
    group = {"podUUID": "p", "run": "r", "job": "j", "rank": "0"}
    assert group_path(group) == "/metrics/job/j/podUUID/p/run/r/rank/0"


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("plain-1.2_3~", "run/plain-1.2_3~"),
        ("a b?#%", "run/a%20b%3F%23%25"),
        ("", "run@base64/="),
        ("a/b", "run@base64/YS9i"),
        ("ü", "run@base64/w7w="),
        ("a\nb", "run@base64/YQpi"),
        (".", "run@base64/Lg=="),
        ("..", "run@base64/Li4="),
        ("\udcff", "run@base64/XHVkY2Zm"),
    ],
)
def test_f13_a_value_that_a_path_cannot_hold_goes_as_base64(value: str, segment: str) -> None:
    """Empty, slashes, dots alone, control characters and anything beyond ASCII go as base64."""
    assert group_path({"job": "j", "run": value}) == "/metrics/job/j/" + segment


@given(st.fixed_dictionaries({"job": TEXT, "run": TEXT, "rank": TEXT}))
def test_f13_any_group_survives(group: dict[str, str]) -> None:
    """Whatever the text, the gateway reads back exactly the group that was meant."""
    path = group_path(group)
    assert path.isascii()
    assert group_of(path) == group
