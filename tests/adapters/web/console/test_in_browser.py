"""The console in a real browser: on a phone and a desk, light and dark, and an act by the words on the buttons."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from adapters.clock import recorded_now
from adapters.web.console.proof import code_at
from adapters.web.console.visit import SESSION
from tests.adapters.web.console.operators import TOTP_SECRET
from tests.adapters.web.console.test_looking import attempt_of
from tests.adapters.web.pages.holders import card_id_of
from tests.chromium import windows

FAILING, PAID, PLUS = (f"/cards/{card_id_of(name)}" for name in ("failing", "paid", "plus"))
PAGES = (
    "/",
    "/cards",
    "/cards?status=reclaimed",
    FAILING,
    f"{PAID}?clear",
    f"/cards/{card_id_of('waiting')}",
    f"{PLUS}/hold",
    f"{PLUS}/switch-off",
    "/cases",
    "/parked",
    "/payment-cards",
    "/charging",
    "/health",
    "/figures?days=90",
    "/record",
    "/nothing",
)


@pytest.fixture
def opened(browser, site, world):
    """Opens the operator's pages in a window of some width."""
    with windows(browser, site.origin) as open_window:

        def open_page(width=1280, scheme="light", **options):
            return open_window((SESSION, site.sessions["operator"]), width, color_scheme=scheme, **options)

        yield open_page


@pytest.mark.parametrize(
    ("scheme", "width", "paths"),
    [("light", 390, PAGES), ("dark", 1280, ("/", FAILING, f"{PLUS}/hold", "/figures?days=90", "/charging"))],
)
def test_axe_finds_nothing_and_nothing_sticks_out(opened, scheme, width, paths):
    page = opened(width, scheme)
    said = []
    page.on("console", lambda message: said.append(message.text))
    for path in paths:
        page.goto(path)
        assert page.locator("h1").count() == 1, path
        found = Axe().run(page)
        assert not found.violations_count, f"{path}: {found.generate_report()}"
        for each in (390, 1280):
            page.set_viewport_size({"width": each, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= each, path
        page.set_viewport_size({"width": width, "height": 900})
    assert [one for one in said if "404" not in one] == []


def test_every_table_scrolls_within_itself(opened):
    page = opened(390)
    for path in PAGES:
        page.goto(path)
        assert page.locator("main table:not(.wide table)").count() == 0, path


def test_what_can_be_done_with_a_charge_is_in_sight(opened):
    page = opened(1280)
    page.goto(PAID)
    edge = page.get_by_role("region", name="Charges").bounding_box()
    for name in ("Refund", "Record refund"):
        link = page.get_by_role("link", name=name, exact=True).bounding_box()
        assert edge["x"] <= link["x"] <= link["x"] + link["width"] <= edge["x"] + edge["width"]


def test_axe_finds_nothing_at_the_entrance(opened, site):
    page = opened(390)
    page.context.clear_cookies()
    page.goto("/sign-in")
    assert not Axe().run(page).violations_count
    page.get_by_role("button", name="Sign in").click()
    assert page.url.endswith("/sign-in")


def test_a_refund_without_script_by_the_words_on_the_buttons(opened, world):
    page = opened(java_script_enabled=False)
    page.goto("/")
    page.get_by_label("Number, card, attempt").fill(str(attempt_of(world, card_id_of("paid"))))
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Refund", exact=True).click()
    page.get_by_label("Amount").fill("1.00")
    page.get_by_label("Reason").fill("goodwill")
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_text("This will be recorded at once").wait_for()
    page.get_by_role("button", name="Change").click()
    assert page.get_by_label("Amount").input_value() == "1.00"
    page.get_by_role("button", name="Show what will happen").click()
    page.get_by_label("Code of the authenticator app").fill(code_at(TOTP_SECRET, recorded_now()))
    page.get_by_role("button", name="Refund a charge").dblclick()
    page.get_by_text("The refund is started.").wait_for()  # the first click\'s page is given up for the second\'s
    assert world.cards.names(card_id_of("paid")).count("refund_started") == 1
