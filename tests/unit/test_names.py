"""Names on the wire: legal, complete, and covering everything that the sender says."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from reporter import names
from reporter.names import FAMILIES, METRIC_PREFIX, State, family

LEGAL = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LEGAL_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def test_the_states_are_numbered_as_documented() -> None:
    """Dashboards and rules hang on these numbers."""
    assert {state.word: int(state) for state in State} == {
        "queued": 0,
        "running": 1,
        "succeeded": 2,
        "failed": 3,
        "cancelled": 4,
        "lost": 5,
    }


def test_the_group_is_as_documented() -> None:
    """Four labels, the job first."""
    assert names.GROUP_LABELS == ("job", "podUUID", "run", "rank")
    assert names.JOB == "reporter_pod_info"


def test_f14_every_family_and_label_is_legal_and_says_what_it_is() -> None:
    """No label that a group has is ever in a body."""
    for name, (labels, says) in FAMILIES.items():
        assert name.startswith("reporter_")
        assert LEGAL.fullmatch(name)
        assert says
        assert not says.endswith(".")
        assert len(set(labels)) == len(labels)
        assert not set(labels) & set(names.GROUP_LABELS)
        for label in labels:
            assert LEGAL_LABEL.fullmatch(label)
            assert not label.startswith("__")


def test_units_are_in_the_names() -> None:
    """Times end in seconds, sizes in bytes, facts in info: what Prometheus calls good names."""
    for name, (_, says) in FAMILIES.items():
        if "Unix time" in says:
            assert name.endswith("_time_seconds")
        if says.endswith("always 1"):
            assert name.endswith("_info")


def test_drop_reasons_are_each_of_one_kind() -> None:
    """Lost points, what is only missing on the gateway, lost messages; none is two of them."""
    kinds = (names.POINT_DROPS, names.PUSH_DROPS, names.MESSAGE_DROPS)
    assert sorted(reason for kind in kinds for reason in kind) == sorted(set(names.DROP_REASONS))
    assert set(names.DROP_REASONS) == {
        "ring_full",
        "bad_value",
        "overflow",
        "series_limit",
        "name_too_long",
        "quarantined",
        "record_limit",
        "record_error",
        "after_end",
        "message_lost",
    }


def test_reserved_names_are_as_documented() -> None:
    """Progress and dashboards hang on them."""
    assert set(names.RESERVED_METRICS) >= {"step", "epoch", "overall_epochs", "loss"}
    assert len(set(names.RESERVED_METRICS)) == len(names.RESERVED_METRICS)
    assert "learning_rate" in names.RESERVED_PARAMETERS


def test_f9_a_users_name_in_a_family() -> None:
    """Everything but ASCII letters, digits and the underscore becomes an underscore."""
    assert family(METRIC_PREFIX, "val/loss") == "reporter_push_gateway_metric_val_loss"
    assert family(METRIC_PREFIX, "9 é²ß") == "reporter_push_gateway_metric_9____"


@given(st.text())
def test_f9_any_name_makes_a_legal_family(name: str) -> None:
    """Any name makes a legal family; the label keeps the name as it was written."""
    made = family(METRIC_PREFIX, name)
    assert LEGAL.fullmatch(made)
    assert len(made) == len(METRIC_PREFIX) + 1 + len(name)
