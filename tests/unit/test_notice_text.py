from __future__ import annotations

from types import SimpleNamespace

import pytest

from penstock_runtime.bootstrap.notices import Composer
from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.errors import PipelineNotFound
from penstock_runtime.domain.notices import Destination, NoticeRules, RunEvent
from penstock_runtime.ports.notifier import NotifierRefused, NotifierUnavailable
from penstock_runtime.ports.outbox import OutboxMessage
from penstock_runtime.project.notice_text import NAMES, write_notice
from penstock_runtime.project.templating import TemplateFailed, TemplateFunctions
from penstock_runtime.testing.memory_run_store import InMemoryRunStore
from support.clocks import START

BLOCK = {"block": "load", "map_index": 3, "type": "ValueError", "message": "no {{ 7 * 7 }} {error}", "traceback": "T"}
FACTS = {
    "event": "failure",
    "pipeline": "sales",
    "pipeline_name": "Daily sales",
    "bundle": "old",
    "run_id": "r-1",
    "epoch": 2,
    "status": "failed",
    "trigger": "hourly",
    "logical_at": "2026-03-04T05:00:00+00:00",
    "failed_blocks": [BLOCK],
}


def url(run: str) -> str:
    return f"http://here/runs/{run}"


def write(templates=None, **facts):
    return write_notice({**FACTS, **facts}, templates or {}, url, TemplateFunctions(env_var={"E": "eu"}.get))


def test_our_own_words_say_what_and_where():
    text = write()
    assert text.title == "Pipeline Daily sales failed"
    assert text.body == (
        "A run of sales failed, trigger hourly, execution time 2026-03-04T05:00:00+00:00.\n\n"
        "load [3]: no {{ 7 * 7 }} {error}\nhttp://here/runs/r-1"
    )


@pytest.mark.parametrize(
    ("event", "title"),
    [("success", "Pipeline Daily sales succeeded"), ("sla_missed", "Pipeline Daily sales missed its service level")],
)
def test_every_event_has_words(event, title):
    text = write(event=event, failed_blocks=[], trigger=None)
    assert text.title == title
    assert ", trigger" not in text.body
    assert text.body.endswith("http://here/runs/r-1")


def test_a_timeout_is_said():
    assert "It ran out of time." in write(timed_out=True, failed_blocks=[]).body


def test_a_unit_without_a_name_is_the_pipeline():
    assert (
        "the pipeline: killed"
        in write(failed_blocks=[{**BLOCK, "block": "", "map_index": None, "message": "killed"}]).body
    )


def test_both_ways_to_write_a_placeholder():
    words = {
        "title": "{pipeline_uuid}/{{ pipeline_uuid }} {{ env_var('E') }}",
        "summary": "{error}",
        "details": "{other}",
    }
    text = write({RunEvent.FAILURE: words})
    assert text.title == "sales/sales eu"
    assert text.body == "no {{ 7 * 7 }} {error}\n\n{other}"


def test_a_part_that_is_missing_is_in_our_words():
    text = write({RunEvent.FAILURE: {"title": "Oh no"}, RunEvent.SUCCESS: {"title": "x"}})
    assert text.title == "Oh no"
    assert text.body.startswith("A run of sales failed")


def test_a_title_is_one_line():
    assert write({RunEvent.FAILURE: {"title": "a\n\nBcc: b@c.test"}}).title == "a Bcc: b@c.test"


def test_every_name_can_be_used():
    words = {"details": " ".join(f"{{{{ {name} }}}}" for name in NAMES)}
    assert write({RunEvent.FAILURE: words}).body


def test_no_secret_can_be_named():
    with pytest.raises(TemplateFailed, match="secret"):
        write({RunEvent.FAILURE: {"title": "{{ penstock_secret('x') }}"}})


# --- from a message to a letter ------------------------------------------------------------------------------------
SECRETS = {"token": "hunter2"}


class Plans:
    def __init__(self, **known: PipelinePlan):
        self.known = known

    def plan(self, bundle: str, pipeline: str) -> PipelinePlan:
        if bundle not in self.known:
            raise PipelineNotFound(pipeline)
        return self.known[bundle]


def plan(address: str | None, *problems: str, templates=None) -> PipelinePlan:
    told = (Destination("webhook", "webhook", {"url": address}),) if address else ()
    rules = NoticeRules(frozenset(RunEvent), told, templates or {})
    return PipelinePlan("sales", "b", (), notices=rules, problems=problems)


def letter(newest: str = "new", public_url: str | None = None, **known: PipelinePlan):
    store = InMemoryRunStore()
    with store.transaction() as tx:
        tx.publish_code_version(newest, START)
    components = SimpleNamespace(
        store=store,
        plans=Plans(**known),
        settings=SimpleNamespace(public_url=public_url, host="127.0.0.1", port=6789),
        template_functions=lambda: TemplateFunctions({}.get, SECRETS.get),
    )
    message = OutboxMessage("m-1", "failure", "r-1", "webhook", "r-1/1/failure", START, START, payload=FACTS)
    return Composer(components).letter(message)


SECRET_URL = "https://x.test/{{ penstock_secret('token') }}"


def test_a_letter_has_the_id_the_words_and_the_secret_that_its_text_form_hides():
    found = letter(new=plan(SECRET_URL), public_url="https://penstock.test/")
    assert (found.id, found.kind, found.event) == ("m-1", "webhook", "failure")
    assert found.address == {"url": "https://x.test/hunter2"}
    assert found.run_url == "https://penstock.test/runs/r-1"
    assert "hunter2" not in repr(found)


def test_the_newest_code_says_where_to():
    assert (
        letter(new=plan("https://mended.test"), old=plan("https://wrong.test")).address["url"] == "https://mended.test"
    )


def test_code_that_cannot_be_read_leaves_the_runs_own():
    assert letter(new=plan(None, "broken"), old=plan("https://old.test")).address["url"] == "https://old.test"
    assert letter(old=plan("https://old.test")).address["url"] == "https://old.test"


def test_a_destination_that_was_removed_is_told_no_more():
    with pytest.raises(NotifierRefused, match="tells no 'webhook' any more"):
        letter(new=plan(None), old=plan("https://old.test"))


def test_a_secret_that_is_not_there_may_come():
    with pytest.raises(NotifierUnavailable, match="there is no secret 'gone'") as caught:
        letter(new=plan("https://x.test/{{ penstock_secret('gone') }}/{{ penstock_secret('token') }}"))
    assert "hunter2" not in str(caught.value)


def test_a_template_that_breaks_is_told_in_our_words():
    broken = {RunEvent.FAILURE: {"title": "{{ env_var('NOT_THERE') }}"}}
    found = letter(new=plan("https://x.test", templates=broken))
    assert found.title == "Pipeline Daily sales failed"
    assert "there is no environment variable 'NOT_THERE'" in found.text
