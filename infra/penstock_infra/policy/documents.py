"""IAM documents as rules read them: JSON texts with statements. What is not known or not JSON is no document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Statement = Mapping[str, Any]


def document_of(text: Any) -> Any:
    """Return what a JSON text holds; None for what is no JSON, or not known yet."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def statements_of(text: Any) -> list[Statement] | None:
    """Return the statements of a policy; None where there is no document to read."""
    document = document_of(text)
    if not isinstance(document, Mapping):
        return None
    return [one for one in listed(document.get("Statement")) if isinstance(one, Mapping)]


def allowed(text: Any) -> list[Statement]:
    """Return the statements that allow something; none where there is no document to read."""
    return [one for one in statements_of(text) or () if one.get("Effect") == "Allow"]


def listed(value: Any) -> list[Any]:
    """Return a list, of what IAM lets people write as one text or as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def texts(statement: Statement, key: str) -> list[str]:
    """Return the texts under a key of a statement."""
    return [item for item in listed(statement.get(key)) if isinstance(item, str)]
