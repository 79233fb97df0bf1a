"""What is said where there is no Keras, or where its Reporter is not the one that was made."""

from __future__ import annotations

from pathlib import Path

import pytest

import reporter
from tests.integrations.trainings import refusal


def test_the_plain_reporter_names_the_one_with_autolog() -> None:
    """`autolog=` is a setting of Keras's Reporter alone, and the error says where that is."""
    with pytest.raises(TypeError, match=r"from reporter_integrations\.keras import Reporter"):
        reporter.Reporter(autolog=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"no setting nonsense$"):
        reporter.Reporter(nonsense=True)  # type: ignore[call-arg]


@pytest.mark.slow  # it starts processes
def test_without_keras_the_extra_is_named(tmp_path: Path) -> None:
    """Where Keras is missing or too old the message says what to install."""
    assert "pip install 'run-reporter[keras]'" in refusal(tmp_path, "keras", "keras")
    old = refusal(tmp_path, "keras", "keras", "2.15.0")
    assert "2.15.0 is installed" in old
    assert "run-reporter[keras]" in old
