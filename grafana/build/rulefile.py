"""The files that Prometheus and its operator read, from rules as plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import promql_parser
import yaml

_MADE = "# Made by grafana/generate.py: change it there.\n"
_WIDTH = 1000  # a text is one line: a template must not be broken in two

Groups = Mapping[str, Sequence[Mapping[str, Any]]]


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines are shown as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def laid_out(promql: str) -> str:
    """The same expression, in lines that a person can read."""
    return str(promql_parser.parse(promql).prettify())


def plain(groups: Groups) -> str:
    """What Prometheus reads by `rule_files`."""
    return _MADE + _yaml(_spec(groups))


def operators(documents: Mapping[str, Groups]) -> str:
    """What the Prometheus operator reads: a PrometheusRule for each."""
    return _MADE + "---\n".join(_yaml(_object(*each)) for each in documents.items())


def _object(name: str, groups: Groups) -> dict[str, Any]:
    # By the second label kube-prometheus-stack selects its rules.
    labels = {"app.kubernetes.io/name": "run-reporter", "release": "kube-prometheus-stack"}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "labels": labels},
        "spec": _spec(groups),
    }


def _spec(groups: Groups) -> dict[str, Any]:
    return {"groups": [{"name": name, "rules": list(rules)} for name, rules in groups.items()]}


def _yaml(document: Any) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)
