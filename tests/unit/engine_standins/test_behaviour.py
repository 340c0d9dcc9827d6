"""The stand-in of one made-up cloud: names, ids, outputs, refusals, and what its account remembers."""

from __future__ import annotations

import pytest

from support.engine.behaviour import Asked, Behaviour, Refused
from support.engine.checking import Problem
from support.engine.facts import CloudFacts
from support.engine.wire import Secret
from support.engine.world import World

THING = "cloud:index:Thing"
ASKED = Asked(f"urn:pulumi:dev::penstock::penstock:index:Group${THING}::web::one")


def make_thing(made):
    return {"id": made.identifier("thing"), "url": f"https://{made.inputs['name']}.example.com", "key": "k"}


def even(inputs):
    if inputs.get("size", 0) % 2:
        yield Problem("size", "must be even")


FACTS = CloudFacts(
    outputs={"*": lambda made: {"zone": "z1"}, THING: make_thing},
    secret_outputs={THING: ["key"]},
    replaces={"*": ["zone"], THING: ["settings.tier"]},
    deletes_first=[THING],
    names={"*": "meta.name", THING: "name"},
    unique={THING: "name"},
    rules={THING: even},
    delete_refusals={THING: lambda inputs: "it is kept" if inputs.get("keep") else None},
    invokes={"cloud:index:add": lambda arguments: {"sum": arguments["a"] + arguments["b"]}},
    existing={THING: lambda identity: {"name": "old"} if identity == "thing-old" else None},
    untyped=[THING, "cloud:index:Other"],
)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def behaviour(world):
    return Behaviour(world, {"cloud": FACTS})


def test_a_urn_gives_the_token_of_the_resource_itself_and_a_name_with_colons():
    assert (ASKED.token, ASKED.name) == (THING, "web::one")


def test_a_name_is_chosen_once_and_another_for_a_replacement(behaviour):
    inputs, _ = behaviour.check(ASKED, {}, {})
    assert inputs["name"].startswith("web::one-")
    assert behaviour.check(ASKED, {"size": 2}, inputs)[0]["name"] == inputs["name"]
    assert behaviour.check(ASKED, {"name": "mine"}, inputs)[0]["name"] == "mine"
    behaviour.create(ASKED, inputs)
    assert behaviour.check(ASKED, {}, {})[0]["name"] != inputs["name"]


def test_a_name_may_lie_within_an_object(behaviour):
    other = Asked("urn:pulumi:dev::penstock::cloud:index:Other::pod")
    inputs, _ = behaviour.check(other, {"meta": {"labels": {}}}, {})
    assert inputs["meta"]["name"].startswith("pod-")
    assert inputs["meta"]["labels"] == {}


def test_rules_are_asked(behaviour):
    assert behaviour.check(ASKED, {"name": "a", "size": 3}, {})[1] == [Problem("size", "must be even")]
    assert behaviour.check(ASKED, {"name": "a", "size": 4}, {})[1] == []


def test_an_object_has_its_inputs_and_what_the_catalogue_computes(behaviour, world):
    one = behaviour.create(ASKED, {"name": "a"})
    assert one.outputs == {"name": "a", "zone": "z1", "url": "https://a.example.com", "key": Secret("k")}
    assert world.only("web::one").id == one.id


def test_the_same_object_gets_the_same_id_in_each_account_and_its_replacement_another(behaviour):
    first = behaviour.create(ASKED, {"name": "a"})
    assert Behaviour(World(), {"cloud": FACTS}).create(ASKED, {"name": "b"}).id == first.id
    assert behaviour.create(ASKED, {"name": "b"}).id != first.id


def test_an_update_keeps_the_id(behaviour, world):
    first = behaviour.create(ASKED, {"name": "a"})
    second = behaviour.create(ASKED, {"name": "b"})
    changed = behaviour.update(ASKED, first.id, {"name": "c"})
    assert (changed.id, changed.outputs["url"]) == (first.id, "https://c.example.com")
    assert world.find(THING, second.id, ASKED.urn).inputs == {"name": "b"}


