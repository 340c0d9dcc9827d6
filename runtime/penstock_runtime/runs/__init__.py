"""The life of a run: create, claim, finish, cancel, retry, rescue.

Concurrency, in one place. The database decides: each function here takes one transaction of the run store and is
safe against any number of others.

* The lock: whoever changes a run's graph holds the run's row (`lock_run`) until commit; locks are taken in the order
  run, block run, attempt. A claim takes ready rows only, passing over those that another transaction holds.
* The fence: an attempt belongs to (member, term). `end_attempt` writes only while the attempt is running and is
  theirs, so a late word from a frozen or replaced worker changes nothing (I2).
* The lease: a member that does not renew is ended by `rescue`; its attempts become lost, and their blocks ready
  again. A member that has ended claims nothing and can never be revived; it joins anew under a higher term.
* The failure: whatever a crash interrupts was one transaction, so it is whole or absent; what was claimed and not
  ended is repaired by `rescue` (I3).
"""
