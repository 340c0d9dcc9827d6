from __future__ import annotations

from pathlib import Path

import pytest

from penstock_runtime.domain.notices import RunEvent
from penstock_runtime.project.pipeline_reader import read_pipeline
from penstock_runtime.project.project import Installation, open_project
from penstock_runtime.project.validation import validate_project

ENVIRONMENT = {"HOOK": "https://hooks.slack.com/services/T1/B1/abc", "EMPTY": "", "ODD": "ftp://x"}


def apprise_problem(address: str) -> str | None:
    return "Apprise does not know it" if address.startswith("foo://") else None


INSTALLATION = Installation(env_var=ENVIRONMENT.get, apprise_problem=apprise_problem)
PIPELINE = "uuid: p\nname: p\ntype: python\nblocks: []\n"


def written(root: Path, project: str = "", pipeline: str = "") -> Path:
    folder = root / "pipelines" / "p"
    folder.mkdir(parents=True, exist_ok=True)
    (root / "metadata.yaml").write_text(project)
    (folder / "metadata.yaml").write_text(PIPELINE + pipeline)
    return root


def rules(root: Path, project: str = "", pipeline: str = ""):
    return read_pipeline(open_project(written(root, project, pipeline), INSTALLATION), "p").plan.notices


def problems(root: Path, project: str = "", pipeline: str = "") -> list[tuple[str, int, str, str]]:
    found = validate_project(open_project(written(root, project, pipeline), INSTALLATION))
    return [(one.file, one.line, one.severity.value, one.message) for one in found]


SLACK = "notification_config:\n  slack_config:\n    webhook_url: https://hooks.slack.com/services/T1/B1/abc\n"


def test_without_a_section_nobody_is_told(tmp_path):
    found = rules(tmp_path)
    assert found.destinations == ()
    assert found.told_of("failure") == ()
    assert problems(tmp_path) == []


def test_failures_and_missed_levels_are_told_when_alert_on_is_not_there(tmp_path):
    found = rules(tmp_path, SLACK)
    assert found.events == {RunEvent.FAILURE, RunEvent.SLA_MISSED}
    assert [one.name for one in found.told_of("failure")] == ["slack"]
    assert found.told_of("success") == ()
    assert problems(tmp_path, SLACK) == []


def test_a_pipeline_says_its_own_over_the_project_key_by_key(tmp_path):
    own = "notification_config:\n  alert_on: [trigger_success]\n  webhook_config: {url: https://x.test/y}\n"
    found = rules(tmp_path, SLACK, own)
    assert found.events == {RunEvent.SUCCESS}
    assert [(one.name, one.kind) for one in found.destinations] == [("slack", "slack"), ("webhook", "webhook")]


def test_an_empty_list_of_events_tells_nothing(tmp_path):
    assert rules(tmp_path, SLACK, "notification_config:\n  alert_on: []\n").told_of("failure") == ()


def test_values_stay_as_they_are_written(tmp_path):
    text = "notification_config:\n  slack_config:\n    webhook_url: \"{{ env_var('HOOK') }}\"\n"
    assert rules(tmp_path, text).destinations[0].config == {"webhook_url": "{{ env_var('HOOK') }}"}
    secret = "notification_config:\n  slack_config:\n    webhook_url: \"{{ penstock_secret('hook') }}\"\n"
    assert rules(tmp_path, secret).destinations[0].config == {"webhook_url": "{{ penstock_secret('hook') }}"}


