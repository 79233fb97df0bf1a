"""Transformations: how the answers of queries become the columns of a table or a chart."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

Transformations = list[DataTransformerConfig]


def _step(name: str, **options: Any) -> DataTransformerConfig:
    return DataTransformerConfig(id_val=name, options=options)


def joined(by: str, columns: dict[str, str]) -> Transformations:
    """One row for each value of `by`; of its columns only those named, in this order."""
    return [_step("joinByField", byField=by, mode="outer"), *chosen(columns)]


def chosen(columns: dict[str, str]) -> Transformations:
    """Only these columns, from old to new names, in this order."""
    only = _step("filterFieldsByName", include={"names": list(columns)})
    return [only, _renamed(columns)]


def _renamed(columns: dict[str, str]) -> DataTransformerConfig:
    places = {name: place for place, name in enumerate(columns)}
    return _step("organize", renameByName=columns, indexByName=places, excludeByName={})


def labels_as_rows(label: str, value: str) -> Transformations:
    """A row for each label of the one series that each query answers."""
    return [
        _step("labelsToFields", mode="rows"),
        _step("merge"),
        _renamed({"label": label, "value": value}),
    ]


def side_by_side(column: str, row: str, value: str, named: str) -> Transformations:
    """A column for each value of `column`, a row for each of `row`."""
    return [
        _matrix(column, row, value),
        _renamed({f"{row}\\{column}": named}),
        _step("sortBy", sort=[{"field": named}], fields={}),
    ]


def curves(column: str, x: str) -> Transformations:
    """Query A is x and query B is y: one column of x in rising order, and one of y for each run."""
    both = f"Value #A\\{column}"
    numbers = [{"targetField": both, "destinationType": "number"}]
    return [
        _step("merge"),
        _matrix(column, "Value #A", "Value #B"),
        _step("convertFieldType", fields={}, conversions=numbers),  # older Grafana makes it text
        _step("sortBy", sort=[{"field": both}], fields={}),
        _renamed({both: x}),
    ]


def _matrix(column: str, row: str, value: str) -> DataTransformerConfig:
    told = {"columnField": column, "rowField": row, "valueField": value}
    return _step("groupingToMatrix", **told, emptyValue="null")
