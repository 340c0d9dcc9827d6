"""What the components of every cloud share.

A component is typed `penstock:<cloud>:<Thing>`, takes a frozen arguments class, makes its children with `parent=self`
(through which they get the stack's explicit provider), and calls `finish` last. Logical names are stable and hold
neither environment nor region: those go into physical names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi


class Component(pulumi.ComponentResource):
    """A component of ours. Subclasses name themselves in `cloud` and their class name: `penstock:aws:Network`."""

    cloud: str

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Register the component under its own type."""
        super().__init__(f"penstock:{self.cloud}:{type(self).__name__}", name, None, opts)

    def child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return the options of a child; `after` are resources that must be there first, beyond those it refers to."""
        return pulumi.ResourceOptions(parent=self, depends_on=list(after) or None)

    def data(self, protection: Protection, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return the options of a child that holds data: protected, and kept when it leaves the program."""
        return pulumi.ResourceOptions.merge(
            self.child(*after),
            pulumi.ResourceOptions(protect=protection.on, retain_on_delete=protection.on),
        )

    def finish(self, **outputs: Any) -> None:
        """Say that all children are registered."""
        self.register_outputs(outputs)


@dataclass(frozen=True, slots=True)
class Protection:
    """Whether what holds data is protected: one answer for a whole stack, from `protectData`."""

    on: bool
