"""Who is told of a run's end, with a real server: through the outbox, with secrets that show nowhere."""

from __future__ import annotations

import sqlite3

import pytest
import yaml

from support.installation import installed
from support.project_maker import ProjectMaker
from support.receivers import http_receiver, mail_server
from support.waiting import stays_so, wait_until

HOOK_SECRET, MAIL_SECRET = "hook-s3cret-value", "mail-s3cret-value"


def config(mail_port: int) -> dict:
    return {
        "alert_on": ["trigger_failure", "trigger_success"],
        "webhook_config": {
            "url": "{{ env_var('TEAM_HOOK') }}/in/{{ penstock_secret('hook_token') }}",
            "headers": {"Authorization": "Bearer {{ mage_secret_var('hook_token') }}"},
        },
        "slack_config": {"webhook_url": "{{ env_var('NOT_SET_ANYWHERE') }}"},
        "email_config": {
            "smtp_host": "127.0.0.1",
            "smtp_port": mail_port,
            "smtp_starttls": False,
            "smtp_user": "penstock",
            "smtp_password": "{{ penstock_secret('mail_password') }}",
            "smtp_mail_from": "penstock@here.test",
            "to_emails": ["ana@there.test"],
        },
        "message_templates": {"failure": {"title": "{pipeline_uuid} broke: {error}", "details": "{{ stacktrace }}"}},
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    home = tmp_path_factory.mktemp("told")
    maker = ProjectMaker(home)
    maker.pipeline("good").block("only", "value = 1").write()
    maker.pipeline("bad").block("only", "raise ValueError('no such year {{ 7 * 7 }}')").write()
    maker.pipeline("quiet", notification_config={"alert_on": []}).block("only", "raise ValueError('x')").write()
    with http_receiver() as receiver, mail_server(MAIL_SECRET) as mail:
        metadata = {"project_type": "standalone", "notification_config": config(mail.port)}
        (maker.folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
        with installed(home, maker.folder, environ={"TEAM_HOOK": receiver.url}) as made:
            for name, value in (("hook_token", HOOK_SECRET), ("mail_password", MAIL_SECRET)):
                assert made.ask("PUT", f"/secrets/{name}", json={"value": value}).is_success
            yield made, receiver, mail


def told(made, run: str) -> list[dict]:
    return made.get("/notifications", run=run)["items"]


def sent(made, run: str, many: int) -> list[dict]:
    def found() -> list[dict] | None:
        items = told(made, run)
        return items if len(items) == many and all(one["state"] == "sent" for one in items) else None

    return wait_until(found, 30, lambda: f"{told(made, run)}\n{made.said()}")


def test_a_failure_and_a_success_are_told(place):
    made, receiver, mail = place
    bad, good = made.run("bad"), made.run("good")
    made.wait(bad, "failed")
    made.wait(good, "succeeded")
    for run, event in ((bad, "failure"), (good, "success")):
        items = sent(made, run, 2)
        assert {(one["destination"], one["event"], one["tries"]) for one in items} == {
            ("email", event, 1),
            ("webhook", event, 1),
        }
        by_name = {one["destination"]: one for one in items}
        [posted] = [one for one in receiver.got if one.body["run"]["run_id"] == run]
        assert posted.body["id"] == by_name["webhook"]["id"] == posted.headers["x-penstock-message-id"]
        assert posted.path == f"/in/{HOOK_SECRET}"
        assert posted.headers["authorization"] == f"Bearer {HOOK_SECRET}"
        assert posted.body["run_url"].endswith(f"/runs/{run}")
        [letter] = [one for _, one in mail.got if by_name["email"]["id"] in str(one["Message-ID"])]
        assert letter["To"] == "ana@there.test"
        assert letter["Subject"] == posted.body["title"]
    titles = {one.body["event"]: one.body["title"] for one in receiver.got}
    # A fact is put in as it is: nothing in an error is read as a template.
    assert titles == {"failure": "bad broke: no such year {{ 7 * 7 }}", "success": "Pipeline bad succeeded"} | {
        "success": "Pipeline good succeeded"
    }


def test_a_pipeline_that_asks_for_no_event_tells_nothing(place):
    made, receiver, _ = place
    run = made.run("quiet")
    made.wait(run, "failed")
    stays_so(lambda: not any(one.body["run"]["run_id"] == run for one in receiver.got), 0.5)
    assert told(made, run) == []


def test_a_retry_is_told_again(place):
    made, _, _ = place
    run = made.run("bad")
    made.wait(run, "failed")
    first = sent(made, run, 2)
    made.post(f"/runs/{run}/retry", {"scope": "failed"})
    both = sent(made, run, 4)
    assert [one["epoch"] for one in both] == [1, 1, 2, 2]
    assert [one["id"] for one in both[:2]] == [one["id"] for one in first]


def test_what_a_scheduler_could_not_send_before_it_was_killed_is_sent_by_the_next(place):
    made, receiver, _ = place
    receiver.status = 503
    run = made.run("bad")
    made.wait(run, "failed")

    def hook() -> dict:
        return next(one for one in told(made, run) if one["destination"] == "webhook")

    # Put off, so that no lease has to pass: that is shown where the clock can be moved.
    wait_until(lambda: hook()["last_error"])
    made.kill(made.scheduler_pid)
    receiver.status = 200
    wait_until(lambda: hook()["state"] == "sent", 30, lambda: f"{hook()}\n{made.said()}")
    assert hook()["tries"] > 1
    assert {one.body["id"] for one in receiver.got if one.body["run"]["run_id"] == run} == {hook()["id"]}


def test_the_list_shows_reasons_and_pages(place):
    made, receiver, _ = place
    receiver.status = 404
    run = made.run("bad")
    made.wait(run, "failed")
    wait_until(lambda: any(one["state"] == "given_up" for one in told(made, run)), 30)
    receiver.status = 200
    [lost] = [one for one in told(made, run) if one["state"] == "given_up"]
    assert lost["destination"] == "webhook"
    assert "error=404" in lost["last_error"]
    page = made.get("/notifications", limit=1)
    assert len(page["items"]) == 1
    assert made.get("/notifications", limit=1, cursor=page["next_cursor"])["items"][0]["id"] != page["items"][0]["id"]


def test_no_secret_is_kept_or_shown(place):
    made, _, _ = place
    run = made.run("bad")
    made.wait(run, "failed")
    sent(made, run, 2)
    with sqlite3.connect(made.data / "penstock.db") as database:
        rows = [str(row) for row in database.execute("SELECT * FROM outbox")]
    database.close()
    assert rows
    texts = [*rows, made.log.read_text(), str(made.get("/notifications")), str(made.get(f"/runs/{run}"))]
    files = [path for path in made.data.rglob("*") if path.is_file()]
    assert files
    for secret in (HOOK_SECRET, MAIL_SECRET):
        assert not [text[:300] for text in texts if secret in text]
        assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_a_destination_without_its_variable_is_off_and_validate_says_so(place):
    made, _, _ = place
    answer = made.cli("validate", str(made.project))
    assert answer.code == 0, answer.out
    assert "metadata.yaml" in answer.out
    assert "NOT_SET_ANYWHERE is not set" in answer.out
