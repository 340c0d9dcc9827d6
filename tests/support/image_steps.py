"""The steps of runtime/images/Dockerfile, carried out without a container engine.

`Image.build` runs the build stage's own RUN and COPY lines on the filtered context, and `Image.command` starts the
entry point as the image would: in a mount namespace where /opt is what was built, the root file system is read-only,
/tmp is new, the share and the state folder are the test's, and the user is 10001.

Not carried out: what needs another root file system (packages of the system, the user's entry in /etc/passwd) and what
has a lane of its own (the web UI, made by `make web`). `LEFT_OUT` names each.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import uv
from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

from support.sources import ROOT

DOCKERFILE = ROOT / "runtime" / "images" / "Dockerfile"
USER = 10001
LEFT_OUT = {
    "python3 -m venv /opt/uv": "the uv of this environment is the same version",
    "apt-get update": "packages of the image's own system",
    "groupadd": "the user's entry in the image's own /etc/passwd",
}
"""How the RUN lines begin that are not carried out here, and why."""

# Makes /opt what was built, beside what the machine has there (a Python may be in it).
OPT = """\
mount --make-rprivate /
mkdir -p "$ROOM/was"; mount --rbind /opt "$ROOM/was"; mount --bind "$ROOM/opt" /opt
for one in "$ROOM/was"/*; do
  [ -d "$one" ] && mkdir -p "/opt/${one##*/}" && mount --rbind "$one" "/opt/${one##*/}"
done
"""
# Where this Python lies below a folder that is closed to others (`/root`): the same folder with nothing else in it.
OPENING = """\
mkdir -p "$ROOM/python"; mount --bind "$PYTHON" "$ROOM/python"; mount -t tmpfs -o mode=755 tmpfs "$CLOSED"
mkdir -p "$PYTHON"; mount --bind "$ROOM/python" "$PYTHON"
"""
RUNNING = """\
mount --bind "$SHARE" /mnt; mount --bind "$STATE" /var/lib; mount -t tmpfs -o mode=1777,size=64m tmpfs /tmp
mount -o remount,bind,ro /opt; mount -o remount,bind,ro /
cd /mnt/penstock
"""


@dataclass(frozen=True)
class Step:
    """One line of the Dockerfile, with the values of its stage's arguments put in."""

    stage: str
    instruction: str
    value: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.value)


@cache
def steps() -> tuple[Step, ...]:
    """Return every step, in order; the global arguments belong to the stage ``."""
    return tuple(_steps())


def _steps() -> Iterator[Step]:
    with DOCKERFILE.open("rb") as file:
        lines: list[dict[str, Any]] = DockerfileParser(fileobj=file).structure
    stage, arguments = "", {}
    for line in lines:
        if line["instruction"] == "COMMENT":
            continue
        if line["instruction"] == "FROM":
            stage, arguments = line["value"].rpartition(" AS ")[2], {}
        elif line["instruction"] == "ARG":
            name, _, value = line["value"].partition("=")
            arguments[name] = value.strip('"')
        # Of a file with several stages only: ENV's own variables are left to the shell that runs the step.
        value = re.sub(r"\$\{(\w+)}", lambda found, known=arguments: known.get(found[1], found[0]), line["value"])
        yield Step(stage, line["instruction"], value)


def only(stage: str, instruction: str) -> Step:
    """Return the one step of this kind in a stage."""
    (found,) = [step for step in steps() if (step.stage, step.instruction) == (stage, instruction)]
    return found


def environment_of(stage: str) -> dict[str, str]:
    """Return what a stage's ENV lines set; `$PATH` is the base image's, here this machine's."""
    found: dict[str, str] = {}
    for step in steps():
        if (step.stage, step.instruction) == (stage, "ENV"):
            found |= dict(word.split("=", 1) for word in step.words)
    # Where the interpreter is that the environment was made from: `python3` of the base image.
    base = f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return {name: value.replace("$PATH", base) for name, value in found.items()}


