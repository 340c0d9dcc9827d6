"""`penstock up`: a topology's processes on this machine, kept alive until told to stop.

* The lease: a lock on a file of the data folder, held for the supervisor's life; a second one is told who holds it.
* The term: none of its own. Processes have theirs from the run store; a dead one's membership is ended at once.
* The failure: a process that ends is started again with backoff; one that fails its probes for long is killed first.
  The listening socket is the supervisor's, so the address answers while any web server lives.
* Who repairs it: a supervisor that is killed takes its processes along. Web servers and schedulers drain when their
  socket to it closes, Postgres and Redis are stopped by the kernel's word; what is left the next start ends.
"""
