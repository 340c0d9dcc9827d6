"""Drives executors: claims what is ready, starts it, watches it, and writes down how it ended. It decides nothing.

One thread. It waits on the wake-ups and on the executors' descriptors, and looks by itself every `poll_seconds`.

* The lease: everything it claims belongs to its membership; when that is lost it ends its processes first
  of all.
* The failure: a claim is committed before an attempt starts, and an ending is kept in memory until its transaction has
  committed, so a database that is away delays the word but does not lose it. If the process dies, rescue repairs it.
"""
