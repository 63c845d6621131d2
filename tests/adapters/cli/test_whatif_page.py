"""The page of `baohao whatif` in a real browser: nothing sticks out of a phone or a desk, axe finds nothing."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec.structs import replace

from adapters.cli.whatif_page import page_of
from projections.whatif.compared import compare
from projections.whatif.histories import Span
from tests.chromium import launched
from tests.projections.whatif.years import BEGIN, RULES, lived, past_of


@pytest.fixture(scope="module")
def browser():
    """It keeps an event loop running in this thread, so it ends with its module."""
    yield from launched()


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whatif")
    past = past_of(lived(40, 6, 1, folder), Span(BEGIN, BEGIN + timedelta(days=180)))
    policy = RULES.policy.model_copy(update={"version": "few", "ladder_days": (2,)})
    file = folder / "page.html"
    file.write_text(
        page_of(compare(past, RULES, replace(RULES, policy=policy), (1, 2)), ["few & <later>.toml"]), "utf-8"
    )
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_sticks_out(browser, page_file, scheme):
    context = browser.new_context(viewport={"width": 390, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(page_file.as_uri())
    found = Axe().run(page)
    assert not found.violations_count, found.generate_report()
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h1").inner_text() == "What if: few & <later>.toml"
    context.close()
