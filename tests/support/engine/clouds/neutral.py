"""The packages that belong to no cloud: random, docker-build."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from support.engine.checking import Problem
from support.engine.facts import CloudFacts, Inputs, Made
from support.engine.wire import UNKNOWN, Secret

PASSWORD = "random:index/randomPassword:RandomPassword"
STRING = "random:index/randomString:RandomString"
RANDOM_ID = "random:index/randomId:RandomId"
RANDOM_BYTES = "random:index/randomBytes:RandomBytes"
UUID = "random:index/randomUuid:RandomUuid"
PET = "random:index/randomPet:RandomPet"
IMAGE = "docker-build:index:Image"

TEXT_SHAPE = (
    "length", "keepers", "lower", "upper", "numeric", "number", "special", "overrideSpecial",
    "minLower", "minUpper", "minNumeric", "minSpecial",
)  # fmt: skip


def made_up_text(made: Made) -> str:
    """Return text of the length asked for, which no other object has."""
    length = int(made.inputs["length"])
    blocks = (made.digest(64) if not n else hashlib.sha256(f"{made.seed}{n}".encode()).hexdigest() for n in range(64))
    return "".join(blocks)[:length]


def password(made: Made) -> dict[str, Any]:
    text = made_up_text(made)
    return {"id": "none", "result": Secret(text), "bcryptHash": Secret(f"$2a$10${made.digest(53)}")}


def string(made: Made) -> dict[str, Any]:
    text = made_up_text(made)
    return {"id": text, "result": text}


def random_id(made: Made) -> dict[str, Any]:
    digits = made.digest(2 * int(made.inputs["byteLength"]))
    prefix = made.inputs.get("prefix", "")
    return {"id": digits, "hex": f"{prefix}{digits}", "dec": f"{prefix}{int(digits, 16)}"}


def random_bytes(made: Made) -> dict[str, Any]:
    return {"id": "none", "hex": Secret(made.digest(64)), "base64": Secret(f"{made.digest(43)}=")}


def uuid(made: Made) -> dict[str, Any]:
    digits = made.digest(32)
    text = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {"id": text, "result": text}


def pet(made: Made) -> dict[str, Any]:
    text = f"calm-otter-{made.digest(4)}"
    return {"id": text}


def text_rule(inputs: Inputs) -> Iterator[Problem]:
    """The least counts of each kind of character must fit into the length."""
    counts = [inputs.get(name, 0) for name in ("length", "minLower", "minUpper", "minNumeric", "minSpecial")]
    if UNKNOWN not in counts and sum(counts[1:]) > counts[0]:
        yield Problem("length", f"must be at least {sum(counts[1:])}, the sum of the least counts")


def image(made: Made) -> dict[str, Any]:
    digest = f"sha256:{made.digest(64)}"
    tags = made.inputs.get("tags") or []
    repository = tags[0].rsplit(":", 1)[0] if tags else "local"
    return {
        "id": made.identifier("image"),
        "digest": digest,
        "ref": f"{repository}@{digest}",
        "contextHash": made.digest(64),
    }


def image_rule(inputs: Inputs) -> Iterator[Problem]:
    """What the builder refuses before it builds."""
    if inputs.get("push") is True and not inputs.get("tags"):
        yield Problem("tags", "a pushed image needs at least one tag")
    if inputs.get("push") is True and inputs.get("load") is True:
        yield Problem("load", "an image is pushed or loaded, not both")


FACTS = CloudFacts(
    outputs={
        PASSWORD: password,
        STRING: string,
        RANDOM_ID: random_id,
        RANDOM_BYTES: random_bytes,
        UUID: uuid,
        PET: pet,
        IMAGE: image,
    },
    replaces={
        PASSWORD: TEXT_SHAPE,
        STRING: TEXT_SHAPE,
        RANDOM_ID: ["byteLength", "keepers", "prefix"],
        RANDOM_BYTES: ["length", "keepers"],
        UUID: ["keepers"],
        PET: ["keepers", "length", "prefix", "separator"],
    },
    rules={PASSWORD: text_rule, STRING: text_rule, IMAGE: image_rule},
    open_enums=False,
)
