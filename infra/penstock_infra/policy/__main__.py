"""What `pulumi preview --policy-pack infra/penstock_infra/policy` runs."""

from __future__ import annotations

import sys
from pathlib import Path

# The pack is run from its own folder, with the repository's environment or one that has pulumi-policy.
for folder in ("infra", "platform"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[3] / folder))

from penstock_infra.policy.pack import build_pack  # noqa: E402 - after the path is there

build_pack()
