"""What the code of a fleet's blocks writes of itself: one appended and synced line at each start and end."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

WITNESS = '''
"""What the blocks of this project say of themselves: lines that outlive any kill of any process."""
import json, os, time, uuid

FOLDER = {folder!r}
TOKEN = uuid.uuid4().hex


def note(event, kwargs, **more):
    line = {{
        "event": event,
        "monotonic": time.monotonic(),
        "wall": time.time(),
        "run": kwargs.get("pipeline_run_id"),
        "block": kwargs.get("block_uuid"),
        "map_index": kwargs.get("dynamic_block_index"),
        "attempt": os.environ.get("PENSTOCK_ATTEMPT_ID"),
        "key": kwargs.get("attempt_key"),
        "pid": os.getpid(),
        "token": TOKEN,
        **more,
    }}
    descriptor = os.open(os.path.join(FOLDER, "words.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(descriptor, (json.dumps(line) + "\\n").encode())
    os.fsync(descriptor)
    os.close(descriptor)


def told(name):
    return os.path.exists(os.path.join(FOLDER, name))


def tell(name, text=""):
    descriptor = os.open(os.path.join(FOLDER, name), os.O_WRONLY | os.O_CREAT, 0o666)
    os.write(descriptor, str(text).encode())
    os.close(descriptor)


def wait_for(name, seconds=60.0):
    raise RuntimeError("nobody tells a fleet's blocks to go on")
'''


@dataclass(frozen=True)
class Word:
    """One line. `at` is in seconds since 1970, carried by the clock that nobody sets."""

    event: str
    at: float
    run: str
    block: str
    map_index: int | None
    attempt: str
    pid: int
    token: str


def read_words(path: Path, boot: float) -> list[Word]:
    """Return every whole line, in order of time; `boot` is what the monotonic clock's zero is in seconds since 1970.

    A line that a kill cut short is no word: the next append follows it, and both are left out if they cannot be told
    apart, which the check then names as a start that is missing.
    """
    if not path.exists():
        return []
    found = []
    for text in path.read_text(errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        names = ("run", "block", "map_index", "attempt", "pid", "token")
        found.append(Word(line["event"], line["monotonic"] + boot, *(line[name] for name in names)))
    return sorted(found, key=lambda word: word.at)


def starts_by_attempt(words: Iterable[Word]) -> dict[str, list[Word]]:
    """Return the starts of each attempt."""
    found: dict[str, list[Word]] = {}
    for word in words:
        if word.event == "start":
            found.setdefault(word.attempt, []).append(word)
    return found
