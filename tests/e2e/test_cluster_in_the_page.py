"""The cluster's page: processes with their load, and a scaler whose target this release cannot set."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from support.browsing import PHONE, add_user
from support.installation import Installation, installed
from support.project_maker import ProjectMaker

SLOTS = 2
SCALER = {
    "PENSTOCK_SLOTS": str(SLOTS),
    "PENSTOCK_SCALER_TARGET": "projects/p/locations/l/workerPools/penstock-scheduler",
    "PENSTOCK_SCALER_MAX": "4",
    "PENSTOCK_SCALER_LOOK_SECONDS": "0.3",
    "PENSTOCK_SCALER_DELAY_SECONDS": "1",
}


@pytest.fixture(scope="module")
def pipelines(maker: ProjectMaker) -> ProjectMaker:
    crowd = maker.pipeline("crowd")
    for index in range(8):
        crowd.block(f"part_{index}", "wait_for('go on')\nvalue = 1")
    crowd.write()
    return maker


@pytest.fixture(scope="module")
def house(pipelines: ProjectMaker, browser) -> Iterator[Installation]:
    with installed(pipelines.folder.parent, pipelines.folder, environ=SCALER) as running:
        add_user(running, "ada", "editor")
        yield running


def test_a_crowd_is_seen_and_what_would_be_set_is_said(pipelines, house, browse):
    seen = browse(house)
    seen.open("/cluster", "Cluster")
    schedulers = seen.page.get_by_role("region", name="Schedulers")
    expect(schedulers.get_by_text("Works")).to_be_visible()
    expect(schedulers.get_by_text(f"0 of {SLOTS}")).to_be_visible()
    expect(seen.page.get_by_role("region", name="Web servers").get_by_text("Works")).to_be_visible()

    run = house.run("crowd")
    expect(schedulers.get_by_text(f"{SLOTS} of {SLOTS}")).to_be_visible()
    scaler = seen.page.get_by_role("region", name="Scaler")
    expect(scaler.get_by_role("note")).to_contain_text("This release cannot set the number of projects/p/")
    expect(scaler.get_by_text("1 → 4").first).to_be_visible()
    expect(scaler.get_by_text("Not set: dry run").first).to_be_visible()
    expect(scaler.get_by_role("img")).to_have_accessible_name(re.compile("1 scheduler, 4 wanted"))
    scaler.get_by_text("Inputs").first.click()
    expect(scaler.get_by_text("oldest_ready_seconds").first).to_be_visible()
    scaler.get_by_role("button", name="All").click()
    expect(scaler.get_by_text("Kept").first).to_be_visible()

    (pipelines.witness / "go on").touch()
    house.wait(run, "succeeded")
    expect(schedulers.get_by_text(f"0 of {SLOTS}")).to_be_visible()
    assert seen.overflow() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_it_does_not_scroll_sideways(house, browse, scheme):
    seen = browse(house, viewport=PHONE, color_scheme=scheme, has_touch=True, is_mobile=True)
    seen.open("/cluster", "Cluster")
    expect(seen.page.get_by_role("region", name="Scaler").get_by_role("note")).to_be_visible()
    assert seen.overflow() == 0
    assert (seen.background() < 60) == (scheme == "dark")
