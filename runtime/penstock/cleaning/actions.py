"""Building and carrying out transformer actions."""

from __future__ import annotations

import re
from typing import Any, Callable

from penstock.cleaning import columns, rows
from penstock.cleaning.names import ActionType, Axis
from penstock.errors import BlockError

_FUNCTIONS: dict[tuple[str, str], Callable[[Any, dict[str, Any]], Any]] = {
    ("column", "add"): columns.add,
    ("column", "clean_column_name"): columns.clean_names,
    ("column", "diff"): columns.difference,
    ("column", "fix_syntax_errors"): columns.fix_syntax_errors,
    ("column", "impute"): columns.impute,
    ("column", "normalize"): columns.normalize,
    ("column", "reformat"): columns.reformat,
    ("column", "remove"): columns.remove,
    ("column", "remove_outliers"): columns.remove_outliers,
    ("column", "select"): columns.select,
    ("column", "shift_down"): columns.shift_down,
    ("column", "shift_up"): columns.shift_up,
    ("column", "standardize"): columns.standardize,
    ("row", "drop_duplicate"): rows.drop_duplicates,
    ("row", "filter"): rows.keep,
    ("row", "remove"): rows.remove,
    ("row", "sort"): rows.sort,
    **{("column", name): columns.aggregate for name in columns.AGGREGATES},
}


def build_transformer_action(  # noqa: PLR0913, PLR0917 - Mage's signature, which block code calls by keyword
    df: Any,  # noqa: ARG001 - Mage's signature
    action_type: Any = None,
    arguments: list[str] | None = None,
    action_code: str | None = None,
    options: dict[str, Any] | None = None,
    outputs: list[dict[str, Any]] | None = None,
    axis: Any = Axis.COLUMN,
    **_ignored: Any,
) -> dict[str, Any]:
    """The description of an action, as `BaseAction` takes it."""
    return {
        "action_type": str(getattr(action_type, "value", action_type)),
        "axis": str(getattr(axis, "value", axis)),
        "action_arguments": list(arguments or []),
        "action_code": action_code or "",
        "action_options": dict(options or {}),
        "outputs": list(outputs or []),
    }


class BaseAction:
    """One action, ready to be carried out. Raises BlockError when built with one that is not supported."""

    def __init__(self, action: dict[str, Any]) -> None:
        self.action = {**build_transformer_action(None), **action}
        self.axis = str(getattr(self.action["axis"], "value", self.action["axis"]))
        self.action_type = str(getattr(self.action["action_type"], "value", self.action["action_type"]))
        self.action["action_type"] = self.action_type
        self._function = _FUNCTIONS.get((self.axis, self.action_type))
        if self._function is None:
            known = ", ".join(sorted({name for axis, name in _FUNCTIONS if axis == self.axis}))
            raise BlockError(f"the {self.axis} action {self.action_type!r} is not supported; supported are {known}")

    def execute(self, df: Any, **_options: Any) -> Any:
        """The frame with the action applied; the frame given is not changed. An empty frame is given back."""
        if df.empty or self._function is None:
            return df
        return self._function(df.copy(), self._with_names())

    def _with_names(self) -> dict[str, Any]:
        """The action with Mage's placeholders (`%{1}`) replaced by the column names they stand for."""
        names = {key: (value or {}).get("feature", {}).get("uuid") for key, value in self._variables().items()}

        def fill(text: Any) -> Any:
            if not isinstance(text, str):
                return text
            return re.sub(r"%\{([^}]+)\}", lambda match: str(names.get(match.group(1)) or match.group(0)), text)

        return {
            **self.action,
            "action_code": fill(self.action["action_code"]),
            "action_arguments": [fill(argument) for argument in self.action["action_arguments"]],
        }

    def _variables(self) -> dict[str, Any]:
        return self.action.get("action_variables") or {}


def execute_transformer_action(df: Any, action: Any = None, **options: Any) -> Any:
    """Build an action (unless it is one) and carry it out."""
    if not isinstance(action, dict):
        action = build_transformer_action(
            df, action_type=action or options.pop("action_type", ActionType.CUSTOM), **options
        )
    return BaseAction(action).execute(df)
