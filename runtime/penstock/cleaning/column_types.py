"""Guessing what the columns of a frame hold."""

from __future__ import annotations

import re
from typing import Any

from penstock.cleaning.names import ColumnType

HIGH_CARDINALITY = 255
CATEGORY_SHARE = 0.5
_PATTERNS = (
    (ColumnType.EMAIL, re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}\Z")),
    (ColumnType.ZIP_CODE, re.compile(r"\d{5}(?:-\d{4})?\Z")),
    (ColumnType.PHONE_NUMBER, re.compile(r"\+?[\d\s().-]{9,19}\Z")),
    (
        ColumnType.DATETIME,
        re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:?\d{2})?\Z"),
    ),
    (ColumnType.NUMBER, re.compile(r"[+-]?\d{1,3}(?:,?\d{3})*\Z")),
    (ColumnType.NUMBER_WITH_DECIMALS, re.compile(r"[$€£¥]?[+-]?[\d,]*\.?\d+%?\Z")),
)


def infer_column_types(df: Any, **_options: Any) -> dict[str, ColumnType]:
    """The kind of each column, by its dtype and, for text, by the pattern that all its values follow."""
    return {str(name): _infer(df[name]) for name in df.columns}


def _infer(series: Any) -> ColumnType:
    kind = series.dtype.kind
    simple = {"b": ColumnType.TRUE_OR_FALSE, "i": ColumnType.NUMBER, "u": ColumnType.NUMBER, "M": ColumnType.DATETIME}
    if kind in simple:
        return simple[kind]
    if kind == "f":
        whole = series.dropna()
        return ColumnType.NUMBER if len(whole) and (whole % 1 == 0).all() else ColumnType.NUMBER_WITH_DECIMALS
    values = series.dropna()
    if len(values) and values.map(lambda value: isinstance(value, (list, tuple))).all():
        return ColumnType.LIST
    texts = values.astype(str).str.strip()
    lowered = set(texts.str.lower().unique()[:3])
    if lowered and lowered <= {"true", "false", "yes", "no", "y", "n", "t", "f"}:
        return ColumnType.TRUE_OR_FALSE
    for found, pattern in _PATTERNS:
        if len(texts) and texts.map(lambda text, pattern=pattern: pattern.match(text) is not None).all():
            return found
    distinct = texts.nunique()
    if len(texts) and distinct <= max(1, len(texts) * CATEGORY_SHARE):
        return ColumnType.CATEGORY if distinct <= HIGH_CARDINALITY else ColumnType.CATEGORY_HIGH_CARDINALITY
    return ColumnType.TEXT
