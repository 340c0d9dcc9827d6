"""What an operator does after `up`, and what a stack does not do: the `nextSteps` output."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from penstock_platform.blueprint import Blueprint


def next_steps(
    blueprint: Blueprint,
    url: pulumi.Input[str],
    *,
    read_owner_code: pulumi.Input[str],
    reach: Sequence[pulumi.Input[str]] = (),
    not_encrypted: Sequence[pulumi.Input[str]] = (),
) -> list[pulumi.Input[str]]:
    """Return the steps in order: the owner code, the page, then what is not encrypted and why, then what waits.

    `read_owner_code` is a command; `reach` says what else it takes to open the page, such as a DNS record.
    """
    return [
        pulumi.Output.concat("Read the one-time owner code: ", read_owner_code),
        *reach,
        pulumi.Output.concat("Make the first owner, once, at ", url, "/setup"),
        f"The project is the folder {blueprint.share.path}/project on the share; an empty one gets a starter project.",
        *(pulumi.Output.concat("Not encrypted: ", line) for line in not_encrypted),
        *blueprint.notes,
    ]
