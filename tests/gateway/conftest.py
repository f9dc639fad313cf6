"""A browser for the board's tests, where the machine has one."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.gateway.screen import DESKTOP, Open
from tests.gateway.serving import ServedGateway, served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


# Not for the session: while Playwright is open its event loop counts as running, and no asyncio test could run.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; tests that need it are skipped without it."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium fonts-noto-cjk")
    with (
        sync_playwright() as playwright,
        # Its sandbox needs rights that containers do not have; it opens nothing but our own page.
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as one,
    ):
        yield one


@pytest.fixture
def gateway() -> Iterator[ServedGateway]:
    with served() as one:
        yield one


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Opens a board; at the end no page may have thrown an error or broken the content policy."""
    wrong: list[str] = []
    contexts = []

    def opener(url: str, *, locale: str = "en-GB", size: dict[str, int] = DESKTOP, **more: Any) -> Page:
        context = browser.new_context(viewport=size, locale=locale, timezone_id="America/New_York", **more)  # type: ignore[arg-type] # a TypedDict
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(url)
        return page

    yield opener
    for context in contexts:
        context.close()
    assert wrong == []
