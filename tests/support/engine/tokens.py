"""Where in an SDK a resource lives: `aws:ec2/vpc:Vpc` -> module pulumi_aws.ec2.vpc, class Vpc.

The SDK's files are read as text, not imported: importing all of them takes minutes. The index is kept in .cache/ for
each SDK version.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
CACHE = ROOT / ".cache" / "sdk-schemas"
TOKEN = re.compile(rb'@pulumi\.type_token\("([^"]+)"\)\s+class (\w+)\(pulumi\.(?:Custom|Provider)Resource\)')


class UnknownToken(LookupError):
    """No resource of that token is in the installed SDK, or the SDK is not installed."""


def package_of(token: str) -> str:
    """Return the Pulumi package of a token: `aws` of `aws:ec2/vpc:Vpc` and of `pulumi:providers:aws`."""
    return token.rsplit(":", 1)[1] if token.startswith("pulumi:providers:") else token.split(":", 1)[0]


def distribution_of(package: str) -> str:
    return f"pulumi-{package}"


def sdk_version(package: str) -> str:
    """Return the version of a package's SDK; UnknownToken when it is not installed."""
    try:
        return importlib.metadata.version(distribution_of(package))
    except importlib.metadata.PackageNotFoundError:
        raise UnknownToken(f"the SDK of {package!r} is not installed") from None


def class_of(token: str) -> tuple[str, str]:
    """Return (module, class) of a resource; UnknownToken."""
    found = index_of(package_of(token)).get(token)
    if found is None:
        raise UnknownToken(f"the SDK of {package_of(token)!r} has no resource {token!r}")
    return found[0], found[1]


@functools.cache
def index_of(package: str) -> dict[str, list[str]]:
    """Return {token: [module, class]} of an installed SDK, from .cache or by reading its files."""
    path = CACHE / f"{package}-{sdk_version(package)}-tokens.json"
    if path.exists():
        return json.loads(path.read_text())
    index = scan(f"pulumi_{package.replace('-', '_')}")
    write_whole(path, index)
    return index


def scan(module: str) -> dict[str, list[str]]:
    """Read every file of a package and return its index."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    home = Path(spec.submodule_search_locations[0])
    index: dict[str, list[str]] = {}
    for path in sorted(home.rglob("*.py")):
        for token, name in TOKEN.findall(path.read_bytes()):
            dotted = ".".join([module, *path.relative_to(home).with_suffix("").parts])
            index[token.decode()] = [dotted, name.decode()]
    return index


def write_whole(path: Path, content: Any) -> None:
    """Write JSON so that a reader in another process finds all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(content, file, sort_keys=True)
    os.replace(file.name, path)  # noqa: PTH105 - of a temporary file's name
