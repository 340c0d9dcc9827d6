"""What a stand-in provider does for one resource: check, diff, create, update, read, delete. No gRPC here."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from support.engine.checking import Checker, Problem
from support.engine.differences import Difference, differences, forces_replacement
from support.engine.facts import NOTHING, CloudFacts, Inputs, Made
from support.engine.made_up import made_up_outputs
from support.engine.schemas import ResourceSchema, schema_of
from support.engine.tokens import UnknownToken, package_of
from support.engine.wire import UNKNOWN, Secret
from support.engine.world import LiveObject, World

CLOUD_OF = {
    "aws": "aws",
    "gcp": "gcp",
    "azure-native": "azure",
    "kubernetes": "kubernetes",
    "random": "neutral",
    "docker-build": "neutral",
}
PACKAGES = tuple(CLOUD_OF)
PROVIDER_KEYS = frozenset({"version", "pluginDownloadURL", "__internal"})


class Refused(Exception):
    """The cloud would not do it; the message is the cloud's."""


def facts_of(package: str) -> CloudFacts:
    """Return the catalogue of a package; empty while its file in clouds/ is not written."""
    module = f"support.engine.clouds.{CLOUD_OF.get(package, package)}"
    if importlib.util.find_spec(module) is None:
        return NOTHING
    facts = importlib.import_module(module).FACTS
    assert isinstance(facts, CloudFacts)
    return facts


@dataclass(frozen=True)
class Asked:
    """What a request is about."""

    urn: str

    @property
    def token(self) -> str:
        return self.urn.split("::")[2].rsplit("$", 1)[-1]

    @property
    def name(self) -> str:
        return self.urn.split("::", 3)[3]


