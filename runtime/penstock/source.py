"""Loading a block's file: compiled once, executed with the decorators in its namespace."""

from __future__ import annotations

import _imp
import marshal
import os
import sys
from types import CodeType, ModuleType

from penstock.decorators import INJECTED, Collection, collecting
from penstock.errors import BlockError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODULE_PREFIX = "penstock_block_"
_KEY = int.from_bytes(b"penstock", "big")


def load(bundle_dir: str, block: dict[str, Any]) -> Collection:
    """Execute a block's file and give its decorated functions.

    The file runs as a module of its own, known to `sys.modules` (dataclasses and pickling look it up there), under a
    name that cannot hide a module of the project.
    Raises BlockError when there is no such file; what the file itself raises passes through.
    """
    path = os.path.join(bundle_dir, block["path"])
    name = MODULE_PREFIX + _identifier(block["slug"])
    try:
        code = compiled(path)
    except (FileNotFoundError, IsADirectoryError):
        raise BlockError(f"block {block['slug']!r}: there is no file {block['path']} in the project") from None
    module = ModuleType(name)
    module.__file__ = path
    namespace = module.__dict__
    namespace.update(INJECTED)
    sys.modules[name] = module
    collection = Collection(namespace)
    before = collecting(collection)
    try:
        exec(code, namespace)  # noqa: S102 - running the user's block file is what this process is for
    finally:
        collecting(before)
    return collection


def compiled(path: str) -> CodeType:
    """The code of a file, compiled once: kept in `__pycache__` under a hash of the text, so that it is never stale.

    Raises what `open` and `compile` raise; a cache that cannot be read or written is done without.
    """
    with open(path, "rb") as file:
        text = file.read()
    key = _imp.source_hash(_KEY, text)
    folder, name = os.path.split(path)
    cache = os.path.join(folder, "__pycache__", f"{name}.{sys.implementation.cache_tag}.penstock")
    try:
        with open(cache, "rb") as file:
            kept = file.read()
        if kept[: len(key)] == key:
            code: CodeType = marshal.loads(kept[len(key) :])  # noqa: S302 - written by this function
            _imp._fix_co_filename(code, path)  # type: ignore[attr-defined]  # noqa: SLF001 - what importlib itself calls for a moved cache
            return code
    except (OSError, ValueError, EOFError, TypeError):
        # Not there yet, not readable, or written by half: compile.
        pass
    code = compile(text, path, "exec", dont_inherit=True)
    if not sys.dont_write_bytecode:
        _keep(cache, key + marshal.dumps(code))
    return code


def _keep(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        # A read-only bundle: each child compiles for itself.
        return


def _identifier(slug: str) -> str:
    return "".join([c if c.isalnum() else "_" for c in slug])