def test_an_update_of_what_is_gone_is_refused(behaviour):
    with pytest.raises(Refused, match="does not exist"):
        behaviour.update(ASKED, "thing-0", {})


def test_one_name_is_for_one_live_object(behaviour):
    first = behaviour.create(ASKED, {"name": "a"})
    with pytest.raises(Refused, match="already exists"):
        behaviour.create(ASKED, {"name": "a"})
    behaviour.delete(ASKED, first.id)
    assert behaviour.create(ASKED, {"name": "a"})


def test_objects_without_an_id_of_their_own_share_no_place(world):
    """Every password of random's provider has the id `none`."""
    random, token = Behaviour(world), "random:index/randomPassword:RandomPassword"
    first, second = (Asked(f"urn:pulumi:dev::penstock::{token}::{name}") for name in ("first", "second"))
    made = [random.create(asked, {"length": 8}) for asked in (first, second)]
    assert [one.id for one in made] == ["none", "none"]
    random.delete(first, "none")
    assert (random.read(first, "none"), random.read(second, "none")) == (None, made[1])


def test_what_is_kept_is_not_deleted(behaviour, world):
    one = behaviour.create(ASKED, {"name": "a", "keep": True})
    with pytest.raises(Refused, match="it is kept"):
        behaviour.delete(ASKED, one.id)
    behaviour.update(ASKED, one.id, {"name": "a", "keep": False})
    behaviour.delete(ASKED, one.id)
    assert world.objects == {}


def test_a_deletion_of_what_is_gone_is_done(behaviour):
    behaviour.delete(ASKED, "thing-0")


def test_a_diff_names_what_forces_replacement(behaviour):
    old = {"zone": "a", "size": 1, "settings": {"tier": "s", "disk": 1}}
    found, forced, first = behaviour.diff(THING, old, {**old, "size": 2})
    assert ([one.path for one in found], forced, first) == (["size"], [], True)
    _, forced, _ = behaviour.diff(THING, old, {"zone": "b", "size": 1, "settings": {"tier": "m", "disk": 2}})
    assert forced == ["settings.tier", "zone"]


def test_a_read_finds_what_was_made_here_or_elsewhere(behaviour):
    one = behaviour.create(ASKED, {"name": "a"})
    assert behaviour.read(ASKED, one.id) == one
    assert behaviour.read(ASKED, "thing-old").outputs == {"name": "old"}
    assert behaviour.read(ASKED, "thing-none") is None


def test_functions_answer_or_are_refused(behaviour):
    assert behaviour.invoke("cloud:index:add", {"a": 1, "b": 2}) == {"sum": 3}
    with pytest.raises(Refused, match="no answer to cloud:index:subtract"):
        behaviour.invoke("cloud:index:subtract", {})


@pytest.mark.parametrize("target", [THING, "web::one"])
def test_a_failure_strikes_by_token_or_name_as_often_as_it_should(behaviour, world, target):
    world.fail_create(target, "no capacity", times=2)
    for _ in range(2):
        with pytest.raises(Refused, match="no capacity"):
            behaviour.create(ASKED, {"name": "a"})
    assert behaviour.create(ASKED, {"name": "a"})


def test_failures_of_updates_and_deletions_last_until_healed(behaviour, world):
    one = behaviour.create(ASKED, {"name": "a"})
    world.fail_update(THING, "busy")
    world.fail_delete(THING, "in use")
    for _ in range(2):
        with pytest.raises(Refused, match="busy"):
            behaviour.update(ASKED, one.id, {"name": "b"})
        with pytest.raises(Refused, match="in use"):
            behaviour.delete(ASKED, one.id)
    world.heal()
    behaviour.update(ASKED, one.id, {"name": "b"})
    behaviour.delete(ASKED, one.id)
    assert world.objects == {}


def test_drift_and_vanishing_are_seen_by_a_read(behaviour, world):
    one = behaviour.create(ASKED, {"name": "a"})
    world.drift("web::one", {"size": 8})
    assert behaviour.read(ASKED, one.id).outputs["size"] == 8
    world.vanish("web::one")
    assert behaviour.read(ASKED, one.id) is None
    with pytest.raises(LookupError, match="0 objects"):
        world.only("web::one")
