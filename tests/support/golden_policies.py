"""The reference of the policy pack: each rule, what it looks at on each cloud, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

CLOUDS = {
    "aws": "AWS",
    "gcp": "GCP",
    "azure-native": "Azure",
    "azure": "Azure",
    "kubernetes": "Kubernetes",
    "all": "All",
}
INTRODUCTION = """\
# Policies

What every stack holds to, on each cloud. `pulumi preview --policy-pack infra/penstock_infra/policy` refuses a stack
that does not, before anything is made; `pulumi up` with the same option looks once more at what was made. A value that
is not known before something exists is looked at then.

Rules read `protectData`, `topology` and `monthlyBudget` from the stack's own config; `--policy-pack-config` goes before
it, with the settings named below.

This page is made from `penstock_infra.policy.rules` by `make golden`.
"""


def policies_page() -> str:
    """Return the reference of every rule."""
    from penstock_infra.policy.rules import RULES, STACK_RULES

    lines = [INTRODUCTION, "# Rules over single resources\n"]
    lines.extend(line for rule in RULES for line in rule_lines(rule, by_type(rule.checks)))
    lines.append("# Rules over a whole stack\n")
    lines.extend(line for rule in STACK_RULES for line in rule_lines(rule, by_cloud(rule.checks)))
    return "\n".join(lines)


def rule_lines(rule: Any, checks: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a rule's heading, description, checks by cloud, exceptions and settings."""
    yield f"## {rule.name}\n"
    yield f"{rule.description}\n"
    for cloud, found in sorted(checks.items(), key=lambda item: list(CLOUDS.values()).index(item[0])):
        if cloud != CLOUDS["all"]:
            yield f"{cloud}:\n"
        yield from (f"- {text}" for text in found)
        yield ""
    if rule.exceptions:
        yield "Left alone:\n"
        yield from (f"- {text}" for text in rule.exceptions)
        yield ""
    for setting in rule.settings:
        shown = f" (default: {setting.default})" if setting.default is not None else ""
        yield f"Setting `{setting.name}`: {setting.meaning}{shown}\n"


def by_type(checks: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Return by cloud what is checked of which types; types of which the same is checked share a line."""
    from penstock_infra.policy.rule import says

    kinds: dict[tuple[str, str], list[str]] = {}
    for kind, found in checks.items():
        text = "; ".join(lowered(says(check)) for check in found)
        kinds.setdefault((cloud_of(kind), text), []).append(shown(kind))
    lines: dict[str, list[str]] = {}
    for (cloud, text), names in kinds.items():
        lines.setdefault(cloud, []).append(f"{', '.join(f'`{name}`' for name in names)}: {text}.")
    return lines


def by_cloud(checks: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    """Return by cloud what is checked of a stack."""
    from penstock_infra.policy.rule import says

    return {CLOUDS[cloud]: [f"{says(check)}." for check in found] for cloud, found in checks.items()}


def cloud_of(kind: str) -> str:
    return CLOUDS[kind.rpartition(":")[2] if kind.startswith("pulumi:providers:") else kind.partition(":")[0]]


def shown(kind: str) -> str:
    """Return a type as an operator says it: `rds.Instance` of `aws:rds/instance:Instance`."""
    if kind.startswith("pulumi:providers:"):
        return "the provider"
    package, _, rest = kind.partition(":")
    if rest == "*":
        return "everything"
    module, _, name = rest.rpartition(":")
    return f"{module if package == 'kubernetes' else module.partition('/')[0]}.{name}"


def lowered(text: str) -> str:
    """Return a sentence as a part of another."""
    return text[:1].lower() + text[1:]
