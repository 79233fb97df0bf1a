"""Numbers of every kind, and what is none: in the record, and on a real gateway."""

from __future__ import annotations

import array
import datetime as dt
import itertools
import json
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import reporter
from reporter.record.load import RunRecord, load
from reporter.record.paths import RunPaths
from reporter.testing import Reported
from tests.runs import Group
from tests.services.programs import Pushgateway

pytestmark = pytest.mark.service

POINTS = pytest.mark.parametrize("points", [True, False], ids=["points", "newest-only"])
LARGEST = 1.7976931348623157e308


class Arrived(NamedTuple):
    """What a run left behind."""

    record: RunRecord
    group: Group

    def of(self, name: str) -> list[float]:
        """A metric's points, then its newest value in the record and on the gateway."""
        shown = self.group.metric(name)
        assert shown is not None, name
        points = self.record.points[name].values if name in self.record.points else ()
        return [*points, self.record.newest[name][0], shown]

    def dropped(self, reason: str) -> float | None:
        return self.group.value("reporter_dropped_total", reason=reason)


Run = Callable[..., Arrived]


@pytest.fixture
def run(tmp_path: Path, pushgateway: Pushgateway) -> Run:
    def arrived(report: Callable[[reporter.Reporter], object], **settings: Any) -> Arrived:
        with reporter.Reporter(dir=str(tmp_path), gateway=pushgateway.url, **settings) as r:
            report(r)
        assert r.status()["delivered"]
        return Arrived(load(r.status()["record"]), Group(pushgateway.metrics(), r.run_id))

    return arrived


def every_way(r: reporter.Reporter, name: str, value: Any) -> None:
    """As the first report of a name, as a later one, with a step, and by handle."""
    r.report_metric(name, value)
    r.report_metric(name, value)
    r.report_metric(name, value, 3)
    r.metric(name)(value)
    reporter.report_metric(name, value)


WAYS = 5


def same(a: float, b: float) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


def are_numbers(values: Sequence[tuple[Any, float]], run: Run, **settings: Any) -> Arrived:
    """Each arrives as the number beside it, in whatever way it is reported."""

    def report(r: reporter.Reporter) -> None:
        for k, (value, _) in enumerate(values):
            every_way(r, f"m{k}", value)

    found = run(report, **settings)
    for k, (value, kept) in enumerate(values):
        arrived = found.of(f"m{k}")
        assert len(arrived) == (WAYS + 2 if settings.get("points", True) else 2)
        assert all(same(each, kept) for each in arrived), f"{value!r} arrived as {arrived}"
    assert (found.dropped("bad_value"), found.dropped("overflow")) == (0, 0)
    return found


def are_refused(values: Sequence[Any], run: Run, **settings: Any) -> None:
    """Each raises as the first report of a name, and is dropped and counted as a later one."""

    def report(r: reporter.Reporter) -> None:
        for k, value in enumerate(values):
            for call in (r.report_metric, reporter.report_metric, r.reportMetric):
                with pytest.raises(reporter.ValueRefused, match="'odd'"):
                    call("odd", value)
            r.report_metric(f"m{k}", 1)
            every_way(r, f"m{k}", value)

    found = run(report, **settings)
    names = [f"m{k}" for k in range(len(values))]
    assert list(found.record.newest) == names
    assert found.group.metric("odd") is None
    for name, value in zip(names, values, strict=True):
        assert set(found.of(name)) == {1}, f"{value!r} arrived"
    assert found.dropped("bad_value") == WAYS * len(values)


@POINTS
def test_f1_what_is_not_finite_is_recorded_shown_and_counted(points: bool, run: Run) -> None:
    """NaN and infinities are values: recorded, shown on the gateway, and counted by metric."""
    values = [(value, value) for value in (math.nan, math.inf, -math.inf, -0.0)]
    found = are_numbers(values, run, points=points)
    counts = [
        found.group.value("reporter_nonfinite_total", metric_name=f"m{k}")
        for k in range(len(values))
    ]
    assert counts == ([WAYS] * 3 if points else [1] * 3) + [None]


