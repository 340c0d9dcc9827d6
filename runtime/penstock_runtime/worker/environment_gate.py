"""User environments made ready in the background, so that the worker's thread never waits for one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.ports.environments import EnvironmentRef

Ensure = Callable[[str, Callable[[str], None]], EnvironmentRef]
"""Return the environment of a bundle (by digest), building it if it must; progress lines go to the callback."""


FAILURE_SECONDS = 30.0
"""How long a failed build is answered with its failure: those who wait for it must not each build it again."""


@dataclass(slots=True)
class _Build:
    """One environment on its way: `ready` or `failed` is set once, then `done`."""

    done: threading.Event = field(default_factory=threading.Event)
    ready: EnvironmentRef | None = None
    failed: str | None = None
    try_again_at: float = 0.0
    lines: list[str] = field(default_factory=list)


class EnvironmentGate:
    """At most one build a bundle; asking again is cheap. A failed one is tried again after a while."""

    def __init__(self, ensure: Ensure, on_change: Callable[[], None]) -> None:
        """Call `on_change`, from a background thread, whenever a build has news."""
        self._ensure = ensure
        self._on_change = on_change
        self._builds: dict[str, _Build] = {}

    def ask(self, bundle: str) -> EnvironmentRef | None:
        """Return the environment if it is ready, else start to make it. Raises PenstockError when it failed."""
        build = self._builds.get(bundle)
        if build is None:
            build = self._builds[bundle] = _Build()
            threading.Thread(target=self._run, args=(bundle, build), name="environment", daemon=True).start()
        if build.failed is not None:
            if time.monotonic() >= build.try_again_at:
                # A network that was away, or an index that was wrong, may have been mended: the next to ask builds.
                self._builds.pop(bundle, None)
            raise PenstockError(build.failed)
        return build.ready

    def progress(self, bundle: str) -> list[str]:
        """Return and forget the progress lines that have come since the last call."""
        build = self._builds.get(bundle)
        if build is None:
            return []
        lines, build.lines = build.lines, []
        return lines

    def wait(self, bundle: str, timeout: float | None = None) -> EnvironmentRef | None:
        """Wait for an environment; None when time ran out."""
        found = self.ask(bundle)
        if found is None:
            self._builds[bundle].done.wait(timeout)
            found = self.ask(bundle)
        return found

    def _run(self, bundle: str, build: _Build) -> None:
        def line(text: str) -> None:
            build.lines.append(text)
            self._on_change()

        try:
            build.ready = self._ensure(bundle, line)
        except PenstockError as error:
            build.failed = str(error)
        except Exception as error:  # noqa: BLE001 - a thread's edge: whatever it was, the waiting attempts must be told
            build.failed = f"{type(error).__name__}: {error}"
        finally:
            build.try_again_at = time.monotonic() + FAILURE_SECONDS
            build.done.set()
            self._on_change()
