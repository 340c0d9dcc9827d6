"""The stack config as it is written: what each key allows, and every problem at once."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from penstock_platform.options import MEANINGS, REQUIRED, StackOptions, read_options
from penstock_platform.planning import blueprint_of
from penstock_platform.problems import BlueprintInvalid, Problem

UNHURRIED = settings(deadline=None)  # a machine that does other work is no failure

LEAST = {"cloud": "gcp", "topology": "single"}


def problems(**keys) -> dict[str, str]:
    """What is said of each key of a config that cannot be used."""
    with pytest.raises(BlueprintInvalid) as failed:
        blueprint_of({**LEAST, **keys})
    found = failed.value.problems
    assert len({problem.key for problem in found}) == len(found)
    return {problem.key: problem.message for problem in found}


def test_every_key_has_a_meaning():
    assert list(MEANINGS) == [to_camel(name) for name in StackOptions.model_fields]
    assert [key for key, meaning in MEANINGS.items() if not meaning.endswith(".")] == []


def groups() -> list[tuple[str, type[BaseModel]]]:
    fields = StackOptions.model_fields.items()
    found = [(to_camel(name), field.annotation) for name, field in fields]
    return [(key, kind) for key, kind in found if isinstance(kind, type) and issubclass(kind, BaseModel)]


def test_every_key_of_a_group_is_named_in_its_meaning_or_said_in_words():
    in_words = {"kubernetes"}
    for key, group in groups():
        names = [to_camel(name) for name in group.model_fields]
        if key not in in_words:
            assert [name for name in names if f"`{name}`" not in MEANINGS[key]] == [], key


def test_the_least_config_is_enough():
    assert read_options(LEAST) == (StackOptions(**LEAST), [])


@pytest.mark.parametrize("required", REQUIRED)
def test_what_has_no_default_is_asked_for(required):
    rest = {key: value for key, value in LEAST.items() if key != required}
    options, found = read_options(rest)
    assert options is None
    [problem] = found
    assert problem.key == required
    assert "is missing; allowed: " in problem.message
    assert ("kubernetes" if required == "cloud" else "autoscale") in problem.message


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("topolgy", "topology"),
        ("networkCIDR", "networkCidr"),
        ("monthly_budget", "monthlyBudget"),
        ("databse", "database"),
    ],
)
def test_an_unknown_key_gets_the_nearest_name(written, meant):
    if written == "monthly_budget":
        assert blueprint_of({**LEAST, written: 10_000}).monthly_budget == 10_000  # Python's spelling is taken too
        return
    assert problems(**{written: "x"}) == {written: f"is no key of Penstock; did you mean {meant}?"}


def test_an_unknown_key_of_a_group_gets_the_nearest_of_that_group():
    assert problems(scheduler={"slot": 3}) == {"scheduler.slot": "is no key of scheduler; did you mean slots?"}
    assert problems(web={"slots": 3})["web.slots"].startswith("is no key of web; known: cpu, memory, min, max")


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ({"cloud": "ibm"}, "cloud", r"'ibm' cannot be used; allowed: 'aws', 'gcp', 'azure', 'kubernetes'"),
        ({"topology": "big"}, "topology", r"allowed: 'single', 'split', 'ha', 'autoscale'"),
        ({"name": "Nobody"}, "name", r"'Nobody' cannot be used; write 3 to 20 small letters"),
        ({"image": "penstock:latest"}, "image", r"given by digest"),
        ({"networkCidr": "10.40.0.1/16"}, "networkCidr", r"no bits set after the prefix"),
        ({"allowedCidrs": ["here"]}, "allowedCidrs.0", r"'here' is no IPv4 network"),
        ({"web": {"cpu": "lots"}}, "web.cpu", r"'lots' is no CPU quantity; write 500m, 1 or 1.5"),
        ({"scheduler": {"memory": 2048}}, "scheduler.memory", r"2048 is no memory quantity"),
        ({"scheduler": {"cpu": "9"}}, "scheduler.cpu", r"less than or equal to 8000"),
        ({"database": {"version": 9}}, "database.version", r"greater than or equal to 14"),
        ({"database": {"size": "huge"}}, "database.size", r"allowed: 'small', 'medium', 'large', 'xlarge'"),
        ({"domain": "not a name"}, "domain", r"write a name such as penstock.example.com"),
        ({"project": {"url": "ftp://x"}}, "project.url", r"git address"),
        ({"alarms": {"email": "nobody"}}, "alarms.email", r"team@example.com"),
        ({"monthlyBudget": 0}, "monthlyBudget", r"greater than 0"),
        ({"web": 5}, "web", r"5 cannot be used; write a group of its keys: cpu, memory, min, max"),
        ({"executors": "ecs"}, "executors", r"should be a valid list"),
        ({"tags": 5}, "tags", r"should be a valid mapping of names to values"),
        ({"executors": ["fargate"]}, "executors.0", r"'local_python'"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_what_can(keys, key, said):
    found = problems(**keys)
    assert list(found) == [key]
    assert re.search(said, found[key]), found[key]


def test_every_problem_is_told_at_once_those_between_keys_too():
    found = problems(
        topology="ha",
        web={"min": 1},
        database={"size": "small"},
        executors=["nowhere"],
        topolgy="ha",
        exposure="portForward",
    )
    assert set(found) == {"web.min", "database.size", "executors.0", "topolgy", "exposure"}


def test_the_text_lists_every_problem_with_its_key():
    error = BlueprintInvalid([Problem("web.max", "is below web.min"), Problem("name", "is too long")])
    assert str(error).splitlines() == [
        "the stack's config has 2 problems; nothing was made:",
        "  - penstock:web.max: is below web.min",
        "  - penstock:name: is too long",
    ]
    assert "1 problem;" in str(BlueprintInvalid([Problem("name", "x")]))


def test_a_key_without_a_value_is_one_that_is_not_given():
    assert blueprint_of({**LEAST, "domain": None, "web": None}) == blueprint_of(LEAST)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
known = st.sampled_from([to_camel(name) for name in StackOptions.model_fields])


@UNHURRIED
@given(st.dictionaries(known | st.text(max_size=12), values, max_size=8))
def test_whatever_is_written_gives_options_or_problems(raw):
    options, found = read_options(raw)
    assert found or options is not None
    assert all(problem.message for problem in found)
    if options is None:
        assert {problem.key.split(".")[0] for problem in found} & set(REQUIRED)


@UNHURRIED
@given(st.dictionaries(known, values, max_size=6))
def test_a_wrong_config_never_ends_in_another_error(raw):
    with contextlib.suppress(BlueprintInvalid):
        assert blueprint_of({**LEAST, **raw}) == blueprint_of({**LEAST, **raw})
