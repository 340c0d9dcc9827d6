"""A real Chromium on a real server. A page that logs an error, or gets a refusal no test expected, fails its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from support.browsing import Visit, add_user, open_chromium, visit
from support.installation import Installation, installed
from support.project_maker import ProjectMaker


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not longer than a module: while Playwright is open, nothing else of this thread can run an event loop."""
    with open_chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def maker(tmp_path_factory) -> ProjectMaker:
    return ProjectMaker(tmp_path_factory.mktemp("e2e"))


@pytest.fixture(scope="module")
def house(maker: ProjectMaker, browser: Browser) -> Iterator[Installation]:
    """A started server, and ada who may edit. The module's own `pipelines` fixture, if any, has filled the project."""
    with installed(maker.folder.parent, maker.folder) as running:
        add_user(running, "ada", "editor")
        yield running


@pytest.fixture
def browse(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open windows; afterwards each must have gone without a complaint."""
    visits: list[Visit] = []

    def opened(installation: Installation, name: str | None = "ada", **options: Any) -> Visit:
        made = visit(browser, installation, **options)
        visits.append(made)
        if name is not None:
            made.sign_in(name)
        return made

    yield opened
    try:
        for one in visits:
            one.watch.check()
    finally:
        for one in visits:
            one.context.close()
