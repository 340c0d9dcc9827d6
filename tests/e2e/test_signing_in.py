"""Getting in and out: the printed link, name and password, the first owner of a server that others reach."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from support.browsing import PASSWORD, Visit, printed
from support.installation import installed
from support.project_maker import ProjectMaker

SESSION = "/api/v1/session"


def fill_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def is_in(seen: Visit, name: str) -> None:
    expect(seen.page.get_by_role("heading", name="Pipelines", exact=True)).to_be_visible()
    expect(seen.page.get_by_role("button", name=f"Account of {name}")).to_be_visible()


def test_the_printed_link_signs_in_once(house, browse):
    link = printed(house, r"Sign in, once, with (\S+)")
    first = browse(house, None)
    first.page.goto(link)
    first.page.get_by_role("heading", name="Sign in").wait_for()
    first.page.keyboard.press("Enter")  # the button has the focus
    is_in(first, "owner")
    first.page.reload()
    is_in(first, "owner")

    second = browse(house, None)
    second.watch.expect(401, link.removeprefix(f"http://localhost:{house.port}"))
    second.page.goto(link)
    second.page.get_by_role("button", name="Sign in").click()
    expect(second.page.get_by_role("heading", name="Sign-in link")).to_be_visible()
    expect(second.page.get_by_text("has been used or has expired")).to_be_visible()
    second.watch.expect(401, SESSION)
    second.page.get_by_role("link", name="Sign in another way").click()
    expect(second.page.get_by_role("button", name="Sign in")).to_be_visible()


def test_name_and_password_then_out(house, browse):
    seen = browse(house, None)
    seen.watch.expect(401, SESSION)
    seen.page.goto("/runs")
    fill_in(seen.page, "ada", PASSWORD)
    expect(seen.page).to_have_url(f"http://localhost:{house.port}/runs")  # where one wanted to go
    seen.page.get_by_role("button", name="Account of ada").click()
    seen.page.get_by_role("button", name="Sign out").click()
    expect(seen.page.get_by_role("heading", name="Sign in")).to_be_visible()
    seen.page.goto("/")
    expect(seen.page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize(("name", "password"), [("ada", "not this sentence"), ("nobody", PASSWORD)])
def test_a_wrong_password_is_said_and_forgotten(house, browse, name, password):
    seen = browse(house, None)
    seen.watch.expect(401, SESSION)
    seen.page.goto("/")
    fill_in(seen.page, name, password)
    told = seen.page.get_by_role("alert")
    expect(told).to_contain_text("That did not sign you in")
    expect(told).to_contain_text("the name and the password do not fit")
    expect(seen.page.get_by_label("Password")).to_have_value("")
    fill_in(seen.page, "ada", PASSWORD)
    is_in(seen, "ada")


def test_the_first_owner_of_a_server_that_others_reach(tmp_path, browse):
    maker = ProjectMaker(tmp_path)
    with installed(tmp_path, maker.folder, environ={"PENSTOCK_HOST": "0.0.0.0"}) as reached:
        address = printed(reached, r"make the first owner at (\S+) with the code")
        code = printed(reached, r"with the code (\S+)")
        seen = browse(reached, None)
        seen.watch.expect(401, SESSION)
        seen.page.goto(address)
        expect(seen.page.get_by_role("heading", name="Make the first owner")).to_be_visible()
        make_owner(seen.page, "not-the-code", "too short")
        expect(seen.page.get_by_text("At least 10 characters.")).to_be_visible()
        seen.watch.expect(401, "/api/v1/setup")
        make_owner(seen.page, "not-the-code", PASSWORD)
        expect(seen.page.get_by_role("alert")).to_be_visible()
        make_owner(seen.page, code, PASSWORD)
        is_in(seen, "grace")

        late = browse(reached, None)
        late.watch.expect(401, SESSION)
        late.page.goto(address)
        expect(late.page.get_by_role("button", name="Sign in")).to_be_visible()
        late.context.close()
        seen.context.close()


def make_owner(page: Page, code: str, password: str) -> None:
    page.get_by_label("One-time owner code").fill(code)
    page.get_by_label("Name").fill("grace")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Make the owner and sign in").click()
