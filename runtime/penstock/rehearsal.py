"""A rehearsal of a light block, for a child that was forked ahead and waits.

A fork starts with empty page tables for the interpreter's code and shared pages for its data: the first run of each
path pays for hundreds of page faults. Running a block of nothing while the child is idle pays them before work comes.
This file is that block as well: it is loaded by path, as a user's would be.
"""

from __future__ import annotations

import json
import os
import sys

from penstock import blocks, decorators, logs, source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@decorators.custom
def nothing(*_args: Any, **kwargs: Any) -> dict[str, Any]:
    """Return something small."""
    return {"ds": kwargs["ds"], "items": [1, 2.5, None]}


def rehearse() -> None:
    """Run the block above from work to result; prints nothing and writes no file. Takes 1 to 2 ms."""
    folder, name = os.path.split(__file__)
    work = {
        "bundle_dir": folder,
        "staging_dir": folder,
        "pipeline": "rehearsal",
        "variables": {"a": 1},
        "context": {"execution_date": "2026-01-01T00:00:00.000000Z", "attempt_key": "rehearsal"},
        "block": {"slug": "rehearsal", "type": "custom", "path": name, "language": "python"},
    }
    work = json.loads(json.dumps(work))
    result = blocks.run_block(blocks.BlockRun(work, work["block"]))
    json.loads(json.dumps(result))
    del sys.modules[source.MODULE_PREFIX + "rehearsal"]
    logs.make_live()
