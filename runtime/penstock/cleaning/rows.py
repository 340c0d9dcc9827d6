"""Actions on rows."""

from __future__ import annotations

import re
from typing import Any

_CONTAINS = re.compile(r"""^\s*`?([\w ]+?)`?\s+(not\s+)?contains\s+(['"])(.*)\3\s*$""", re.IGNORECASE)
_NULL = re.compile(r"^\s*`?([\w ]+?)`?\s*(==|!=)\s*(?:null|none|nan)\s*$", re.IGNORECASE)


def _mask(frame: Any, code: str) -> Any:
    """Which rows a condition holds for: parts joined by `and`/`or`, each pandas' own or `contains`, `== null`."""
    for joint, combine in ((" or ", "__or__"), (" and ", "__and__")):
        parts = re.split(joint, code, flags=re.IGNORECASE)
        if len(parts) > 1 and code.count("(") == 0:
            masks = [_mask(frame, part) for part in parts]
            result = masks[0]
            for mask in masks[1:]:
                result = getattr(result, combine)(mask)
            return result
    found = _CONTAINS.match(code)
    if found:
        mask = (
            frame[found.group(1)].astype("string").str.contains(found.group(4), regex=False).fillna(False).astype(bool)
        )
        return ~mask if found.group(2) else mask
    null = _NULL.match(code)
    if null:
        return frame[null.group(1)].isna() if null.group(2) == "==" else frame[null.group(1)].notna()
    return frame.eval(re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", code)))


def keep(frame: Any, action: dict[str, Any]) -> Any:
    """The rows that `action_code` holds for."""
    return frame[_mask(frame, action["action_code"])]


def remove(frame: Any, action: dict[str, Any]) -> Any:
    """Without the rows that `action_code` holds for, or those of the index values in `rows`."""
    listed = action["action_options"].get("rows")
    if listed:
        return frame.drop(index=listed)
    return frame[~_mask(frame, action["action_code"])]


def drop_duplicates(frame: Any, action: dict[str, Any]) -> Any:
    """One row for each value of the argument columns (all of them when none is given); `keep` is first or last."""
    options = action["action_options"]
    return frame.drop_duplicates(subset=action["action_arguments"] or None, keep=options.get("keep", "last"))


def sort(frame: Any, action: dict[str, Any]) -> Any:
    """Sorted by the argument columns; `ascending` is one boolean, or `ascendings` one for each."""
    options = action["action_options"]
    ascending = options.get("ascendings") or options.get("ascending", True)
    if isinstance(ascending, list) and len(ascending) != len(action["action_arguments"]):
        ascending = ascending[0]
    return frame.sort_values(by=action["action_arguments"], ascending=ascending)
