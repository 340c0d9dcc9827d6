"""A small disk that every process of a fleet sees and that can be filled: a tmpfs in a mount namespace of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support.waiting import NotInTime, wait_until

DISK_MIB = 96
HOLD = 'mount -t tmpfs -o size={size}m tmpfs "$1" && mkdir "$1/data" && exec sleep infinity'


class NoNamespace(RuntimeError):
    """Nobody may make a mount namespace here, so the disk of the whole machine would have to be filled."""


class SmallDisk:
    """The disk's keeper. `enter` is what puts a command into its namespace; `room` is the disk as seen from there."""

    def __init__(self, room: Path) -> None:
        """Mount it. NoNamespace."""
        self.room = room
        room.mkdir()
        unprivileged = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        self._keeper = subprocess.Popen(
            ["unshare", *unprivileged, "--mount", "sh", "-c", HOLD.format(size=DISK_MIB), "sh", str(room)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        # Seen from here through the keeper's root; its mounts are not ours.
        self._inside = Path(f"/proc/{self._keeper.pid}/root{room}")
        try:
            wait_until(lambda: self._keeper.poll() is not None or (self._inside / "data").is_dir(), 10)
        except NotInTime:
            self.close()
            raise NoNamespace("the small disk was not mounted within 10 s") from None
        if self._keeper.poll() is not None:
            assert self._keeper.stderr is not None
            said = self._keeper.stderr.read().decode(errors="replace").strip()
            self.close()
            raise NoNamespace(f"unshare: {said}")

    @property
    def enter(self) -> Sequence[str]:
        """Return the words that start a command where the disk is mounted; its process id stays the command's own."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", *user, "--mount", f"--target={self._keeper.pid}", "--"]

    def fill(self) -> None:
        """Leave no byte free."""
        with (self._inside / "filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                return

    def free(self) -> None:
        """Give the room back."""
        (self._inside / "filler").unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it: the namespace goes with its last process."""
        self._keeper.kill()
        self._keeper.wait()
        if self._keeper.stderr is not None:
            self._keeper.stderr.close()
