"""The thread that reads what children write and appends it to the log store.

It is apart from the executor's own thread so that a block that prints without end delays nobody. It reads one chunk at
a time, round robin, and past an attempt's cap it only counts: memory does not grow with the output. The end
of a long log is kept besides its beginning, since that is where errors are.
"""

from __future__ import annotations

import fcntl
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from penstock_runtime.executors.local_process.log_lines import LineSplitter, WrittenLine, raw_lines, read_line
from penstock_runtime.ports.log_store import LogKey, LogStore, LogStoreFailed, encode_line

PIPE_BYTES = 64 * 1024
READ_BYTES = 512 * 1024
TAIL_BYTES = 64 * 1024
WINDOW_SECONDS = 0.05
WINDOW_ROUNDS = 40
REST_SECONDS = 0.002
PARTIAL_SECONDS = 0.5
"""A line without its newline (a prompt, a progress bar) is shown after so long."""


class LogSource:
    """One attempt's output pipe and what is known of its log so far. `done` once its last byte is stored."""

    def __init__(self, fd: int, key: LogKey) -> None:
        """Start with an empty log."""
        self.fd = fd
        self.key = key
        self.done = False
        self.stored = 0
        self.cut = 0
        self.lost = 0
        self.widened = False
        self.splitter = LineSplitter()
        self.tail = bytearray()

    def widen(self) -> None:
        """Give a flood a wider pipe: fewer turns for the same bytes, on both sides. The kernel may refuse."""
        self.widened = True
        with suppress(OSError):
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, READ_BYTES)

    def leave_out(self, data: bytes) -> None:
        """Count bytes that are not stored, and keep the last of them."""
        self.cut += len(data)
        self.tail += data
        if len(self.tail) > 4 * TAIL_BYTES:
            del self.tail[:-TAIL_BYTES]


