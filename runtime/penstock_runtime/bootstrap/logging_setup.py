"""Logging of our own processes: one line an event, on standard error."""

from __future__ import annotations

import logging


def set_up_logging(level: int = logging.INFO) -> None:
    """Write records as `time level name: message`."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for name in ("alembic", "botocore", "httpx", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
