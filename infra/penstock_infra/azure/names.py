"""Names on Azure: which are unique in the whole world, how long they may be, and names that are GUIDs."""

from __future__ import annotations

import uuid

import pulumi

SUFFIX_LENGTH = 6
LONGEST = 24
"""The tightest rule, of storage accounts and vaults: 3 to 24 characters."""
_NAMESPACE = uuid.UUID("5d0b5ab4-7c7c-5a0e-9a51-6a1f2c0c7e11")


def letters_and_digits(stem: str) -> str:
    """Return the stem without its dashes: storage accounts, registries and workspaces allow none."""
    return stem.replace("-", "")


def account_name(stem: str, kind: str, suffix: str) -> str:
    """Return the name of a storage account: small letters and digits, at most 24 of them."""
    room = LONGEST - len(kind) - len(suffix)
    return f"{letters_and_digits(stem)[:room]}{kind}{suffix}"


def vault_name(stem: str, suffix: str) -> str:
    """Return the name of a vault: at most 24 letters, digits and dashes, never two dashes in a row."""
    return f"{letters_and_digits(stem)[: LONGEST - len(suffix) - 1]}-{suffix}"


def world_name(stem: str, suffix: str) -> str:
    """Return a name that no other stack has, where letters, digits and single dashes are allowed."""
    return f"{letters_and_digits(stem)}-{suffix}"


def guid(*parts: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the GUID that these texts always make: role assignments and definitions are named by one."""
    joined = pulumi.Output.all(*parts)
    return joined.apply(lambda found: str(uuid.uuid5(_NAMESPACE, "|".join(str(part).lower() for part in found))))