def test_f1_a_record_is_json_that_every_reader_knows(run: Run) -> None:
    """As parameters and notes they are text: no bare NaN, which is no JSON, is in a record."""

    def report(r: reporter.Reporter) -> None:
        r.report_parameters({"nan": math.nan, "inf": math.inf})
        r.note(nested=[math.nan, {"deep": -math.inf}])

    found = run(report)
    for line in Path(RunPaths.of_folder(found.record.folder).events).read_text().splitlines():
        json.loads(line, parse_constant=pytest.fail)
    assert found.group.parameters("nan") == ["nan"]
    assert found.group.parameters("inf") == ["inf"]


def test_f2_a_large_integer_is_the_nearest_double(run: Run) -> None:
    """Beyond 2**53 an integer is kept as the nearest double, without a word."""
    exact = [(2**63, 2.0**63), (-(2**200), -(2.0**200)), (10**308, 1e308)]
    are_numbers([(2**53 + 1, 2.0**53), *exact], run)


@POINTS
def test_f2_an_integer_that_no_double_holds_is_dropped_and_counted(points: bool, run: Run) -> None:
    """An integer that no double holds is dropped, counted as `overflow`, and never in a push."""
    values = (10**309, -(10**400), 10**5000)

    def report(r: reporter.Reporter) -> None:
        for value in values:
            every_way(r, "huge", value)
            r.report_parameter("huge", value)
        r.report_metric("huge", 1)
        for value in values:
            every_way(r, "huge", value)

    found = run(report, points=points)
    assert set(found.of("huge")) == {1}
    assert (found.dropped("overflow"), found.dropped("bad_value")) == (2 * 3 * WAYS, 0)
    assert len(found.group.parameters("huge")) == 1


@POINTS
def test_f3_numpy_scalars_are_numbers(points: bool, run: Run) -> None:
    """numpy's scalars of every width are numbers; what is wider than a double is the nearest one,
    or infinite."""
    scalars: list[tuple[Any, float]] = [
        (np.float64(0.1), 0.1),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.longdouble("0.5"), 0.5),
        (np.longdouble("1e4000"), math.inf),
        (np.float64(LARGEST), LARGEST),
        (np.float64(5e-324), 5e-324),
        (np.int8(-7), -7.0),
        (np.uint64(2**64 - 1), 2.0**64),
        (np.bool_(True), 1.0),
        (np.float32(math.nan), math.nan),
    ]
    are_numbers(scalars, run, points=points)


@pytest.mark.filterwarnings("ignore:Warning. converting a masked element to nan")
def test_f3_what_is_masked_is_no_number(run: Run) -> None:
    """A masked element is NaN, and never the number below the mask."""
    masked = [np.ma.array(np.full(shape, 7.0), mask=True) for shape in ((), (1,), (1, 1))]
    are_numbers([(value, math.nan) for value in (np.ma.masked, *masked)], run)


@POINTS
def test_f4_an_array_of_one_number_is_that_number(points: bool, run: Run) -> None:
    """An array of one number is that number, whatever its shape and type."""
    shapes: tuple[tuple[int, ...], ...] = ((), (1,), (1, 1, 1))
    kinds = ("f8", "f4", "i8", "u1", "?", "O", ">f8")
    ones = [(np.ones(shape, kind), 1.0) for shape, kind in itertools.product(shapes, kinds)]
    are_numbers(ones, run, points=points)


class Fails:
    """A value that fails to be a number."""

    def __float__(self) -> float:
        raise ZeroDivisionError


NO_NUMBERS: list[Any] = [
    None, [1.0], (1.0,), {1.0}, {}, range(1), object(), Fails(), 1j,
    np.zeros(2), np.zeros((1, 2)), np.array([]), np.array([object()]), np.array([1j]),
    np.datetime64("2020-01-01"), np.timedelta64(5, "s"), np.array([5], "m8[s]"),
    dt.datetime.now(dt.UTC), dt.timedelta(seconds=1), lambda: 1.0,
]  # fmt: skip
TEXTS: list[Any] = [
    "0.5", "nan", "", b"1", bytearray(b"1"), memoryview(b"1"), array.array("B", b"1"),
    np.str_("1"), np.bytes_(b"1"), np.array(["1"]), np.array([b"1"]),
]  # fmt: skip


