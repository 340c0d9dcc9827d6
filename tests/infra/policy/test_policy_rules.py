"""Every check of every rule: content with good properties, and loud about the one that is broken."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from penstock_infra.policy.rule import Resource, Rule, Stack
from penstock_infra.policy.rules import RULES, STACK_RULES
from penstock_infra.policy.values import UNKNOWN
from support.engine.schemas import schema_of
from support.mutations import Made, mutated, with_value
from support.policy_cases.cases import StackCase
from support.policy_cases.every_cloud import BAD, BREAKS, GOOD, STACK_CASES, broken

NAMED = {rule.name: rule for rule in RULES}
RDS = "aws:rds/instance:Instance"
STACK_NAMED = {rule.name: rule for rule in STACK_RULES}


def said_of(resource: Resource) -> list[str]:
    return [f"{rule.name}: {text}" for rule in RULES for text in rule.complaints(resource)]


def titles() -> list[str]:
    return [f"{index}-{one.rule}-{one.type}-{one.path}" for index, one in enumerate(BREAKS)]


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_good_properties_please_every_rule(kind):
    assert said_of(Resource(kind, "encryption-key", GOOD[kind], protect=True)) == []


@pytest.mark.parametrize("one", BREAKS, ids=titles())
def test_a_rule_complains_of_what_is_broken(one):
    found = list(NAMED[one.rule].complaints(broken(one)))
    assert [text for text in found if one.says in text], found
    assert all(text.startswith(f"{one.name} ({one.type}): ") for text in found)


def test_a_complaint_names_the_resource_what_is_wrong_and_what_to_set():
    resource = Resource(RDS, "database", with_value(GOOD[RDS], "publiclyAccessible", value=True))
    assert list(NAMED["database-private"].complaints(resource)) == [
        "database (aws:rds/instance:Instance): the server has a public address; set publiclyAccessible to false"
    ]


def checks_of(rule: Rule) -> Iterator[tuple[str, Any]]:
    for kind, checks in rule.checks.items():
        for check in checks:
            yield kind, check


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_check_lacks_a_case_that_breaks_it(rule):
    """Of each type: a check that no break makes speak would be one that cannot fail."""
    mute = []
    for kind, check in checks_of(rule):
        cases = [one for one in BREAKS if one.rule == rule.name and reaches(kind, one.type)]
        if not any(list(check(broken(one))) for one in cases):
            mute.append((kind, getattr(check, "says", check.__doc__)))
    assert mute == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_type_lacks_a_case_that_passes(rule):
    """But for types whose every resource is wrong."""
    assert {kind for kind in rule.checks if kind not in BAD and not any(reaches(kind, good) for good in GOOD)} == set()


def reaches(kind: str, one: str) -> bool:
    return kind == one or (kind.endswith(":*") and one.startswith(kind[:-1]))


# Rules of stacks


def stack_of(resources: list[Made], config: Mapping[str, Any]) -> Stack:
    return Stack([Resource(one.type, one.name, one.outputs, config=config) for one in resources], config)


def complained(case: StackCase, resources: list[Made]) -> list[str]:
    """Return what the rule of a case says of other resources."""
    return list(STACK_NAMED[case.rule].complaints(stack_of(resources, case.config)))


def stack_titles() -> list[str]:
    return [f"{index}-{case.rule}-{case.mutation.target}" for index, case in enumerate(STACK_CASES)]


@pytest.mark.parametrize("case", STACK_CASES, ids=stack_titles())
def test_a_rule_of_stacks_passes_the_good_and_complains_of_the_broken(case):
    rule = STACK_NAMED[case.rule]
    assert list(rule.complaints(stack_of(list(case.good), case.config))) == []
    found = list(rule.complaints(stack_of(mutated(case.good, case.mutation), case.config)))
    assert [text for text in found if case.says in text], found


@pytest.mark.parametrize("rule", STACK_RULES, ids=lambda rule: rule.name)
def test_no_check_of_stacks_lacks_a_case(rule):
    mute = []
    for checks in rule.checks.values():
        for check in checks:
            cases = [case for case in STACK_CASES if case.rule == rule.name]
            if not any(list(check(stack_of(mutated(c.good, c.mutation), c.config))) for c in cases):
                mute.append(check.__doc__)
    assert mute == []


def test_names_are_unique_and_all_are_said_in_words():
    names = [rule.name for rule in (*RULES, *STACK_RULES)]
    assert len(names) == len(set(names))
    assert all(rule.description.endswith(".") for rule in (*RULES, *STACK_RULES))
    assert {one.rule for one in BREAKS} | {case.rule for case in STACK_CASES} == set(names)


# What is not protected on purpose


def test_data_of_a_stack_without_protection_may_go():
    resource = Resource(
        "aws:rds/instance:Instance", "database", {"skipFinalSnapshot": True}, config={"protectData": "false"}
    )
    names = ("data-protected", "database-protected")
    assert [text for name in names for text in NAMED[name].complaints(resource)] == []


# What is not known, and what is missing


ODD = json.dumps({"Statement": [{"Effect": "Allow", "Action": {"a": 1}, "Principal": [[]], "Condition": "x"}, 7]})
FORMS: tuple[Any, ...] = ("x", 7, True, [], {}, ["x"], [UNKNOWN], [[{}]], {"x": UNKNOWN}, [None], "[1, {}]", ODD)


@pytest.mark.parametrize("kind", sorted({*GOOD, *BAD}))
def test_rules_bear_what_is_missing_and_what_is_of_another_form(kind):
    """Of each property in turn, at every depth, and of all at once."""
    good, names = {**GOOD, **BAD}[kind], sorted(schema_of(kind).inputs)
    for form in FORMS:
        everything = dict.fromkeys(names, form)
        for props in ({}, everything, *(with_value(good, path, form) for path in paths_of(good))):
            assert all(isinstance(text, str) for text in said_of(Resource(kind, "encryption-key", props)))


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_rules_say_nothing_of_what_is_not_known_yet(kind):
    """Each property in turn, at every depth."""
    for path in paths_of(GOOD[kind]):
        hidden = with_unknown(GOOD[kind], path)
        assert said_of(Resource(kind, "encryption-key", hidden, protect=True)) == [], path


@pytest.mark.parametrize("case", STACK_CASES, ids=stack_titles())
def test_rules_of_stacks_say_nothing_of_what_is_not_known_yet(case):
    for index, one in enumerate(case.good):
        for path in paths_of(one.outputs):
            for form in FORMS:
                other = Made(one.type, one.name, one.inputs, with_value(one.outputs, path, form))
                resources = [*case.good[:index], other, *case.good[index + 1 :]]
                assert all(isinstance(text, str) for text in complained(case, resources))
            unsure = Made(one.type, one.name, one.inputs, with_unknown(one.outputs, path))
            resources = [*case.good[:index], unsure, *case.good[index + 1 :]]
            assert complained(case, resources) == [], path


def paths_of(value: Any, at: str = "") -> Iterator[str]:
    """Yield the path of every property of nested values."""
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        items = [
            (f"{at}.{name}" if at else name, item)
            for name, item in value.items()
            if "." not in name and "/" not in name
        ]
    elif isinstance(value, list):
        items = [(f"{at}[{index}]", item) for index, item in enumerate(value)]
    for path, item in items:
        yield path
        yield from paths_of(item, path)


def with_unknown(props: Any, path: str) -> Any:
    """Return a copy in which nobody knows one property yet."""
    mark = "what stands for it"
    return replaced(with_value(props, path, mark), mark)


def replaced(value: Any, mark: str) -> Any:
    if isinstance(value, dict):
        return {name: replaced(item, mark) for name, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, mark) for item in value]
    return UNKNOWN if value == mark else value
