"""Reads and writes Prometheus's text format, exactly as strictly as a Pushgateway does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

KINDS = ("counter", "gauge", "summary", "untyped", "histogram")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_METRIC_NAME = re.compile(_NAME)
# Possessive quantifiers: a hostile line costs one pass, and `m1` is never read as `m` and `1`.
_SAMPLE = re.compile(
    rf"[ \t]*+({_NAME})[ \t]*+"
    r'(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*+")*+)\})?[ \t]*+'
    r"([^ \t]++)(?:[ \t]++(.*+))?"
)
_LABEL = re.compile(
    r"[ \t]*+([a-zA-Z_][a-zA-Z0-9_]*+)[ \t]*+=[ \t]*+"
    r'"((?:[^"\\]|\\[\\"n])*+)"[ \t]*+(?:,[ \t]*+|$)'
)
_COMMENT = re.compile(r"[ \t]*+#[ \t]*+(HELP|TYPE)[ \t]++([^ \t]++)(?:[ \t]++(.*+))?")
_NUMBER = re.compile(
    r"[+-]?+(?:(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+|(?i:inf|infinity))|(?i:nan)"
)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_UNESCAPED = {"\\": "\\", '"': '"', "n": "\n"}
_VALUE_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})

Labels = tuple[tuple[str, str], ...]


class UnreadableError(ValueError):
    """The text is not in the format; says the line and what is wrong there."""


@dataclass(slots=True)
class Sample:
    """One series and its value; `name` is the family's, or the family's with a suffix."""

    name: str
    labels: Labels
    value: float
    timestamped: bool = False


@dataclass(slots=True)
class Family:
    """All samples of one name."""

    name: str
    kind: str = "untyped"
    help: str | None = None
    samples: list[Sample] = field(default_factory=list)
    typed: bool = False


def parse(body: bytes) -> dict[str, Family]:
    """The families that have samples, in order of appearance."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start} is not UTF-8") from None
    lines = text.split("\n")
    if lines.pop() != "":
        raise UnreadableError(f"line {len(lines) + 1}: the last line must end with a line feed")
    families: dict[str, Family] = {}
    for number, line in enumerate(lines, 1):
        try:
            _read_line(line, families)
        except UnreadableError as error:
            raise UnreadableError(f"line {number}: {error}") from None
    return {name: family for name, family in families.items() if family.samples}


def _read_line(line: str, families: dict[str, Family]) -> None:
    stripped = line.lstrip(" \t")
    if stripped.startswith("#"):
        _read_comment(stripped, families)
    elif stripped:
        _read_sample(stripped, families)


def _read_sample(line: str, families: dict[str, Family]) -> None:
    match = _SAMPLE.fullmatch(line)
    if match is None:
        raise UnreadableError("expected a metric name, labels and a value")
    name, labels, value, timestamp = match.groups()
    if timestamp is not None:
        _check_timestamp(timestamp)
    sample = Sample(name, _read_labels(labels), _read_value(value), timestamp is not None)
    family = _family_of(name, families)
    if family.kind in SUFFIXES:
        _check_bounds(family.kind, sample)
    family.samples.append(sample)


def _read_comment(line: str, families: dict[str, Family]) -> None:
    match = _COMMENT.fullmatch(line)
    if match is None:
        return
    keyword, name, text = match.groups()
    if _METRIC_NAME.fullmatch(name) is None:
        raise UnreadableError(f"{name!r} is not a metric name")
    if not text:
        return
    family = _family_of(name, families)
    if keyword == "HELP":
        if family.help is not None:
            raise UnreadableError(f"second HELP line for {name!r}")
        family.help = _unescape(text, allowed="\\n")
    else:
        _set_kind(family, text.lower())


def _set_kind(family: Family, kind: str) -> None:
    if family.typed or family.samples:
        raise UnreadableError(f"second TYPE line for {family.name!r}, or TYPE after its samples")
    if kind not in KINDS:
        raise UnreadableError(f"unknown metric type {kind!r}; use one of {', '.join(KINDS)}")
    family.kind = kind
    family.typed = True


def _family_of(name: str, families: dict[str, Family]) -> Family:
    found = families.get(name)
    if found is not None:
        return found
    if name.endswith(("_bucket", "_sum", "_count")):
        base = families.get(name.rpartition("_")[0])
        if base is not None and name[len(base.name) :] in SUFFIXES.get(base.kind, ()):
            return base
    return families.setdefault(name, Family(name))


def _read_labels(text: str | None) -> Labels:
    if not text or not text.strip(" \t"):
        return ()
    labels: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _LABEL.match(text, position)
        if match is None:
            raise UnreadableError(f'expected label="value" at {text[position : position + 40]!r}')
        name, value = match.groups()
        if name == "__name__" or name in labels:
            raise UnreadableError(f"label {name!r} is reserved or given twice")
        labels[name] = _unescape(value, allowed='\\n"')
        position = match.end()
    return tuple(labels.items())


def _read_value(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise UnreadableError(f"expected a number as value, got {text[:40]!r}")
    value = float(text)
    if math.isinf(value) and "inf" not in text.lower():
        raise UnreadableError(f"the value {text[:40]!r} is too large")
    return value


def _check_timestamp(text: str) -> None:
    if re.fullmatch(r"[+-]?[0-9]+", text) is None:
        raise UnreadableError(f"expected an integer as timestamp, got {text[:40]!r}")


def _check_bounds(kind: str, sample: Sample) -> None:
    bound = "le" if kind == "histogram" else "quantile"
    for name, value in sample.labels:
        if name == bound:
            _read_value(value)


def _unescape(text: str, allowed: str) -> str:
    if "\\" not in text:
        return text

    def plain(match: re.Match[str]) -> str:
        if not match[1] or match[1] not in allowed:
            raise UnreadableError(f"invalid escape sequence {match[0]!r}")
        return _UNESCAPED[match[1]]

    return _ESCAPE.sub(plain, text)


def number(value: float) -> str:
    """The value as the format spells it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value)).removesuffix(".0")


def _escape(text: str) -> str:
    return _escape_short(text) if len(text) <= 256 else text.translate(_VALUE_ESCAPES)


# A group's own labels come back on every one of its lines; long values would fill the memory.
@lru_cache(maxsize=8192)
def _escape_short(text: str) -> str:
    return text.translate(_VALUE_ESCAPES)


def render_header(name: str, kind: str, help_text: str | None) -> str:
    """The HELP line, where there is one, and the TYPE line."""
    first = f"# HELP {name} {help_text.translate(_HELP_ESCAPES)}\n" if help_text else ""
    return f"{first}# TYPE {name} {kind}\n"


def render_sample(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    """One line; no label value can leave its quotes."""
    inside = ",".join([f'{label}="{_escape(text)}"' for label, text in labels])
    return f"{name}{{{inside}}} {number(value)}\n" if inside else f"{name} {number(value)}\n"


def render(families: Mapping[str, Family]) -> str:
    """The whole text; `parse` reads it back as the same families."""
    parts: list[str] = []
    for family in families.values():
        parts.append(render_header(family.name, family.kind, family.help))
        parts.extend(render_sample(s.name, s.labels, s.value) for s in family.samples)
    return "".join(parts)