@POINTS
def test_f5_what_is_no_number_never_arrives(points: bool, run: Run) -> None:
    """Neither the record nor the gateway ever has what is no number, however it is reported."""
    are_refused(NO_NUMBERS, run, points=points)


@POINTS
def test_f6_text_is_refused_even_if_it_reads_as_a_number(points: bool, run: Run) -> None:
    """Text and bytes are for parameters, even where `float()` would take them."""
    are_refused(TEXTS, run, points=points)


@POINTS
@pytest.mark.parametrize(
    "value", [np.complex64(1), np.complex128(1), np.void(b"1"), np.array("1")], ids=repr
)
def test_f5_f6_what_numpy_would_convert_is_refused_at_a_names_first_report(
    value: Any, points: bool, reported: Reported
) -> None:
    """numpy's own conversions do not make a complex number or a text the first value of a name."""
    with reporter.Reporter(points=points) as r:
        for call in (r.report_metric, reporter.report_metric):
            with pytest.raises(reporter.ValueRefused, match="'loss'"):
                call("loss", value)
    assert reported.metrics == {}


class Tensor:
    """What a framework's tensor of one element looks like from outside."""

    requires_grad = True
    dtype = "bfloat16"

    def __init__(self, value: float, ndim: int = 0) -> None:
        self.value, self.ndim = value, ndim

    def detach(self) -> Tensor:
        return self

    def numel(self) -> int:
        return 1

    def item(self) -> float:
        return self.value

    def __float__(self) -> float:
        if self.ndim:
            raise TypeError("only length-1 arrays can be converted")
        return self.value


class Tracer:
    """A value that is not known yet, as in a function that is being compiled."""

    ndim, size = 0, 1

    def __float__(self) -> float:
        raise TypeError("Abstract tracer value encountered where concrete value is expected")


@POINTS
def test_f7_a_tensor_of_one_element_is_a_number(points: bool, run: Run) -> None:
    """Whatever holds one number is known by what it can do; no framework is imported for it."""
    are_numbers([(Tensor(0.25, ndim), 0.25) for ndim in range(3)], run, points=points)


@POINTS
def test_f7_a_value_that_is_not_known_yet_is_no_number(points: bool, run: Run) -> None:
    """A tracer, or a tensor whose device failed, is a bad value like any other."""
    are_refused([Tracer()], run, points=points)


def test_f7_a_real_tensor(run: Run) -> None:
    """Torch's own tensors are such numbers, of any type, with a gradient or without: this was
    tested where torch is installed, which these tests do not require."""
    torch = pytest.importorskip("torch")
    plain, with_gradient = torch.tensor(0.25), torch.tensor([0.25], requires_grad=True)
    short = torch.tensor([[0.25]], dtype=torch.bfloat16)
    are_numbers([(value, 0.25) for value in (plain, with_gradient, short)], run)


@POINTS
def test_f8_whatever_turns_into_a_number_is_one(points: bool, run: Run) -> None:
    """Booleans are 1 and 0; decimals and fractions the nearest double."""
    values: list[tuple[Any, float]] = [
        (True, 1),
        (False, 0),
        (Decimal("0.1"), 0.1),
        (Decimal("NaN"), math.nan),
        (Decimal("1e500"), math.inf),
        (Fraction(1, 4), 0.25),
    ]
    are_numbers(values, run, points=points)


@POINTS
def test_f8_a_decimal_that_signals_is_a_bad_value(points: bool, run: Run) -> None:
    """A decimal that signals is a bad value, as what is no number is."""
    are_refused([Decimal("sNaN")], run, points=points)


def test_f20_steps_are_kept_as_they_are_given(run: Run) -> None:
    """Steps may go backwards, repeat or be left out: the record has them in the order of reports,
    the gauge is the newest report, and the run's step is the largest."""
    steps = [5, 5, 3, None, 0, -1, 2**62, 2]

    def report(r: reporter.Reporter) -> None:
        for value, step in enumerate(steps):
            r.report_metric("loss", value, step)

    found = run(report)
    assert found.record.points["loss"].steps == steps
    assert list(found.record.points["loss"].values) == list(range(len(steps)))
    assert found.group.metric("loss") == len(steps) - 1
    assert found.group.value("reporter_run_step") == 2**62
