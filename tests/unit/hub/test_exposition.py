"""The text format: what is rendered is read back, and no value can leave its quotes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from reporter.hub.exposition import (
    KINDS,
    Family,
    Sample,
    UnreadableError,
    parse,
    render,
    render_sample,
)

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LABEL_NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: not name.startswith("__")
)
# No suffix that a histogram of the same push would claim.
METRIC_NAMES = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,8}", fullmatch=True).map("x".__add__)
LABELS = st.dictionaries(LABEL_NAMES, ANY_TEXT, max_size=4).map(lambda d: tuple(d.items()))


@st.composite
def families(draw: st.DrawFn) -> dict[str, Family]:
    names = draw(st.lists(METRIC_NAMES, unique=True, max_size=4))
    simple = st.sampled_from([kind for kind in KINDS if kind not in {"histogram", "summary"}])
    samples = st.lists(st.tuples(LABELS, st.floats()), min_size=1, max_size=4)
    helps = st.none() | ANY_TEXT.map(str.strip).filter(bool)
    return {
        name: Family(
            name,
            draw(simple),
            draw(helps),
            [Sample(name, labels, value) for labels, value in draw(samples)],
        )
        for name in names
    }


def seen(found: dict[str, Family]) -> list[object]:
    return [
        (f.name, f.kind, f.help, [(s.name, s.labels, repr(s.value)) for s in f.samples])
        for f in found.values()
    ]


@given(families())
def test_what_is_rendered_is_read_back(given_families: dict[str, Family]) -> None:
    """Render and parse are inverse, whatever the labels, help texts and values are."""
    assert seen(parse(render(given_families).encode())) == seen(given_families)


@given(LABELS, st.floats())
def test_no_label_value_makes_a_line(labels: tuple[tuple[str, str], ...], value: float) -> None:
    """One sample is one line, and an independent reader finds exactly that series."""
    text = render_sample("m", labels, value)
    assert text.count("\n") == 1
    [family] = parse(text.encode()).values()
    assert [(s.name, s.labels) for s in family.samples] == [("m", labels)]


@given(st.dictionaries(LABEL_NAMES, ANY_TEXT.filter(lambda t: "\\" not in t), max_size=3))
def test_others_read_it_alike(labels: dict[str, str]) -> None:
    """prometheus_client reads the same labels (its own handling of backslashes set aside)."""
    [family] = text_string_to_metric_families(render_sample("m", labels.items(), 1))
    assert [sample.labels for sample in family.samples] == [labels]


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """No body makes the reader fail in any way but its own."""
    try:
        found = parse(body)
    except UnreadableError:
        return
    assert all(family.samples for family in found.values())


def test_the_line_is_named() -> None:
    """A refusal says which line, and what is wrong there."""
    with pytest.raises(UnreadableError) as refused:
        parse(b'a 1\nb{c="d"} x\n')
    assert str(refused.value) == "line 2: expected a number as value, got 'x'"


def test_a_hostile_line_is_refused_at_once() -> None:
    """A megabyte of open quotes costs one pass: the test would time out otherwise."""
    for piece in (b'm{a="' + b'\\"' * 500_000, b"m{" + b'a="b",' * 200_000, b"m" * 1_000_000):
        with pytest.raises(UnreadableError):
            parse(piece + b"\n")


def test_nan_is_spelt_as_prometheus_spells_it() -> None:
    """NaN and the infinities have one spelling."""
    lines = [render_sample("m", (), value) for value in (math.nan, math.inf, -math.inf, 2.0)]
    assert lines == ["m NaN\n", "m +Inf\n", "m -Inf\n", "m 2\n"]
