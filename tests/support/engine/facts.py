"""What the stand-in of a cloud must know beyond the SDK's types. One `FACTS` a file in support/engine/clouds.

Everything is keyed by the resource's token. A cloud's file is a few small functions and one table:

    def vpc(made: Made) -> dict[str, Any]:
        return {"id": made.identifier("vpc"), "arn": f"arn:aws:ec2:...:vpc/{made.identifier('vpc')}"}

    FACTS = CloudFacts(
        outputs={"aws:ec2/vpc:Vpc": vpc},
        replaces={"aws:ec2/vpc:Vpc": ["cidrBlock"]},
        rules={"aws:efs/fileSystem:FileSystem": file_system_rule},
    )

The stand-in fills in by itself: every input is an output too, and every output of the SDK that `outputs` does not name
gets a made-up value of its type that is the same in each run. So name what a program reads and what should look real.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.engine.checking import Problem

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Made:
    """An object being made or updated: its token, the name in the program, its inputs by wire name.

    `seed` is the same in each run for the same object, and differs for the object that replaces it.
    """

    token: str
    name: str
    inputs: Inputs
    seed: str

    def digest(self, length: int = 17) -> str:
        """Return hexadecimal digits for use in made-up names."""
        return hashlib.sha256(self.seed.encode()).hexdigest()[:length]

    def identifier(self, prefix: str) -> str:
        """Return an id like `vpc-0a1b...`."""
        return f"{prefix}-{self.digest()}"


@dataclass(frozen=True)
class CloudFacts:
    """One cloud. Paths of properties are wire names with dots and no list positions: `settings.tier`."""

    outputs: Mapping[str, Callable[[Made], Mapping[str, Any]]] = field(default_factory=dict)
    """Computed outputs; the key `id` is the object's id. The token "*" goes first, for every resource. A value wrapped
    in wire.Secret is secret in the state."""
    secret_outputs: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Outputs that the provider marks secret (those that the SDK marks are secret anyway)."""
    reshaped: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Inputs that come back as outputs of another shape, or with more in them: name them in `outputs` as well."""
    replaces: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Properties whose change makes another object. "*" for every resource."""
    deletes_first: Collection[str] = ()
    """Tokens whose old object must go before the next can be made."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The property that the provider fills with `<name in the program>-<7 digits>` when the program leaves it out; "*"
    for every resource not named."""
    unique: Mapping[str, str] = field(default_factory=dict)
    """The property that only one live object may have: making a second one fails, as in the cloud."""
    rules: Mapping[str, Callable[[Inputs], Iterable[Problem]]] = field(default_factory=dict)
    """Cross-field rules: yield Problem(path, reason). Inputs may hold wire.UNKNOWN at preview; "*": every resource."""
    delete_refusals: Mapping[str, Callable[[Inputs], str | None]] = field(default_factory=dict)
    """The cloud's own protection: returns why it refuses to delete, from the object's present inputs."""
    invokes: Mapping[str, Callable[[Inputs], Mapping[str, Any]]] = field(default_factory=dict)
    """Functions by token (`aws:index/getRegion:getRegion`): arguments to result."""
    existing: Mapping[str, Callable[[str], Mapping[str, Any] | None]] = field(default_factory=dict)
    """For `Vpc.get(...)` on what somebody else made: id to properties, None when there is none."""
    untyped: Collection[str] = ()
    """Tokens that no SDK class describes (Kubernetes custom resources): any property passes."""
    open_enums: bool = True
    """Whether a value that the SDK's list of values lacks passes where the SDK says `str | Enum`."""
    ids_are_paths: bool = False
    """Whether what lies below an object by its id goes with it, as on Azure."""


NOTHING = CloudFacts()
