"""Decides what is due: waits that are over, runs that a limit held back, ticks of schedules, attempts to rescue.

It never executes. One thread, its own connection; it meets the worker only in the run store.

* The right: on a database with a single writer, or without Redis, one process schedules. The right is one row (holder,
  term, expiry), renewed with the heartbeats; a process that finds it held is a standby.
* The failure: each duty of a pass is on its own; one that raises is logged and the others go on (I8). A pass that hangs
  stops the beat that the liveness check reads, and the supervisor replaces the process.
"""
