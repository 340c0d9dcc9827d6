"""Actions on columns."""

from __future__ import annotations

import keyword
import re
from typing import Any

from penstock.errors import BlockError

AGGREGATES = {
    "average": "mean",
    "count": "count",
    "count_distinct": "nunique",
    "first": "first",
    "last": "last",
    "max": "max",
    "median": "median",
    "min": "min",
    "sum": "sum",
    "mode": "mode",
}
OUTLIER_SCORE = 3.0


def _output(action: dict[str, Any], number: int = 0) -> str:
    outputs = action["outputs"]
    if number >= len(outputs):
        raise BlockError(f"the action {action['action_type']!r} needs an output: outputs=[{{'uuid': 'new_column'}}]")
    return str(outputs[number]["uuid"])


def aggregate(frame: Any, action: dict[str, Any]) -> Any:
    """A new column with one figure a group of `groupby_columns` (the whole frame without), for each argument."""
    how = AGGREGATES[action["action_type"]]
    options = action["action_options"]
    if options.get("timestamp_feature_a") or options.get("window"):
        raise BlockError("time windows in aggregate actions are not supported: write the pandas call in the block")
    groups = options.get("groupby_columns") or []
    for number, name in enumerate(action["action_arguments"]):
        if how == "mode":
            figure = _mode(frame, name, groups)
        elif groups:
            figure = frame.groupby(groups)[name].transform(how)
        elif how in ("first", "last"):
            figure = frame[name].iloc[0 if how == "first" else -1]
        else:
            figure = getattr(frame[name], how)()
        frame[_output(action, number)] = figure
    return frame


def _mode(frame: Any, name: str, groups: list[str]) -> Any:
    if not groups:
        return frame[name].mode().iloc[0]
    return frame.groupby(groups)[name].transform(lambda values: values.mode().iloc[0])


def add(frame: Any, action: dict[str, Any]) -> Any:
    """A new column: the sum (or, with a `separator`, the joined text) of the argument columns, or `action_code`."""
    name, arguments = _output(action), action["action_arguments"]
    separator = action["action_options"].get("separator")
    if action["action_code"] and not arguments:
        frame[name] = frame.eval(action["action_code"])
    elif separator is not None:
        frame[name] = frame[arguments].astype("string").agg(separator.join, axis=1)
    else:
        frame[name] = frame[arguments].sum(axis=1)
    return frame


def difference(frame: Any, action: dict[str, Any]) -> Any:
    """A new column: the change of one argument column from row to row, or the first argument minus the second."""
    arguments = action["action_arguments"]
    single = len(arguments) == 1
    frame[_output(action)] = frame[arguments[0]].diff() if single else frame[arguments[0]] - frame[arguments[1]]
    return frame


def shift_down(frame: Any, action: dict[str, Any]) -> Any:
    """A new column: the argument column of `periods` rows before (1), within `groupby_columns`."""
    return _shift(frame, action, 1)


def shift_up(frame: Any, action: dict[str, Any]) -> Any:
    """A new column: the argument column of `periods` rows after (1), within `groupby_columns`."""
    return _shift(frame, action, -1)


def _shift(frame: Any, action: dict[str, Any], sign: int) -> Any:
    options = action["action_options"]
    groups, periods = options.get("groupby_columns") or [], sign * int(options.get("periods", 1))
    name = action["action_arguments"][0]
    frame[_output(action)] = frame.groupby(groups)[name].shift(periods) if groups else frame[name].shift(periods)
    return frame


def select(frame: Any, action: dict[str, Any]) -> Any:
    """Only the argument columns."""
    return frame[action["action_arguments"]]


def remove(frame: Any, action: dict[str, Any]) -> Any:
    """Without the argument columns."""
    return frame.drop(columns=action["action_arguments"])


def clean_names(frame: Any, action: dict[str, Any]) -> Any:
    """The argument columns (all of them when none is given) renamed to snake case."""
    names = action["action_arguments"] or list(frame.columns)
    return frame.rename(columns={name: clean_name(str(name)) for name in names})


