"""Names and paths inside a project: nothing that a file or a request names may lead out of it."""

from __future__ import annotations

import re
from pathlib import Path

from penstock_runtime.domain.errors import InvalidInput

PIPELINES = "pipelines"
METADATA = "metadata.yaml"
TRIGGERS = "triggers.yaml"
IO_CONFIG = "io_config.yaml"
REQUIREMENTS = "requirements.txt"

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\- ]{0,127}")
_SLUG_LENGTH = 255


def is_slug(text: str) -> bool:
    """Whether the text can name a pipeline: one path segment that does not begin with a dot."""
    return _SEGMENT.fullmatch(text) is not None and not text.endswith((".", " "))


def is_block_slug(text: str) -> bool:
    """Whether the text can name a block: as a pipeline, with folders (`reports/daily`) allowed."""
    return bool(text) and len(text) <= _SLUG_LENGTH and all(is_slug(segment) for segment in text.split("/"))


def checked_slug(text: str, field: str = "slug") -> str:
    """Return a pipeline's slug, or raise InvalidInput."""
    if not is_slug(text):
        raise InvalidInput(f"{text!r} cannot name a pipeline: use letters, digits, '_', '-' and '.'", field)
    return text


def inside(root: Path, relative: str) -> Path:
    """Return `root/relative`, which need not exist. InvalidInput when it, or a link on the way, leaves the project."""
    candidate = Path(relative)
    if "\0" in relative or candidate.is_absolute() or ".." in candidate.parts:
        raise InvalidInput(f"{relative!r} leads out of the project", "path")
    resolved_root = root.resolve()
    resolved = (resolved_root / candidate).resolve()
    if resolved != resolved_root and resolved_root not in resolved.parents:
        raise InvalidInput(f"{relative!r} is a link that leads out of the project", "path")
    return root / candidate


def pipeline_file(slug: str, name: str = METADATA) -> str:
    """Return the path of a pipeline's file, relative to the project."""
    return f"{PIPELINES}/{slug}/{name}"


def pipeline_slugs(root: Path) -> list[str]:
    """Return the folders under `pipelines/` that hold a metadata.yaml and can be named, sorted."""
    folder = root / PIPELINES
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [entry.name for entry in entries if is_slug(entry.name) and (entry / METADATA).is_file()]
