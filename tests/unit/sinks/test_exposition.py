"""What the text of a push looks like."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from reporter.names import FAMILIES
from reporter.sinks.base import Family
from reporter.sinks.exposition import render

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER = st.floats(allow_nan=False)
SAMPLE = st.tuples(st.dictionaries(st.sampled_from(["a", "metric_name", "value"]), TEXT), NUMBER)


def parsed(text: bytes) -> list[Family]:
    return [
        Family(
            found.name,
            found.documentation,
            tuple((sample.labels, float(sample.value)) for sample in found.samples),
        )
        for found in text_string_to_metric_families(text.decode())
    ]


@given(st.lists(SAMPLE, min_size=1, max_size=4))
def test_f11_f12_any_text_in_a_label_survives(samples: list[tuple[dict[str, str], float]]) -> None:
    """No text in a label can end it, or add a series: parsing gives back what was rendered."""
    families = [Family("first", "One", tuple(samples)), Family("second_total", "Two", (({}, 2),))]
    assert parsed(render(families)) == families


@pytest.mark.parametrize("name", [*FAMILIES, "reporter_push_gateway_metric_x_created"])
def test_e11_f19_every_family_is_a_gauge(name: str) -> None:
    """Every family is a gauge, one type for ever, and no sample has a timestamp."""
    lines = render([Family(name, "Help", (({}, 1.0),))]).decode().splitlines()
    assert lines == [f"# HELP {name} Help", f"# TYPE {name} gauge", f"{name} 1.0"]


def test_values_that_are_no_finite_number_are_pushed() -> None:
    """NaN and both infinities are spelt as Prometheus reads them."""
    samples = tuple(({"n": str(n)}, v) for n, v in enumerate((math.nan, math.inf, -math.inf)))
    lines = render([Family("x", "Help", samples)]).decode().splitlines()[2:]
    assert [line.split()[1] for line in lines] == ["NaN", "+Inf", "-Inf"]


def test_f11_text_that_is_not_unicode_is_spelt_out() -> None:
    """A lone surrogate, as the name of a file may hold it, is spelt out: it costs no push, and two
    names that differ in it stay two."""
    text = render([Family("x", "\udcff", (({"file": "a\udcffb ü"}, 1.0),))]).decode()
    assert 'x{file="a\\\\udcffb ü"} 1.0' in text


def test_f12_an_injected_series_stays_a_label() -> None:
    """A value that looks like the end of its label and a new line remains one value."""
    evil = 'x"} 1\n# TYPE y counter\ny{a="\\'
    families = [Family("x", "Help", (({"a": evil}, 1.0),))]
    assert parsed(render(families)) == families


def test_multiprocess_mode_is_ignored(tmp_path: os.PathLike[str]) -> None:
    """A trainer that uses prometheus_client's multiprocess mode does not change a push."""
    code = (
        "from reporter.sinks.base import Family; from reporter.sinks.exposition import render;"
        "print(render([Family('x', 'Help', (({}, 1.0),))]).decode(), end='')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert ran.stdout == "# HELP x Help\n# TYPE x gauge\nx 1.0\n"
    assert os.listdir(tmp_path) == []