def clean_name(name: str) -> str:
    """A name in snake case that is a Python identifier."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip(" '\"_-"))
    name = re.sub(r"[\s\-.]+", "_", name)
    name = re.sub(r"[^0-9A-Za-z_]", "", name).lower()
    if name[:1].isdigit():
        name = f"number_{name}"
    return f"{name}_" if keyword.iskeyword(name) else name


def impute(frame: Any, action: dict[str, Any]) -> Any:
    """The argument columns with missing values filled as `strategy` says."""
    options, names = action["action_options"], action["action_arguments"]
    strategy = str(getattr(options.get("strategy"), "value", options.get("strategy") or "constant"))
    if strategy == "no_action":
        return frame
    if strategy == "remove_rows":
        return frame.dropna(subset=names)
    for name in names:
        frame[name] = _filled(frame, name, strategy, options.get("value"))
    return frame


def _filled(frame: Any, name: str, strategy: str, value: Any) -> Any:
    series = frame[name]
    if strategy == "sequential":
        return series.ffill()
    if strategy == "random":
        missing = series.isna()
        drawn = series.dropna().sample(int(missing.sum()), replace=True, random_state=0)
        series.loc[missing] = drawn.to_numpy()
        return series
    figures = {"average": series.mean, "median": series.median, "mode": lambda: series.mode().iloc[0]}
    if strategy in figures:
        return series.fillna(figures[strategy]())
    if strategy == "column":
        return series.fillna(frame[value])
    if strategy == "constant":
        return series.fillna(value if value is not None else (0 if series.dtype.kind in "iuf" else "missing"))
    raise BlockError(f"the imputation strategy {strategy!r} is not known")


def reformat(frame: Any, action: dict[str, Any]) -> Any:
    """The argument columns rewritten.

    `reformat` is caps_standardization, currency_to_num, date_format_conversion or trim; anything else is a BlockError.
    """
    import pandas as pd

    options = action["action_options"]
    how = options.get("reformat")
    for name in action["action_arguments"]:
        series = frame[name]
        if how == "caps_standardization":
            text = series.astype("string").str
            frame[name] = text.upper() if options.get("capitalization") == "uppercase" else text.lower()
        elif how == "currency_to_num":
            frame[name] = pd.to_numeric(series.astype("string").str.replace(r"[^0-9.\-]", "", regex=True))
        elif how == "date_format_conversion":
            frame[name] = pd.to_datetime(series)
        elif how == "trim":
            frame[name] = series.astype("string").str.strip()
        else:
            raise BlockError(f"the reformat {how!r} is not known")
    return frame


def fix_syntax_errors(frame: Any, action: dict[str, Any]) -> Any:
    """The argument columns with blank text made missing."""
    for name in action["action_arguments"]:
        frame[name] = frame[name].replace(r"^\s*$", None, regex=True)
    return frame


def normalize(frame: Any, action: dict[str, Any]) -> Any:
    """The argument columns scaled to 0 … 1; a constant column becomes 0."""
    for name in action["action_arguments"]:
        low, width = frame[name].min(), frame[name].max() - frame[name].min()
        frame[name] = (frame[name] - low) / (width or 1)
    return frame


def standardize(frame: Any, action: dict[str, Any]) -> Any:
    """The argument columns with mean 0 and standard deviation 1 (of the population)."""
    for name in action["action_arguments"]:
        frame[name] = (frame[name] - frame[name].mean()) / (frame[name].std(ddof=0) or 1)
    return frame


def remove_outliers(frame: Any, action: dict[str, Any]) -> Any:
    """Without the rows whose argument columns are more than three standard deviations from their mean."""
    scores = (frame[action["action_arguments"]] - frame[action["action_arguments"]].mean()).abs()
    limits = frame[action["action_arguments"]].std(ddof=0) * OUTLIER_SCORE
    return frame[(scores <= limits).all(axis=1)]
