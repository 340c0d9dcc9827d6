"""Attempts as processes of this machine.

The worker's thread owns everything here but two threads of its own: the log pump and the memory sampler, which reach it
by a wake-up and a queue. The lease is the worker's; the term never comes here. What fails is a child, a runner or the
worker: a child's end is judged from its wait status; a runner's death ends its attempts as lost once their marked
processes are gone; a worker's death closes the runners' sockets, and they end everybody; what escapes even that is
found by its marks at the next start.
"""

from penstock_runtime.executors.local_process.executor import LocalProcessExecutor, LocalProcessOptions
from penstock_runtime.executors.local_process.leftovers import Marks, end_leftovers, owner_of

__all__ = ["LocalProcessExecutor", "LocalProcessOptions", "Marks", "end_leftovers", "owner_of"]
