"""SQL text cut into statements, with an eye for quotes, comments and dollar quoting."""

from __future__ import annotations

import re

# Each alternative is a piece that is taken whole; a semicolon outside all of them ends a statement.
_PIECES = re.compile(
    r"""
      '(?:[^']|'')*' | "(?:[^"]|"")*" | `[^`]*`
    | --[^\n]* | /\*.*?\*/
    | \$([A-Za-z_]\w*|)\$.*?\$\1\$
    | ;
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_ROWS = frozenset({"select", "with", "values", "table", "show", "describe", "explain", "from", "pragma", "call"})


def split_statements(text: str) -> list[str]:
    """The statements of a SQL text, without their semicolons; empty ones and lone comments are left out."""
    statements, start = [], 0
    for piece in _PIECES.finditer(text):
        if piece.group() == ";":
            statements.append(text[start : piece.start()])
            start = piece.end()
    statements.append(text[start:])
    return [statement.strip() for statement in statements if body(statement)]


def body(statement: str) -> str:
    """A statement without the comments before it."""
    return _COMMENTS.sub("", statement).strip()


def gives_rows(statement: str) -> bool:
    """Whether a statement is a query, by its first word, or returns what it changed."""
    text = body(statement).lstrip("(").lower()
    word = re.match(r"[a-z]*", text)
    return (word is not None and word.group() in _ROWS) or re.search(r"\breturning\b", text) is not None