class LogPump:
    """Start it with `start`; `add` and `close` may be called from any one other thread.

    `on_log` is called from the pump's thread after each append; `on_done` when a source has ended.
    """

    def __init__(
        self,
        store: LogStore,
        cap_bytes: int,
        on_log: Callable[[LogKey], None] | None,
        on_done: Callable[[], None],
    ) -> None:
        """Open the descriptors; nothing runs yet."""
        self._store = store
        self._cap = cap_bytes
        self._on_log = on_log
        self._on_done = on_done
        self._sources: dict[int, LogSource] = {}
        self._window = 0.0
        self._rounds = 0
        self._epoll = select.epoll()
        self._stop_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._epoll.register(self._stop_fd, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="penstock-log-pump", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, fd: int, key: LogKey) -> LogSource:
        """Read this pipe into that log from now on. The descriptor is the pump's from here."""
        os.set_blocking(fd, False)
        source = LogSource(fd, key)
        self._sources[fd] = source
        self._epoll.register(fd, select.EPOLLIN)
        return source

    def close(self) -> None:
        """Stop the thread; what is still in the pipes is read first. Idempotent."""
        if self._thread.is_alive():
            os.eventfd_write(self._stop_fd, 1)
            self._thread.join()
            self._epoll.close()
            os.close(self._stop_fd)

    def _run(self) -> None:
        while True:
            self._rest()
            partial = any(source.splitter.partial for source in list(self._sources.values()))
            ready = self._epoll.poll(PARTIAL_SECONDS if partial else None)
            if not ready:
                self._show_partials()
            for fd, _ in ready:
                source = self._sources.get(fd)
                if source is not None:
                    self._read(source)
            if any(fd == self._stop_fd for fd, _ in ready):
                break
        for source in list(self._sources.values()):
            while not source.done and self._read(source):
                pass
            self._end(source)

    def _rest(self) -> None:
        """Let output gather when it comes in crumbs without end: fewer, larger reads, and the processor for others."""
        now = time.monotonic()
        if now - self._window > WINDOW_SECONDS:
            self._window, self._rounds = now, 0
        self._rounds += 1
        if self._rounds > WINDOW_ROUNDS:
            time.sleep(REST_SECONDS)

    def _read(self, source: LogSource) -> bool:
        """Take one chunk; False when there is none now. At the end of the stream, finish the source."""
        try:
            chunk = os.read(source.fd, READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._end(source)
            return False
        if len(chunk) >= PIPE_BYTES and not source.widened:
            source.widen()
        if source.cut:
            source.leave_out(chunk)
        else:
            raw = (source.splitter.partial, chunk)
            self._guarded(source, raw, lambda: self._store_lines(source, list(source.splitter.feed(chunk))))
        return True

    def _guarded(self, source: LogSource, raw: tuple[bytes, ...], store: Callable[[], None]) -> None:
        """Store what was read; if that breaks, keep it raw, and if that breaks too, count it as lost."""
        try:
            store()
        except Exception:  # noqa: BLE001 - this thread reads everybody's output: one block's bytes must not end it
            data = b"".join(raw)
            source.splitter.take()
            with suppress(Exception):
                if not source.cut:
                    self._store_lines(source, raw_lines(data))
                    return
            source.lost += len(data)

    def _flush(self, source: LogSource) -> None:
        """Store a line that has begun, as if it had ended."""
        raw = source.splitter.take()
        if raw:
            self._guarded(source, (raw,), lambda: self._store_lines(source, list(read_line(raw))))

    def _store_lines(self, source: LogSource, lines: list[WrittenLine]) -> None:
        """Append lines up to the cap; say once that there is more."""
        now = _now()
        encoded: list[bytes] = []
        room = self._cap - source.stored
        for line in lines:
            data = encode_line(line.time or now, line.level, line.message, line.extra)
            if source.cut or len(data) > room:
                source.leave_out(line.message.encode("utf-8", "backslashreplace") + b"\n")
                continue
            room -= len(data)
            encoded.append(data)
        if source.cut:
            source.leave_out(source.splitter.take())
            text = f"[log cut: more than {self._cap} bytes; what follows is not kept but for its end]"
            encoded.append(encode_line(now, "WARNING", text))
        self._append(source, b"".join(encoded))

    def _append(self, source: LogSource, data: bytes) -> None:
        if not data:
            return
        try:
            self._store.append(source.key, data)
        except LogStoreFailed:
            # A full disk must not stop the block nor this thread; the count is told when the store works again.
            source.lost += len(data)
            return
        source.stored += len(data)
        if self._on_log is not None:
            # A hint only: followers look by themselves after a while, and what is stored must not be stored again.
            with suppress(Exception):
                self._on_log(source.key)

    def _show_partials(self) -> None:
        for source in list(self._sources.values()):
            if source.splitter.partial and not source.cut:
                self._flush(source)

    def _end(self, source: LogSource) -> None:
        """Store what is left, let the pipe go, and tell the executor."""
        if source.done:
            return
        if source.cut:
            self._guarded(source, (bytes(source.tail[-TAIL_BYTES:]),), lambda: self._store_tail(source))
        else:
            self._flush(source)
        if source.lost:
            self._append(source, _note(f"[log cut: {source.lost} bytes could not be stored]"))
        self._sources.pop(source.fd, None)
        self._epoll.unregister(source.fd)
        os.close(source.fd)
        source.done = True
        self._on_done()

    def _store_tail(self, source: LogSource) -> None:
        """Keep the last bytes of a log that was cut, from the first whole line among them."""
        tail = bytes(source.tail[-TAIL_BYTES:])
        kept = tail.partition(b"\n")[2] if source.cut > len(tail) else tail
        left_out = source.cut - len(kept)
        splitter = LineSplitter()
        lines = [*splitter.feed(kept), *splitter.flush()]
        now = _now()
        encoded = [encode_line(line.time or now, line.level, line.message, line.extra) for line in lines]
        self._append(source, _note(f"[log cut: {left_out} bytes left out here]") + b"".join(encoded))


def _note(text: str) -> bytes:
    return encode_line(_now(), "WARNING", text)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
