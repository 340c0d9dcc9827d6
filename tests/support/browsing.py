"""A person at a real browser: windows that note everything that goes wrong in them, and what people do often."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

from support.installation import Installation
from support.sources import ROOT
from support.waiting import wait_until

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
BUILT = ROOT / "runtime" / "penstock_runtime" / "server" / "static" / "index.html"
PASSWORD = "a long enough sentence"
PATIENCE_MS = 20_000
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
ABORTED = "net::ERR_ABORTED"  # the page itself, or its closing, gave up a request: no failure

expect.set_options(timeout=PATIENCE_MS)


@contextlib.contextmanager
def open_chromium() -> Iterator[Browser]:
    """Give the machine's Chromium. Without one the lane says that it did not run, which fails it in CI."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on PATH (Debian and Ubuntu: sudo apt install chromium)")
    assert BUILT.is_file(), "the web UI has not been built: make web"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Watch:
    """Everything that a page complained of, and what a test says belongs to it."""

    complaints: list[str] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    expected: set[tuple[int, str]] = field(default_factory=set)

    def follow(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("console", self.on_console)
        page.on("requestfailed", self.on_failed)
        page.on("response", self.on_response)

    def expect(self, status: int, path: str) -> None:
        """Say that an answer belongs to the story; it must come."""
        self.expected.add((status, path))

    def on_console(self, message: ConsoleMessage) -> None:
        refused = message.text.startswith("Failed to load resource: the server responded")  # counted as an answer
        if message.type in {"error", "warning"} and not refused:
            self.complaints.append(f"{message.type}: {message.text} at {message.location.get('url')}")

    def on_failed(self, request: Request) -> None:
        if request.failure != ABORTED:
            self.complaints.append(f"no answer: {request.method} {request.url}: {request.failure}")

    def on_response(self, response: Response) -> None:
        if response.status >= 400:
            self.answers.append((response.status, re.sub(r"^\w+://[^/]+", "", response.url)))

    def check(self) -> None:
        """Fail with all that went wrong, and with an expected refusal that never came."""
        unexpected = [answer for answer in self.answers if answer not in self.expected]
        missing = self.expected - set(self.answers)
        assert (self.complaints, unexpected, missing) == ([], [], set())


@dataclass
class Visit:
    """One window on an installation. `page.goto` takes paths."""

    context: BrowserContext
    page: Page
    watch: Watch

    def sign_in(self, name: str) -> None:
        """Sign in without the form, for tests of what comes after."""
        answer = self.context.request.post("/api/v1/session", data={"name": name, "password": PASSWORD})
        assert answer.ok, answer.text()

    def open(self, path: str, heading: str) -> None:
        """Go to a page and wait for its heading."""
        self.page.goto(path)
        expect(self.page.get_by_role("heading", name=heading, exact=True, level=1)).to_be_visible()

    def badge(self, word: str) -> None:
        """Wait until the run's own badge says a word."""
        expect(self.page.get_by_role("main").locator(".run-title .badge")).to_have_text(word)

    def run_from_here(self, variables: dict[str, str] | None = None) -> str:
        """Press Run on a pipeline's page, fill the form, start; return the run's id."""
        self.page.get_by_role("button", name="Run", exact=True).click()
        form = self.page.get_by_role("dialog")
        for name, text in (variables or {}).items():
            form.get_by_label(name).fill(text)
        form.get_by_role("button", name="Run now").click()
        self.page.wait_for_url("**/runs/*")
        return self.page.url.rsplit("/", 1)[-1]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))

    def background(self) -> int:
        """Return how light the page's ground is, 0 to 255."""
        colour = self.page.evaluate("getComputedStyle(document.body).backgroundColor")
        red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
        return (red + green + blue) // 3


def visit(browser: Browser, installation: Installation, **options: Any) -> Visit:
    """Open a window of its own on an installation; `options` are the browser context's."""
    address = f"http://localhost:{installation.port}"
    context = browser.new_context(base_url=address, **{"viewport": DESKTOP, "locale": "en-GB", **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    watch = Watch()
    watch.follow(page)
    return Visit(context, page, watch)


def printed(installation: Installation, pattern: str) -> str:
    """Return what the server printed where `pattern` has its group."""

    def found() -> re.Match[str] | None:
        return re.search(pattern, installation.log.read_text(errors="replace"))

    match = wait_until(found, 20, lambda: f"the server never printed {pattern}:\n{installation.said()}")
    assert match is not None
    return match[1]


def add_user(installation: Installation, name: str, role: str) -> None:
    """Make a user who signs in by `PASSWORD`."""
    installation.post("/users", {"name": name, "role": role, "password": PASSWORD})
