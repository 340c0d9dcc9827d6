"""Filling a range from the page: the preview, the calendar as it fills, pause, resume, the failed again, cancel."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from support.browsing import PHONE
from support.project_maker import ProjectMaker

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAYS = [TODAY - timedelta(days=back) for back in range(6, -1, -1)]

STEP = """
day = kwargs['execution_date'].strftime('%Y-%m-%d')
print('the day is', day)
if not told('go on'):
    wait_for('go on')
if day == {broken!r} and not told('mended'):
    raise ValueError('no such day')
value = day
"""


@pytest.fixture(scope="module")
def pipelines(maker: ProjectMaker) -> ProjectMaker:
    maker.pipeline("daily").block("only", STEP.format(broken=f"{DAYS[1]:%Y-%m-%d}")).write()
    maker.pipeline("endless").block("only", "wait_for('never', 300)").write()
    return maker


def field(seen, day: datetime):
    """Return the calendar's field of a day, whatever it says of it."""
    name = f"{day.day} {day:%b} {day.year}, 00:00"
    return seen.page.get_by_role("region", name="Logical times").locator(f"[title^='{name}']")


def badge(seen, word: str) -> None:
    expect(seen.page.get_by_role("main").locator(".page-head .badge")).to_have_text(word)


def start(seen, pipeline: str, at_once: int = 1) -> None:
    """Fill the form of a pipeline's page and wait for the backfill's own page."""
    seen.open(f"/pipelines/{pipeline}", pipeline)
    seen.page.get_by_role("button", name="Backfill", exact=True).click()
    form = seen.page.get_by_role("dialog")
    expect(form.get_by_role("region", name="Preview")).to_contain_text("7 runs")
    form.get_by_label("At once").fill(str(at_once))
    form.get_by_role("button", name="Start backfill").click()
    seen.page.wait_for_url("**/backfills/*")


def test_a_range_is_filled_paused_resumed_and_its_failed_run_again(pipelines, house, browse):
    seen = browse(house)
    start(seen, "daily", at_once=2)
    badge(seen, "Running")
    calendar = seen.page.get_by_role("region", name="Logical times")
    expect(calendar.get_by_role("listitem")).to_have_count(len(DAYS))
    expect(field(seen, DAYS[1])).to_have_attribute("title", re.compile("running|queued"))
    expect(field(seen, DAYS[2])).to_have_attribute("title", re.compile("to come"))

    seen.page.get_by_role("button", name="Pause").click()
    badge(seen, "Paused")
    (pipelines.witness / "go on").touch()
    expect(field(seen, DAYS[0])).to_have_attribute("title", re.compile("succeeded"))
    expect(field(seen, DAYS[1])).to_have_attribute("title", re.compile("failed"))
    expect(field(seen, DAYS[2])).to_have_attribute("title", re.compile("to come"))

    seen.page.get_by_role("button", name="Resume").click()
    badge(seen, "Failed")
    expect(seen.page.get_by_role("region", name="Progress")).to_contain_text("6 succeeded")
    (pipelines.witness / "mended").touch()
    seen.page.get_by_role("button", name="Re-run 1 failed").click()
    badge(seen, "Succeeded")
    expect(seen.page.get_by_role("region", name="Progress")).to_contain_text("7 succeeded")

    field(seen, DAYS[1]).click()
    seen.page.wait_for_url("**/runs/*")
    seen.badge("Succeeded")
    expect(seen.page.get_by_text("try 2")).to_be_visible()


def test_a_cancel_ends_what_is_going_and_the_list_tells_of_it(pipelines, house, browse):
    seen = browse(house)
    start(seen, "endless")
    badge(seen, "Running")
    seen.page.get_by_role("button", name="Cancel", exact=True).click()
    seen.page.get_by_role("dialog").get_by_role("button", name="Cancel backfill").click()
    badge(seen, "Cancelled")
    expect(field(seen, DAYS[0])).to_have_attribute("title", re.compile("cancelled"))
    expect(field(seen, DAYS[1])).to_have_attribute("title", re.compile("to come"))
    seen.open("/backfills", "Backfills")
    row = seen.page.get_by_role("row").filter(has_text="endless")
    expect(row.get_by_text("Cancelled")).to_be_visible()
    expect(row.get_by_text("1/7")).to_be_visible()
    row.get_by_role("link").first.click()
    seen.page.get_by_role("link", name="Its runs as a list").click()
    expect(seen.page.get_by_role("row").filter(has_text="endless")).to_have_count(1)


def test_the_form_says_what_is_wrong_before_anything_is_started(pipelines, house, browse):
    seen = browse(house)
    seen.open("/backfills", "Backfills")
    seen.page.get_by_role("button", name="New backfill").click()
    form = seen.page.get_by_role("dialog")
    preview = form.get_by_role("region", name="Preview")
    expect(preview).to_contain_text("Fill in the range")
    expect(form.get_by_role("button", name="Start backfill")).to_be_disabled()
    form.get_by_label("Pipeline").select_option("daily")
    expect(preview).to_contain_text("7 runs")
    seen.watch.expect(422, "/api/v1/backfills/preview")
    form.get_by_label("From").fill("2015-01-01T00:00")
    form.get_by_label("How often").select_option("@hourly")
    expect(preview.get_by_role("alert")).to_contain_text("10,000")
    form.get_by_label("From").fill(f"{TODAY - timedelta(days=1):%Y-%m-%dT00:00}")
    expect(preview).to_contain_text("25 runs")
    form.get_by_role("button", name="Newest first").click()
    expect(preview).to_contain_text(f"First{TODAY.day} {TODAY:%b} {TODAY.year}, 00:00")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_never_scrolls_sideways(pipelines, house, browse, scheme):
    seen = browse(house, viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    seen.open("/backfills", "Backfills")
    assert seen.overflow() == 0
    seen.page.get_by_role("button", name="New backfill").click()
    expect(seen.page.get_by_role("dialog")).to_be_visible()
    assert seen.overflow() == 0
    seen.page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).first.click()
    seen.page.get_by_role("main").get_by_role("link").first.click()
    expect(seen.page.get_by_role("region", name="Logical times")).to_be_visible()
    assert seen.overflow() == 0
