"""A real browser for the tests: Debian's Chromium, driven by Playwright."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # the tests reach nothing but this machine
    "--disable-component-update",
    "--disable-sync",
)


PATIENCE_MS = 30_000
"""How long a page is waited for: several tests may run beside each other."""


@contextmanager
def windows(browser: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """What opens a page at an address, in a browser context of its own, which ends with the block.

    `session` is the name and value of a cookie; all else is Playwright's.
    """
    contexts: list[BrowserContext] = []

    def opened(session: tuple[str, str] | None = None, width: int = 1280, **options: Any) -> Page:
        context = browser.new_context(base_url=address, viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        if session is not None:
            name, value = session
            host = urlsplit(address).hostname or ""
            cookie = {"name": name, "value": value, "domain": host, "path": "/", "sameSite": "Lax"}
            context.add_cookies([{**cookie, "secure": True, "httpOnly": True}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    yield opened
    for context in contexts:
        context.close()


def launched() -> Iterator[Browser]:
    """The browser, as long as the session; without one the tests are skipped, but not where they have to run."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        message = "there is no Chromium; on Debian: apt install chromium fonts-wqy-microhei"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()
