"""A trigger as a person makes it: filled in, looked at, fired, paused, read back from the project's file."""

from __future__ import annotations

import re

import httpx
import pytest
import yaml
from playwright.sync_api import expect

from support.browsing import PHONE, Visit
from support.project_maker import ProjectMaker


@pytest.fixture(scope="module")
def pipelines(maker: ProjectMaker) -> ProjectMaker:
    maker.pipeline("greet").block("people", "value = kwargs.get('who')").write()
    return maker


@pytest.fixture
def seen(pipelines, house, browse) -> Visit:
    return browse(house)


def written(maker: ProjectMaker) -> dict[str, dict]:
    text = (maker.folder / "pipelines/greet/triggers.yaml").read_text()
    return {entry["name"]: entry for entry in yaml.safe_load(text)["triggers"] or ()}


def make(seen: Visit, kind: str, name: str) -> None:
    seen.page.get_by_role("button", name="New trigger").click()
    dialog = seen.page.get_by_role("dialog")
    dialog.get_by_role("button", name=kind, exact=True).click()
    dialog.get_by_label("Name").fill(name)


def save(seen: Visit) -> None:
    seen.page.get_by_role("dialog").get_by_role("button", name="Make trigger").click()


def test_a_schedule_from_the_form_to_the_file_and_to_a_run(seen, house, pipelines):
    page = seen.page
    seen.open("/triggers", "Triggers")
    expect(page.get_by_role("heading", name="No triggers yet")).to_be_visible()
    make(seen, "Schedule", "early")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cron", exact=True).click()
    dialog.get_by_label("Cron expression").fill("30 5 * * *")
    dialog.get_by_label("Timezone").select_option("Asia/Tokyo")
    expect(dialog.get_by_text("Every day at 05:30 (Asia/Tokyo)")).to_be_visible()
    expect(dialog.get_by_text(re.compile(r", 05:30 \+09:00$"))).to_have_count(3)
    save(seen)
    expect(page.get_by_role("heading", name="early")).to_be_visible()
    ticks = page.get_by_role("region", name="Next ticks in Asia/Tokyo").get_by_role("listitem")
    expect(ticks).to_have_count(10)
    expect(ticks.first).to_contain_text(", 05:30 +09:00")
    entry = written(pipelines)["early"]
    assert (entry["schedule_interval"], entry["status"]) == ("30 5 * * *", "active")
    assert entry["settings"] == {"timezone": "Asia/Tokyo", "skip_if_previous_running": True}

    switch = page.get_by_role("switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(page.get_by_text("These are the ticks that it would have.")).to_be_visible()
    assert written(pipelines)["early"]["status"] == "inactive"

    page.get_by_role("button", name="Run now").click()
    seen.badge("Succeeded")
    run = page.url.rsplit("/", 1)[1]
    assert house.get(f"/runs/{run}")["trigger"]["name"] == "early"
    page.go_back()
    expect(page.get_by_role("row").filter(has_text="Succeeded")).to_be_visible()

    page.get_by_role("button", name="Edit").click()
    dialog.get_by_label("Cron expression").fill("99 5 * * *")
    seen.watch.expect(422, "/api/v1/triggers/preview")
    expect(dialog.get_by_text("is no cron expression").first).to_be_visible()
    dialog.get_by_label("Cron expression").fill("45 5 * * *")
    dialog.get_by_role("button", name="Save").click()
    expect(ticks.first).to_contain_text(", 05:45 +09:00")
    assert written(pipelines)["early"]["schedule_interval"] == "45 5 * * *"

    page.get_by_role("button", name="Delete").click()
    dialog.get_by_role("button", name="Delete trigger").click()
    expect(page.get_by_role("heading", name="Triggers", exact=True)).to_be_visible()
    assert "early" not in written(pipelines)


def test_a_token_is_shown_once_and_works(seen, house, pipelines):
    page = seen.page
    seen.open("/pipelines/greet?tab=triggers", "greet")
    make(seen, "API call", "from the till")
    save(seen)
    shown = page.get_by_role("status").filter(has_text="Copy the token now").locator("pre")
    token = shown.inner_text()
    assert token.startswith("pst_")
    assert token not in (pipelines.folder / "pipelines/greet/triggers.yaml").read_text()
    example = page.get_by_role("region", name="How to call it").locator("pre").inner_text()
    address = re.search(r"'(http[^']+)'", example)
    assert address is not None
    answer = httpx.post(address[1], json={"variables": {"who": "till"}}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 202
    row = page.get_by_role("row").filter(has_text="from the till")
    expect(row.get_by_text("Succeeded")).to_be_visible()
    page.get_by_role("button", name="I have it").click()
    expect(shown).to_have_count(0)
    page.reload()
    expect(page.get_by_role("heading", name="from the till")).to_be_visible()
    assert token not in page.content()


def test_what_is_edited_on_the_disk_appears_by_itself(seen, pipelines):
    page = seen.page
    seen.open("/pipelines/greet?tab=triggers", "greet")
    file = pipelines.folder / "pipelines/greet/triggers.yaml"
    before = file.read_text() if file.exists() else "triggers:\n"
    file.write_text(before + "  - name: by hand\n    schedule_interval: '@hourly'\n    status: active\n")
    expect(page.get_by_role("link", name="by hand")).to_be_visible()
    expect(page.get_by_text("Every hour", exact=True)).to_be_visible()


def test_on_a_phone_a_viewer_reads_and_changes_nothing(pipelines, house, browse):
    seen = browse(house, None, viewport=PHONE)
    house.post("/users", {"name": "eve", "role": "viewer", "password": "a long enough sentence"})
    seen.sign_in("eve")
    seen.open("/triggers", "Triggers")
    expect(seen.page.get_by_role("button", name="New trigger")).to_be_disabled()
    for switch in seen.page.get_by_role("switch").all():
        expect(switch).to_be_disabled()
    width = seen.page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE["width"]
