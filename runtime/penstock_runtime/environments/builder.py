"""User environments made by uv and kept in the state folder, one folder for each content.

`<state>/environments/<key>` is complete or not there: it is built beside and renamed under a file lock. Nothing in it
is ever changed, so those who use it need no lock. A build that died leaves a folder that the next build of that key
removes. Building runs code of packages, so it gets the environment of a block and not ours.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import uv

from penstock_runtime.environments.requirements import Requirements, read_requirements
from penstock_runtime.ports.environments import EnvironmentBuildFailed, EnvironmentRef

LAST_LINES = 20
_ASK_PYTHON = (
    "import sys, platform, sysconfig;"
    "print(platform.python_implementation(), platform.python_version(),"
    " sysconfig.get_platform(), platform.libc_ver()[0])"
)


class EnvironmentBuilder:
    """The port Environments, by uv. `python` is the interpreter that environments are made from; by default our own."""

    def __init__(self, state_dir: Path, python: str | None = None, environ: Mapping[str, str] | None = None) -> None:
        """Keep environments below `state_dir`, which is made when it is needed.

        `environ` is what uv and the packages' own build code get to see: a block's environment, and where packages
        come from.
        """
        self._root = state_dir.absolute() / "environments"
        self._sdk_root = state_dir.absolute() / "sdk"
        self._python = python or sys.executable
        self._environ = {"UV_PYTHON_DOWNLOADS": "never", **(environ or {})}
        self._interpreter: str | None = None

    def ensure(
        self,
        requirements_text: str,
        extra: Sequence[str] = (),
        progress: Callable[[str], None] | None = None,
    ) -> EnvironmentRef:
        """Return the environment, building it when it is not there."""
        say = progress or (lambda _: None)
        requirements = read_requirements(requirements_text, extra)
        for line in requirements.dropped:
            say(f"{line}: left out; `mage_ai` imports are answered by Penstock itself")
        key = requirements.key(self._describe_interpreter())
        home = self._root / key
        if not home.exists():
            self._build_once(home, requirements, say)
        return EnvironmentRef(key, str(home / "bin" / "python"), str(self.sdk_path()))

    def own(self) -> EnvironmentRef:
        """Return the interpreter itself as an environment, for a project without requirements of its own."""
        return EnvironmentRef("own", self._python, str(self.sdk_path()))

    def sdk_path(self) -> Path:
        """Return a folder that holds `penstock` and nothing else, for the import path."""
        spec = importlib.util.find_spec("penstock")
        if spec is None or spec.origin is None:
            raise EnvironmentBuildFailed("the `penstock` package is not installed beside this program")
        package = Path(spec.origin).parent
        folder = self._sdk_root / hash_of(str(package))
        link = folder / "penstock"
        if not link.is_symlink():
            folder.mkdir(parents=True, exist_ok=True)
            # Another process may make it between our look and our step; it is the same link.
            with suppress(FileExistsError):
                link.symlink_to(package, target_is_directory=True)
        return folder

    def _describe_interpreter(self) -> str:
        """Return implementation, version and platform of the interpreter; asked once."""
        if self._interpreter is None:
            self._interpreter = self._run([self._python, "-I", "-c", _ASK_PYTHON], say=lambda _: None)
        return self._interpreter

    def _build_once(self, home: Path, requirements: Requirements, say: Callable[[str], None]) -> None:
        """Build unless another process did while we waited for the lock."""
        self._root.mkdir(parents=True, exist_ok=True)
        with locked(self._root / f"{home.name}.lock", say):
            if home.exists():
                return
            unfinished = self._root / f"{home.name}.building"
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                self._build(unfinished, requirements, say)
                unfinished.rename(home)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)

    def _build(self, folder: Path, requirements: Requirements, say: Callable[[str], None]) -> None:
        say(f"making an environment of {len(requirements.lines)} requirements")
        tool = find_uv()
        # Relocatable, since it is renamed; compiled now, so that the first block does not pay for it.
        self._run([tool, "venv", "--relocatable", "--python", self._python, str(folder)], say)
        wanted = folder / "requirements.txt"
        wanted.write_text("\n".join(requirements.lines) + "\n")
        python = str(folder / "bin" / "python")
        self._run([tool, "pip", "install", "--python", python, "--compile-bytecode", "-r", str(wanted)], say)
        say("the environment is ready")

    def _run(self, command: list[str], say: Callable[[str], None]) -> str:
        """Run a tool, passing its lines on; return its last line. Raises EnvironmentBuildFailed with its last lines."""
        try:
            process = subprocess.Popen(
                command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="backslashreplace",
            )
        except OSError as error:
            raise EnvironmentBuildFailed(f"cannot start {command[0]}: {error.strerror}") from error
        last: deque[str] = deque(maxlen=LAST_LINES)
        with process:
            for line in process.stdout or ():
                last.append(line.rstrip())
                say(line.rstrip())
        if process.returncode != 0:
            what = " ".join([Path(command[0]).name, *command[1:3]])
            raise EnvironmentBuildFailed(f"`{what}` failed with exit code {process.returncode}:\n" + "\n".join(last))
        return last[-1] if last else ""


def find_uv() -> str:
    """Return the uv program of our own installation. Raises EnvironmentBuildFailed."""
    try:
        return str(uv.find_uv_bin())
    except FileNotFoundError as error:
        raise EnvironmentBuildFailed("uv is not installed beside this program (`pip install uv`)") from error


def hash_of(text: str) -> str:
    """Return a short stable name for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def locked(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a file lock; the kernel frees it when we die. Says so when it has to wait."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is making this environment; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
