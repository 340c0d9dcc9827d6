"""What `pulumi up` runs: the stack's config goes to the program, and nothing else happens here."""

from __future__ import annotations

from penstock_infra.program import main

main()