def context_files() -> list[str]:
    """Return the files that .dockerignore lets into the build, relative to the root."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    found = exclude_paths(str(ROOT), [line for line in lines if line and not line.startswith("#")])
    return sorted(name for name in found if (ROOT / name).is_file())


@dataclass
class Image:
    """What the Dockerfile makes, below a folder: `opt` is its /opt."""

    folder: Path
    said: list[str] = field(default_factory=list)

    @property
    def opt(self) -> Path:
        return self.folder / "opt"

    def build(self) -> None:
        """Carry out the stage `build`."""
        self.folder.chmod(0o755)
        context = self.folder / "context"
        for name in context_files():
            target = context / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        tool = self.opt / "uv" / "bin" / "uv"
        tool.parent.mkdir(parents=True)
        shutil.copy2(uv.find_uv_bin(), tool)
        self._carry_out("build", context)

    def _carry_out(self, stage: str, context: Path) -> None:
        where = PurePosixPath("/")
        for step in steps():
            if step.stage != stage:
                continue
            if step.instruction == "WORKDIR":
                where = PurePosixPath(step.value)
                self._inside(where).mkdir(parents=True, exist_ok=True)
            elif step.instruction == "COPY":
                self._copy(step, context, where)
            elif step.instruction == "RUN" and not step.value.startswith(tuple(LEFT_OUT)):
                self.run(step.value, environment_of("build"), where)

    def _inside(self, path: PurePosixPath) -> Path:
        return self.opt / path.relative_to("/opt")

    def _copy(self, step: Step, context: Path, where: PurePosixPath) -> None:
        *sources, target = step.words
        if sources[0].startswith("--from="):
            self._pages(where / target)
            return
        for source in sources:
            found, place = context / source, self._inside(where / target)
            if found.is_dir():
                shutil.copytree(found, place, dirs_exist_ok=True)
                continue
            place = place / found.name if target.endswith("/") else place
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found, place)

    def _pages(self, target: PurePosixPath) -> None:
        """Put the web UI where its stage would: the one that `make web` built, else a page that stands for it."""
        place = self._inside(target)
        built = ROOT / "runtime" / "penstock_runtime" / "server" / "static"
        if (built / "index.html").exists():
            shutil.copytree(built, place, dirs_exist_ok=True)
        else:
            place.mkdir(parents=True)
            (place / "index.html").write_text("<!doctype html><title>Penstock</title>")

    def run(self, command: str, environ: Mapping[str, str], where: PurePosixPath) -> None:
        """Run one shell line at its place, with the network if there is one, else from what uv keeps."""
        kept = {name: os.environ[name] for name in ("HOME", "SSL_CERT_FILE", "HTTPS_PROXY") if name in os.environ}
        for more in ({}, {"UV_OFFLINE": "1"}):
            done = subprocess.run(
                [*self.namespace(), "sh", "-ec", f'{OPT} cd {where}; eval "$0"', command],
                env={**kept, **environ, **more, "ROOM": str(self.folder)},
                capture_output=True,
                text=True,
                check=False,
            )
            self.said.append(done.stderr)
            if done.returncode == 0:
                return
        raise AssertionError(f"{command}\n" + "\n".join(self.said[-2:]))

    @staticmethod
    def namespace() -> list[str]:
        """Return what gives a command mounts of its own."""
        return ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--mount"]

    def command(self, share: Path, state: Path, words: Sequence[str]) -> list[str]:
        """Return what starts a command as the image's user sees the world; its environment is the caller's to give."""
        for folder in (share, state):
            place = folder / "penstock"
            place.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                os.chown(place, USER, USER)
        become = f"setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs"
        if os.geteuid() != 0:
            become = f"unshare --user --map-user={USER} --map-group={USER}"
        places = {"ROOM": self.folder, "SHARE": share, "STATE": state, "PYTHON": sys.base_prefix}
        closed = closed_above(Path(sys.base_prefix))
        opening = ""
        if closed is not None and os.geteuid() == 0:
            opening, places["CLOSED"] = OPENING, closed
        script = f'{OPT}{opening}{RUNNING}unset {" ".join(places)}; exec {become} "$0" "$@"'
        return [
            "env",
            *(f"{name}={value}" for name, value in places.items()),
            *self.namespace(),
            "sh",
            "-ec",
            script,
            *words,
        ]


def closed_above(path: Path) -> Path | None:
    """Return the outermost folder above a path that others may not pass."""
    return next((one for one in reversed(path.parents) if not one.stat().st_mode & stat.S_IXOTH), None)


def exec_form(step: Step) -> list[str]:
    """Return the words of an ENTRYPOINT, CMD or HEALTHCHECK, which must be in exec form."""
    words = json.loads(step.value[step.value.index("[") :])
    assert all(isinstance(word, str) for word in words)
    return list(words)


def entry_point() -> list[str]:
    """Return how a container begins."""
    return exec_form(only("runtime", "ENTRYPOINT"))
