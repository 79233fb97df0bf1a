"""What `reporter grafana export` writes: files of `grafana/`, wrapped and altered as asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from errno import ENOENT
from functools import partial
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve()
_INSTALLED = _HERE.parents[1] / "grafana_files"  # where the wheel has them …
_IN_THE_REPOSITORY = _HERE.parents[2] / "grafana"  # … and an editable install finds them

SCRAPE_S = 15.0  # what the files say where nothing else is asked for
_RATE = "$__rate_interval"
_CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  labels:
    grafana_dashboard: "1"
  annotations:
    grafana_folder: Training
data:
  {file}: |
"""

Bundle = dict[str, str]  # the text of each file, by its path below the folder


class Kind(StrEnum):
    """What the files are for."""

    RAW = "raw"
    PROVISIONING = "provisioning"
    CONFIGMAP = "configmap"
    COMPOSE = "compose"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the files are to differ from what is shipped."""

    uid_prefix: str = ""
    scrape_s: float | None = None
    push_s: float | None = None


def bundle(kind: Kind, wishes: Wishes) -> Bundle:
    """Every file of this kind."""
    if not files().is_dir():
        raise FileNotFoundError(ENOENT, "not installed whole, install run-reporter anew", files())
    return dict(_MAKERS[kind](wishes))


def files() -> Path:
    """The folder that they are in."""
    return _INSTALLED if _INSTALLED.is_dir() else _IN_THE_REPOSITORY


def _raw(wishes: Wishes) -> Iterator[tuple[str, str]]:
    yield from _dashboards(wishes)
    yield from _rules(wishes)


def _provisioning(wishes: Wishes) -> Iterator[tuple[str, str]]:
    yield from _dashboards(wishes)
    yield from _templates("provisioning/*/*.yaml", wishes)


def _compose(wishes: Wishes) -> Iterator[tuple[str, str]]:
    yield from _provisioning(wishes)
    yield from _rules(wishes)
    yield from _templates("compose/*.yaml", wishes)


def _configmap(wishes: Wishes) -> Iterator[tuple[str, str]]:
    for path, text in _dashboards(wishes):
        file = path.rpartition("/")[2]
        name = file.removesuffix(".json")
        head = _CONFIG_MAP.format(name=name, file=file)
        lines = text.splitlines(keepends=True)
        yield f"{name}.yaml", head + "".join(f"    {line}" for line in lines)
    for path in ("kubernetes/servicemonitor/servicemonitor.yaml", "rules/prometheusrule.yaml"):
        for _, text in _templates(path, wishes):
            yield f"monitoring/{path.rpartition('/')[2]}", text


def _operator(wishes: Wishes) -> Iterator[tuple[str, str]]:
    yield from _configmap(wishes)
    ((path, text),) = _templates("kubernetes/operator/grafanadashboards.yaml", wishes)
    yield path.rpartition("/")[2], _named(r"(?<=name: )|(?<=key: )", wishes.uid_prefix)(text)


_MAKERS: dict[Kind, Callable[[Wishes], Iterator[tuple[str, str]]]] = {
    Kind.RAW: _raw,
    Kind.PROVISIONING: _provisioning,
    Kind.CONFIGMAP: _configmap,
    Kind.COMPOSE: _compose,
    Kind.OPERATOR: _operator,
}


def _dashboards(wishes: Wishes) -> Iterator[tuple[str, str]]:
    """The files have the prefix, too: Grafana and its sidecar keep all copies in one folder."""
    for path in sorted((files() / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        _rename(dashboard, wishes.uid_prefix)
        seldom = max(wishes.scrape_s or 0, wishes.push_s or 0)
        if seldom > SCRAPE_S:  # else the data source's own interval is enough
            _widen(dashboard, seldom)
        text = json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        yield f"dashboards/{wishes.uid_prefix}{path.name}", _linked(wishes)(text)


def _rename(dashboard: dict[str, Any], prefix: str) -> None:
    """Another UID, and other tags: by these the dashboards of one copy list each other."""
    dashboard["uid"] = prefix + dashboard["uid"]
    for tagged in (dashboard, *dashboard.get("links", [])):
        tagged["tags"] = [prefix + tag for tag in tagged.get("tags", [])]


def _widen(found: Any, seconds: float) -> None:
    """A rate needs two pushes within its range: no query steps more often than they come."""
    if isinstance(found, dict):
        if _RATE in str(found.get("expr", "")):
            found["interval"] = in_prometheus(seconds)
        for each in found.values():
            _widen(each, seconds)
    elif isinstance(found, list):
        for each in found:
            _widen(each, seconds)


def _rules(wishes: Wishes) -> Iterator[tuple[str, str]]:
    return _templates("rules/reporter-*.yaml", wishes)


def _templates(pattern: str, wishes: Wishes) -> Iterator[tuple[str, str]]:
    """Text files, in which the scrape interval and links to dashboards may be others."""
    interval = in_prometheus(wishes.scrape_s or SCRAPE_S)
    linked = _linked(wishes)
    for path in sorted(files().glob(pattern)):
        text = path.read_text(encoding="utf-8")
        told = re.sub(r"(?m)(\w*[iI]nterval: )15s\b", rf"\g<1>{interval}", text)
        yield path.relative_to(files()).as_posix(), linked(told)


def _linked(wishes: Wishes) -> Callable[[str], str]:
    return _named("(?<=/d/)", wishes.uid_prefix)


def _named(after: str, prefix: str) -> Callable[[str], str]:
    """Puts the prefix before the name of each dashboard that follows `after`."""
    names = "|".join(path.stem for path in (files() / "dashboards").glob("*.json"))
    return partial(re.compile(rf"(?:{after})(?=(?:{names})(?:\.json)?(?![\w.-]))").sub, prefix)


def in_prometheus(seconds: float) -> str:
    """A duration as Prometheus and Grafana spell it: whole numbers only."""
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"
