"""A run as a person sees it: started, followed as it happens, failed, mended, retried, cancelled, read."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from support.browsing import Visit
from support.project_maker import ProjectMaker

GREET = """
for number in range(int(kwargs['times'])):
    print(f"good day {kwargs['who']}, number {number}")
wait_for('go on')
value = [{'who': kwargs['who'], 'number': number} for number in range(int(kwargs['times']))]
"""
TAP = "raise ValueError('the tap is closed')"


@pytest.fixture(scope="module")
def pipelines(maker: ProjectMaker) -> ProjectMaker:
    maker.pipeline("greet", variables={"who": "world", "times": 3}).block("people", GREET).block(
        "count", "value = len(args[0])", ["people"]
    ).write()
    maker.pipeline("mended").block("fill", "value = 7").block("pour", TAP, ["fill"]).block(
        "drink", "value = args[0]", ["pour"]
    ).write()
    maker.pipeline("endless").block("wait", "tell('waits')\nwait_for('never')").write()
    return maker


@pytest.fixture
def seen(pipelines, house, browse) -> Visit:
    return browse(house)


def node(seen: Visit, block: str, state: str):
    return seen.page.get_by_role("button", name=f"{block}, Custom, {state}")


def test_from_the_list_to_the_sample_without_a_reload(seen, house, pipelines):
    page = seen.page
    seen.open("/", "Pipelines")
    page.get_by_role("link", name="greet", exact=True).click()
    expect(page.get_by_role("group", name="Graph of greet")).to_be_visible()
    page.evaluate("window.stayed = true")
    run = seen.run_from_here({"who": "Marie Curie", "times": "25"})
    seen.badge("Running")
    expect(page.get_by_role("status").get_by_text("Live", exact=True)).to_be_visible()
    expect(node(seen, "greet_people", "Running")).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("good day Marie Curie, number 24")
    (pipelines.witness / "go on").touch()
    seen.badge("Succeeded")
    expect(node(seen, "greet_count", "Succeeded")).to_be_visible()
    assert page.evaluate("window.stayed") is True
    assert house.get(f"/runs/{run}")["variables"] == {"who": "Marie Curie", "times": 25}

    node(seen, "greet_people", "Succeeded").click()
    page.get_by_role("tab", name="Output").click()
    table = page.get_by_role("region", name="Sample of rows").get_by_role("table")
    expect(table.get_by_role("columnheader", name="number")).to_be_visible()
    expect(table.get_by_role("row")).to_have_count(26)
    expect(table.get_by_role("row").nth(25)).to_contain_text("Marie Curie")


def test_a_failure_is_mended_in_the_page_and_retried(seen, house):
    page = seen.page
    seen.open("/pipelines/mended", "mended")
    run = seen.run_from_here()
    seen.badge("Failed")
    expect(node(seen, "mended_drink", "Upstream failed")).to_be_visible()
    node(seen, "mended_pour", "Failed").click()
    block = page.get_by_role("region", name="Block mended_pour")
    expect(block).to_contain_text("ValueError: the tap is closed")
    expect(block.get_by_label("Traceback")).to_contain_text("mended_pour.py")

    block.get_by_role("tab", name="Source").click()
    source = block.get_by_role("textbox", name="Source of mended_pour")
    source.fill(source.input_value().replace(TAP, "value = args[0] * 6"))
    expect(block.get_by_text("not saved")).to_be_visible()
    block.get_by_role("button", name="Save").click()
    expect(block.get_by_text("not saved")).to_have_count(0)

    page.get_by_role("button", name="Retry failed").click()
    asked = page.get_by_role("dialog", name="Retry failed blocks")
    expect(asked.get_by_role("radio", name="Current code")).to_be_checked()
    asked.get_by_role("button", name="Retry", exact=True).click()
    seen.badge("Succeeded")
    expect(node(seen, "mended_drink", "Succeeded")).to_be_visible()
    assert house.output(run, "mended_drink") == 42
    assert len(house.block(run, "mended_fill")["attempts"]) == 1  # what had succeeded was kept


def test_a_running_run_is_cancelled(seen, house):
    page = seen.page
    seen.open("/pipelines/endless", "endless")
    run = seen.run_from_here()
    expect(node(seen, "endless_wait", "Running")).to_be_visible()
    page.get_by_role("button", name="Cancel run").click()
    asked = page.get_by_role("dialog", name="Cancel this run?")
    asked.get_by_role("button", name="Let it run").click()
    expect(asked).to_have_count(0)
    page.get_by_role("button", name="Cancel run").click()
    asked.get_by_role("button", name="Cancel run").click()
    seen.badge("Cancelled")
    expect(node(seen, "endless_wait", "Cancelled")).to_be_visible()
    assert house.status(run) == "cancelled"


def test_a_viewer_looks_and_does_not_act(pipelines, house, browse):
    house.post("/users", {"name": "vera", "role": "viewer", "password": "a long enough sentence"})
    seen = browse(house, "vera")
    seen.open("/pipelines/mended", "mended")
    expect(seen.page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    seen.page.get_by_role("button", name="mended_fill, Custom").click()
    source = seen.page.get_by_role("textbox", name="Source of mended_fill")
    expect(source).not_to_be_editable()
    expect(seen.page.get_by_role("button", name="Save")).to_have_count(0)
