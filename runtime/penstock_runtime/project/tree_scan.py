# ruff: noqa: PTH110, PTH113, PTH116, PTH122 - a Path for each of hundreds of stats costs more than the stats do
"""Looking at a project's tree: which files are code, and whether any of them changed.

A scan costs one stat for each folder and each code file; names are listed again only in folders that changed, and
bytes are read only of files that changed. That suffices on a share, which gives no file events. Two things keep it
honest: a time stamp younger than two seconds is not believed (a second write within the same tick would not show), and
a tree whose signature moved while its bytes were read is read again.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from penstock_runtime.domain.errors import PenstockError

CODE_SUFFIXES = frozenset(
    {".py", ".sql", ".yaml", ".yml", ".json", ".toml", ".txt", ".md", ".cfg", ".ini", ".jinja", ".j2", ".r", ".csv"}
)
CODE_BYTES = 2**20
CSV_BYTES = 256 * 2**10
IGNORE_FILE = ".penstockignore"
# Folders that hold what programs make. Names beginning with a dot are passed over too.
SKIPPED_FOLDERS = frozenset(
    {
        "__pycache__",
        "build",
        "dist",
        "env",
        "logs",
        "mage_data",
        "node_modules",
        "output",
        "outputs",
        "site-packages",
        "venv",
    }
)
_RACY_NS = 2_000_000_000
_TRIES = 5

Signature = tuple[int, int, int, int]


class TreeUnstable(PenstockError):
    """The tree kept changing while it was read; the caller tries later."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """One look at a tree: each code file with its hash, the digest of them all, and what was left out and why."""

    digest: str
    files: Mapping[str, str]
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Folder:
    signature: tuple[int, int]
    settled: bool
    files: list[str]
    folders: list[str]


@dataclass(frozen=True, slots=True)
class _Hash:
    """What a file held; `settled` when its time stamps were old enough, on reading it, to show every later write."""

    signature: Signature
    settled: bool
    digest: str


class TreeScanner:
    """Scans one folder again and again. Not for several threads at once."""

    def __init__(self, root: Path) -> None:
        """Remember the root; nothing is read yet."""
        self._root = str(root)
        self._folders: dict[str, _Folder] = {}
        self._hashes: dict[str, _Hash] = {}
        self._ignore_signature: Signature | None = None
        self._patterns: tuple[str, ...] = ()
        self._last: tuple[dict[str, Signature], TreeState] | None = None
        self._settled = False
        self._left_out: dict[str, str] = {}
        self._real_root = os.path.realpath(self._root)

    def scan(self) -> TreeState:
        """Return the present state. Unchanged, it is the very same object. TreeUnstable; OSError for a lost root."""
        for _ in range(_TRIES):
            found = self._signatures()
            if self._last is not None and found == self._last[0] and self._settled:
                return self._last[1]
            files = self._read(found)
            if files is None or self._signatures() != found:
                continue
            state = TreeState(digest_of(files), files, dict(self._left_out))
            if self._last is not None and self._last[1] == state:
                state = self._last[1]
            self._last = (found, state)
            self._settled = all(known.settled for known in self._hashes.values())
            return state
        raise TreeUnstable(f"the files of {self._root} kept changing while they were read")

    def _signatures(self) -> dict[str, Signature]:
        self._left_out = {}
        self._read_patterns()
        found: dict[str, Signature] = {}
        for name in self._walk(""):
            try:
                status = os.stat(f"{self._root}/{name}")
            except OSError:
                continue  # gone since its folder was listed, or a dangling link
            if not stat.S_ISREG(status.st_mode) or not self._wanted(name, status.st_size):
                continue
            found[name] = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        return found

    def _walk(self, folder: str) -> Iterator[str]:
        try:
            listing = self._listing(folder)
        except OSError:
            if not folder:
                raise
            return
        for name in listing.files:
            yield folder + name
        for name in listing.folders:
            yield from self._walk(f"{folder}{name}/")

    def _listing(self, folder: str) -> _Folder:
        path = f"{self._root}/{folder}"
        status = os.stat(path)
        signature = (status.st_mtime_ns, status.st_ino)
        known = self._folders.get(folder)
        if known is None or known.signature != signature or not known.settled:
            # Taken before listing: a listing is final only if the stamp was old by then.
            settled = not _young(status.st_mtime_ns, status.st_ctime_ns)
            known = self._list(path, folder, signature, settled=settled)
            self._folders[folder] = known
        return known

    def _list(self, path: str, folder: str, signature: tuple[int, int], *, settled: bool) -> _Folder:
        files: list[str] = []
        folders: list[str] = []
        with os.scandir(path) as entries:
            for entry in entries:
                relative = folder + entry.name
                if entry.name.startswith(".") or self._ignored(relative):
                    continue
                if entry.is_symlink() and not self._link_stays_inside(relative):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in SKIPPED_FOLDERS and not os.path.exists(f"{entry.path}/pyvenv.cfg"):
                        folders.append(entry.name)
                elif os.path.splitext(entry.name)[1].lower() in CODE_SUFFIXES:
                    files.append(entry.name)
        return _Folder(signature, settled, sorted(files), sorted(folders))

    def _link_stays_inside(self, relative: str) -> bool:
        """A link to a file of the project is code; one that leads out is refused, and folders are not followed."""
        target = os.path.realpath(f"{self._root}/{relative}")
        return os.path.isfile(target) and target.startswith(self._real_root + os.sep)

    def _wanted(self, name: str, size: int) -> bool:
        limit = CSV_BYTES if name.lower().endswith(".csv") else CODE_BYTES
        if size > limit:
            self._left_out[name] = f"larger than {limit // 1024} KiB"
            return False
        return True

    def _read_patterns(self) -> None:
        signature: Signature | None = None
        try:
            status = os.stat(f"{self._root}/{IGNORE_FILE}")
            signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        except OSError:
            pass
        if signature == self._ignore_signature:
            return
        text = Path(self._root, IGNORE_FILE).read_text(encoding="utf-8", errors="replace") if signature else ""
        lines = [line.strip().strip("/") for line in text.splitlines()]
        self._patterns = tuple(line for line in lines if line and not line.startswith("#"))
        self._ignore_signature = signature
        self._folders.clear()

    def _ignored(self, relative: str) -> bool:
        name = relative.rsplit("/", 1)[-1]
        return any(fnmatch.fnmatch(relative, item) or fnmatch.fnmatch(name, item) for item in self._patterns)

    def _read(self, found: Mapping[str, Signature]) -> dict[str, str] | None:
        """Return each file's hash, reading only those that changed; None when one vanished meanwhile."""
        files: dict[str, str] = {}
        fresh: dict[str, _Hash] = {}
        for name in sorted(found):
            known = self._hashes.get(name)
            if known is None or known.signature != found[name] or not known.settled:
                settled = not _young(*found[name][:2])
                try:
                    digest = hashlib.sha256(Path(self._root, name).read_bytes()).hexdigest()
                except OSError:
                    return None
                known = _Hash(found[name], settled, digest)
            fresh[name] = known
            files[name] = known.digest
        self._hashes = fresh
        return files


def digest_of(files: Mapping[str, str]) -> str:
    """Return the digest of a tree: of its files' names and hashes, in order."""
    manifest = "".join(f"{files[name]} {name}\n" for name in sorted(files))
    return hashlib.sha256(manifest.encode()).hexdigest()


def _young(mtime_ns: int, ctime_ns: int) -> bool:
    # The wall clock, since file systems stamp with it; a clock that is off only costs a second reading.
    return time.time_ns() - max(mtime_ns, ctime_ns) < _RACY_NS