def test_every_kind_of_destination(tmp_path):
    text = """notification_config:
  alert_on: [trigger_failure, trigger_success, trigger_passed_sla]
  slack_config: {webhook_url: https://a.test/1}
  teams_config: {webhook_url: https://a.test/2}
  discord_config: {webhook_url: https://a.test/3}
  google_chat_config: {webhook_url: https://a.test/4}
  webhook_config: {url: https://a.test/5, headers: {Authorization: "Bearer {{ penstock_secret('t') }}"}}
  email_config:
    {smtp_host: mail.test, smtp_port: 25, smtp_starttls: false, smtp_mail_from: a@b.test, to_emails: [c@d.test]}
  apprise_urls: ["ntfy://a.test/topic", "json://a.test"]
"""
    assert [one.name for one in rules(tmp_path, text).destinations] == [
        "email",
        "slack",
        "teams",
        "discord",
        "google_chat",
        "webhook",
        "apprise-1",
        "apprise-2",
    ]
    assert problems(tmp_path, text) == []


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("  alert_on: [trigger_failed]\n", 2, "there is no event 'trigger_failed'"),
        ("  alert_on: trigger_failure\n", 2, "`alert_on` is not a list"),
        ("  slack_config: https://x.test\n", 2, "`slack_config` is not a mapping"),
        ("  slack_config:\n    webhook_url: https://x.test\n    url: https://x.test\n", 4, "unknown key 'url'"),
        ("  slack_config:\n    webhook_url: hooks.slack.com/x\n", 3, "`webhook_url`: an address begins with https://"),
        ("  webhook_config:\n    url: \"{{ env_var('ODD') }}\"\n", 3, "`url`: an address begins with https://"),
        (
            "  webhook_config:\n    url: \"{{ nothing('ODD') }}\"\n",
            3,
            "`url` cannot be rendered: 'nothing' is undefined",
        ),
        ("  webhook_config:\n    url: https://x.test\n    headers: [a]\n", 4, "`headers` is not a mapping"),
        (
            "  email_config:\n    smtp_host: m.test\n    smtp_mail_from: a@b.test\n",
            2,
            "`email_config` has no `to_emails`",
        ),
        (
            "  email_config: {smtp_host: m, smtp_mail_from: a, to_emails: [c@d]}\n",
            2,
            "`smtp_mail_from`: no e-mail address",
        ),
        ("  email_config: {smtp_host: m, smtp_mail_from: a@b, to_emails: [c@d, x]}\n", 2, "`to_emails`: no e-mail"),
        (
            "  email_config: {smtp_host: m, smtp_mail_from: a@b, to_emails: [c@d], smtp_port: 0}\n",
            2,
            "`smtp_port`: a port",
        ),
        ("  email_config: {smtp_host: m, smtp_mail_from: a@b, to_emails: [c@d], smtp_ssl: 1}\n", 2, "`smtp_ssl` is 1"),
        ("  apprise_urls: json://x\n", 2, "`apprise_urls` is not a list"),
        ("  apprise_urls:\n  - json://x\n  - foo://x\n", 4, "`apprise_urls`: Apprise does not know it"),
        ("  apprise_urls: [nothing]\n", 2, "`apprise_urls`: an address of Apprise begins with scheme://"),
        ("  telegram_config:\n    webhook_url: https://x.test\n", 2, "'telegram_config' is not supported"),
        ("  slak_config:\n    webhook_url: https://x.test\n", 2, "unknown key 'slak_config'"),
        ("  message_templates:\n    fail: {title: x}\n", 3, "unknown key 'fail'"),
        ("  message_templates:\n    failure: {titel: x}\n", 3, "unknown key 'titel'"),
        ("  message_templates:\n    failure:\n      title: '{who} failed'\n", 4, "`title`: nothing is called 'who'"),
        ("  message_templates:\n    failure:\n      title: '{{ who }} failed'\n", 4, "`title`: 'who' is undefined"),
        (
            "  message_templates:\n    failure:\n      title: \"{{ penstock_secret('x') }}\"\n",
            4,
            "`title`: the secret 'x'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, section, line, said):
    text = "notification_config:\n" + section
    found = problems(tmp_path, text)
    assert [(file, at, severity) for file, at, severity, _ in found] == [("metadata.yaml", line, "warning")], found
    assert found[0][3].startswith(said), found
    # In a pipeline's own file it stops that pipeline: what it asks for would not be done.
    found = problems(tmp_path, "", text)
    lines = PIPELINE.count("\n")
    assert [(file, at, severity) for file, at, severity, _ in found] == [
        ("pipelines/p/metadata.yaml", line + lines, "error")
    ], found


@pytest.mark.parametrize("value", ["\"{{ env_var('NOT_SET') }}\"", "\"{{ env_var('EMPTY') }}\""])
def test_a_destination_whose_variable_is_not_set_is_off_and_said(tmp_path, value):
    text = f"notification_config:\n  alert_on: [trigger_failure]\n  slack_config:\n    webhook_url: {value}\n"
    assert rules(tmp_path, text).told_of("failure") == ()
    found = problems(tmp_path, "", text)
    assert [(at, severity) for _, at, severity, _ in found] == [(8, "warning")]
    assert "nobody is told this way" in found[0][3]


def test_empty_sections_are_nothing_at_all(tmp_path):
    text = "notification_config:\n  slack_config:\n    webhook_url:\n  email_config: {}\n  apprise_urls: []\n"
    assert rules(tmp_path, text).destinations == ()
    assert problems(tmp_path, text) == []


def test_a_bad_destination_leaves_the_others(tmp_path):
    text = SLACK + "  webhook_config: {url: nowhere}\n  apprise_urls: ['foo://x', 'json://x.test']\n"
    assert [one.name for one in rules(tmp_path, text).destinations] == ["slack", "apprise-2"]


def test_no_problem_repeats_a_value(tmp_path):
    text = "notification_config:\n  slack_config: {webhook_url: ftp://hunter2}\n  apprise_urls: ['foo://hunter2']\n"
    assert len(problems(tmp_path, text)) == 2
    assert "hunter2" not in str(problems(tmp_path, text))
