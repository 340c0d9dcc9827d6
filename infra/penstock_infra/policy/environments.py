"""Rules for the environment of containers: no secret stands there in plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock_infra.policy.containers import PLACES, containers_of, variables_of
from penstock_infra.policy.rule import Resource, Rule
from penstock_infra.policy.values import Part

SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|SECRET|TOKEN|(^|_)KEY($|_)|APIKEY|CREDENTIAL|OWNER_CODE|REDIS_URL|DATABASE_URL"
)
CREDENTIALS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
"""A URL with a password in it."""
REFERENCES: dict[str, tuple[re.Pattern[str], str]] = {
    "PENSTOCK_SECRET_STORE": (re.compile(r"[a-z_]+"), "the kind of store"),
    "PENSTOCK_DB_SECRET": (
        re.compile(r"(aws:)?arn:\S+|(gcp:)?projects/\S+|(azure:)?https://[^\s@]+"),
        "where the password is",
    ),
    "POSTGRES_PASSWORD_FILE": (re.compile(r"/[^\s:@]+"), "the file that holds the password"),
}
"""Variables whose names look like secrets and whose values only say where one is: what they may look like, and why."""


def no_plain_secret(resource: Resource) -> Iterator[str]:
    """No variable that is named like a secret has a value of its own, and no value is a URL with a password."""
    for container in containers_of(resource):
        for name, variable in variables_of(resource, container):
            reason = _reason(name, variable)
            if reason:
                yield f"variable {name} of {container.at} {reason}; keep it in the secret store and refer to it"


def _reason(name: str, variable: Part) -> str:
    value = variable.text("value")
    if not value:
        return ""
    if CREDENTIALS.search(value):
        return "is a URL with a password in it"
    reference = REFERENCES.get(name)
    if reference is not None and reference[0].fullmatch(value):
        return ""
    return "looks like a secret in plain text" if SECRET_NAME.search(name.upper()) else ""


NO_PLAIN_SECRET = Rule(
    "no-plain-secret",
    "No secret stands in the environment of a container, where everyone who may look at it reads it.",
    {kind: [no_plain_secret] for kind in PLACES},
    exceptions=tuple(f"`{name}`: it is {why}." for name, (_, why) in REFERENCES.items()),
)

RULES = (NO_PLAIN_SECRET,)
