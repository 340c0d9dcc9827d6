"""Messages to people, from the outbox to their destinations.

* The lease: a claim hides a message from other senders for LEASE_SECONDS, longer than a send may take.
* The term: the number of tries; a word about an older try is refused, but for `sent`.
* The failure: a sender that dies between sending and saying so leaves a message that is due again after its lease: it
  is sent twice, under one id. A destination that hangs holds up its own messages only, and each for the send's own
  time; a destination that refuses is given up, one that is away is tried again, further and further apart, for a day.
* Who repairs it: any scheduler's sender, at its next look.
"""
