"""What the runtime of this release can do, where a blueprint has to know it.

A stack must work on the day it is made. So no default leads to something that the runtime does not do yet, and what
waits is said in the stack's own words. tests/unit/platform/test_abilities.py holds each line here to the runtime.
"""

from __future__ import annotations

from penstock_platform.vocabulary import Cloud, Executor

EXECUTORS_BUILT: frozenset[Executor] = frozenset({Executor.LOCAL_PYTHON})
"""Executors that run blocks today. The job definitions of the others are made, so that they work once they land."""

SCHEDULERS_SHARE_WORK = True
"""Whether a second scheduler works, where there is Redis, or stands by until the first is gone."""

SCALERS_BUILT: frozenset[Cloud] = frozenset()
"""Clouds on which the runtime sets the number of schedulers in `autoscale`. On the others there are scheduler.min of
them, and it records what it would set. On one machine it moves what `penstock up` started."""

OBJECT_STORES_BUILT = False
"""Whether outputs and logs go to the bucket; until then they are in the data folder on the share."""

GIT_PROJECTS_BUILT = False
"""Whether a project can come from a git repository; until then it is the folder on the share."""