class Behaviour:
    """The stand-in of every package, over one world."""

    def __init__(self, world: World, facts: Mapping[str, CloudFacts] | None = None) -> None:
        self.world = world
        self._given = dict(facts or {})

    def facts(self, token: str) -> CloudFacts:
        package = package_of(token)
        if package not in self._given:
            self._given[package] = facts_of(package)
        return self._given[package]

    def schema(self, token: str) -> ResourceSchema | None:
        """Return the schema; None for tokens that a catalogue lets pass untyped; UnknownToken."""
        return None if token in self.facts(token).untyped else schema_of(token)

    def check(self, asked: Asked, inputs: dict[str, Any], old: Inputs) -> tuple[dict[str, Any], list[Problem]]:
        """Return the inputs with the provider's own name filled in, and what is wrong with them."""
        try:
            return self.named(asked, inputs, old), list(self.problems(asked.token, inputs))
        except UnknownToken as problem:
            return inputs, [Problem("", str(problem))]

    def problems(self, token: str, inputs: Inputs) -> Iterator[Problem]:
        facts = self.facts(token)
        schema = self.schema(token)
        if schema is not None:
            yield from Checker(schema, open_enums=facts.open_enums).problems(inputs)
        for key in ("*", token):
            if key in facts.rules:
                yield from facts.rules[key](inputs)

    def check_provider(self, token: str, inputs: Inputs) -> list[Problem]:
        """Check the configuration of an explicit provider: names only, since values travel as text."""
        known = set(schema_of(token).inputs) | PROVIDER_KEYS
        return [Problem(name, "is not a setting of this provider") for name in inputs if name not in known]

    def named(self, asked: Asked, inputs: dict[str, Any], old: Inputs) -> dict[str, Any]:
        """Fill in the name that the provider would choose; the one of before, when there was one."""
        names = self.facts(asked.token).names
        path = names.get(asked.token, names.get("*", ""))
        if not path or at_path(inputs, path) is not None:
            return inputs
        seed = f"{asked.urn}#{self.world.incarnations(asked.urn)}"
        chosen = f"{asked.name}-{Made(asked.token, asked.name, {}, seed).digest(7)}"
        return with_path(inputs, path, at_path(old, path) or chosen)

    def diff(self, token: str, old: Inputs, new: Inputs) -> tuple[list[Difference], list[str], bool]:
        """Return what changed, the changed paths that make another object, and whether the old one goes first."""
        facts = self.facts(token)
        found = list(differences(old, new))
        replacing = [*facts.replaces.get("*", ()), *facts.replaces.get(token, ())]
        forced = [one.path for one in found if forces_replacement(one.path, replacing)]
        return found, forced, token in facts.deletes_first

    def preview_outputs(self, token: str, inputs: Inputs) -> dict[str, Any]:
        """Return what is known of an object before it exists: its inputs."""
        schema = self.schema(token)
        return {**dict.fromkeys(schema.outputs if schema else (), UNKNOWN), **self.previewed(token, inputs)}

    def previewed(self, token: str, inputs: Inputs) -> dict[str, Any]:
        """Return the inputs as outputs of a preview: what the cloud gives back in another shape is unknown still."""
        reshaped = self.facts(token).reshaped.get(token, ())
        return {name: UNKNOWN if name in reshaped else value for name, value in inputs.items()}

    def create(self, asked: Asked, inputs: dict[str, Any]) -> LiveObject:
        """Make an object; Refused."""
        self.strike("create", asked)
        self.refuse_twins(asked, inputs)
        number = self.world.incarnations(asked.urn)
        outputs = self.outputs(asked, inputs, number)
        one = LiveObject(asked.token, str(outputs.pop("id")), asked.urn, inputs, outputs, number)
        self.world.put(one)
        return one

    def outputs(self, asked: Asked, inputs: Inputs, number: int) -> dict[str, Any]:
        """Return every output of an object, its `id` among them."""
        made = Made(asked.token, asked.name, inputs, f"{asked.urn}#{number}")
        facts, schema = self.facts(made.token), self.schema(made.token)
        outputs: dict[str, Any] = {"id": made.identifier(made.name)}
        outputs |= made_up_outputs(schema, made) if schema else {}
        outputs |= made.inputs
        for key in ("*", made.token):
            if key in facts.outputs:
                outputs |= facts.outputs[key](made)
        secret = facts.secret_outputs.get(made.token, ())
        return {name: Secret(value) if name in secret else value for name, value in outputs.items()}

    def refuse_twins(self, asked: Asked, inputs: Inputs) -> None:
        prop = self.facts(asked.token).unique.get(asked.token)
        twin = self.world.holder(asked.token, prop, inputs.get(prop)) if prop and inputs.get(prop) else None
        if twin is not None:
            raise Refused(f"{asked.token} with {prop} {inputs[prop]!r} already exists ({twin.id})")

    def update(self, asked: Asked, identity: str, inputs: dict[str, Any]) -> LiveObject:
        """Change an object in place; it keeps its id and what was made up for it. Refused."""
        self.strike("update", asked)
        one = self.world.find(asked.token, identity, asked.urn)
        if one is None:
            raise Refused(f"{asked.token} {identity} does not exist")
        outputs = self.outputs(asked, inputs, one.number)
        del outputs["id"]
        changed = replace(one, inputs=inputs, outputs=outputs)
        self.world.put(changed)
        return changed

    def delete(self, asked: Asked, identity: str) -> None:
        """Take an object away; Refused when the cloud protects it. One that is gone already is fine."""
        self.strike("delete", asked)
        one = self.world.find(asked.token, identity, asked.urn)
        refusal = self.facts(asked.token).delete_refusals.get(asked.token)
        if one is not None and refusal is not None and (reason := refusal(one.inputs)):
            raise Refused(reason)
        self.world.remove(asked.token, identity, asked.urn)
        if self.facts(asked.token).ids_are_paths:
            self.world.remove_below(identity)

    def read(self, asked: Asked, identity: str) -> LiveObject | None:
        """Return an object as it is now: one of the world, or one that the catalogue says somebody else made."""
        one = self.world.find(asked.token, identity, asked.urn)
        elsewhere = self.facts(asked.token).existing.get(asked.token)
        if one is None and elsewhere is not None and (found := elsewhere(identity)) is not None:
            return LiveObject(asked.token, identity, asked.urn, dict(found), dict(found))
        return one

    def invoke(self, token: str, arguments: Inputs) -> Mapping[str, Any]:
        """Answer a function; Refused when the catalogue does not know it."""
        function = self.facts(token).invokes.get(token)
        if function is None:
            raise Refused(f"the stand-in has no answer to {token}: add it to `invokes` of its cloud")
        return function(arguments)

    def strike(self, operation: str, asked: Asked) -> None:
        self.world.calls[operation] += 1
        message = self.world.failure_of(operation, asked.token, asked.name)
        if message is not None:
            raise Refused(message)


def at_path(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def with_path(value: Mapping[str, Any], path: str, item: Any) -> dict[str, Any]:
    """Return a copy of a nested dict with one property set."""
    first, _, rest = path.partition(".")
    inner = with_path(value.get(first) or {}, rest, item) if rest else item
    return {**value, first: inner}
