"""The child's side of an attempt: read the work, run it, say how it ended.

The warm parent imports this module before it forks, so all that a light block needs is loaded once for all of them.
"""

from __future__ import annotations

import os
import sys

from penstock import blocks, logs, mage_hook, session
from penstock.channel import Asker, AskError, Channel, ChannelError
from penstock.rehearsal import rehearse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

__all__ = ["AskError", "Asker", "Channel", "ChannelError", "rehearse", "serve"]


def serve(control: socket.socket, first_frame: dict[str, Any] | None = None) -> None:
    """Run one attempt over its control socket, then return; the caller ends the process.

    `first_frame` is the `run` frame when the caller has read it already. Sends `started` just before the first line
    of user code is loaded, and `finished` with the result once, whatever user code did. Returns without a word when
    the executor closed the socket before it gave work. Raises ChannelError on a frame that is not `run`, OSError when
    the executor goes away before the result is sent.
    """
    channel = Channel(control)
    frame = channel.read() if first_frame is None else first_frame
    if frame is None:
        return
    if frame.get("op") != "run":
        raise ChannelError(f"the first frame must be 'run', not {frame.get('op')!r}")
    work = frame["work"]
    prepare(work, channel)
    channel.send({"event": "started"})
    result = _run(work, channel)
    if not channel.owned:
        # User code forked and let the copy come back here: the attempt is the other process's.
        os._exit(0)
    logs.flush()
    blocks.report(channel, {"event": "finished", "result": result}, work["bundle_dir"])


def prepare(work: dict[str, Any], channel: Channel) -> None:
    """Make the process the block's: working folder, import path, streams, and the names that `mage_ai` answers to."""
    bundle = work["bundle_dir"]
    project = work.get("project_dir") or bundle
    session.current.project_dir = project
    session.current.asker = Asker(channel)
    os.chdir(project)
    sys.path[:0] = [os.path.dirname(bundle), bundle]
    mage_hook.install()
    logs.make_live()


def _run(work: dict[str, Any], channel: Channel) -> dict[str, Any]:
    unit = work["unit"]
    if unit == "block":
        return blocks.run_block(blocks.BlockRun(work, work["block"]))
    if unit == "callback":
        from penstock.callbacks import run_callback

        return run_callback(blocks.BlockRun(work, work["block"]), work["callback"])
    if unit == "pipeline":
        from penstock.pipeline_unit import run_pipeline

        return run_pipeline(work, channel)
    raise ChannelError(f"the work's unit is {unit!r}: this SDK knows block, callback and pipeline")
