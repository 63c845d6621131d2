"""The pages in a real browser: on every width, in both languages, without script, by keyboard and screen reader."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.adapters.web.pages.holders import HOLDER, card_id_of
from tests.chromium import windows

PLUS, OFF, FAILING = (f"/cards/{card_id_of(name)}" for name in ("plus", "off", "failing"))
PAGES = (
    "/cards",
    "/cards?gone",
    FAILING,
    PLUS,
    f"/cards/{card_id_of('suspended')}",
    f"/cards/{card_id_of('waiting')}",
    f"/cards/{card_id_of('lost')}",
    f"{OFF}/renewal/period",
    f"{OFF}/renewal/payment",
    f"{OFF}/renewal/review",
    f"{PLUS}/renewal/off",
    f"{PLUS}/methods",
    f"{PLUS}/top-up",
    f"{FAILING}/pay",
    "/receipts",
    "/account",
    "/account/password",
    "/account/email",
    "/account/delete",
    "/sign-in",
    "/sign-in/code",
    "/register",
    "/reset",
    "/terms",
    "/help",
    "/nothing",
)


@pytest.fixture
def opened(browser, served, world):
    """Opens the holder's pages in a window of some width."""
    with windows(browser, served) as open_window:

        def open_page(width=1280, language="en", scheme="light", **options):
            world.connection.execute("UPDATE accounts SET language = %s", (language,))
            session = "__Host-bh", world.tokens[HOLDER]
            return open_window(session, width, color_scheme=scheme, **options)

        yield open_page


def to_review(page):
    """Through the steps up to the review, by what stands on the buttons."""
    page.goto(f"{OFF}/renewal/period")
    page.locator("input[name=months]").last.check()
    for _ in range(2):
        page.locator("button.btn:not(.plain)").click()
    assert page.url.endswith("/renewal/review")


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_nothing_sticks_out_on_any_width(opened, language):
    page = opened(language=language, locale=language)
    to_review(page)
    for path in PAGES:
        page.goto(path)
        for width in (1280, 390, 320):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1, path
        assert page.locator("html").get_attribute("lang") == language


@pytest.mark.parametrize(
    ("scheme", "paths"), [("light", PAGES), ("dark", (PAGES[0], FAILING, f"{OFF}/renewal/review"))]
)
def test_axe_finds_nothing(opened, scheme, paths):
    page = opened(390, scheme=scheme)
    to_review(page)
    for path in paths:
        page.goto(path)
        found = Axe().run(page)
        assert not found.violations_count, f"{path}: {found.generate_report()}"


def test_the_policy_lets_everything_of_ours_through_and_the_console_is_silent(opened):
    page = opened()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    to_review(page)
    for path in PAGES[:-1]:
        page.goto(path)
    assert said == []
    assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") == "1072px"


def test_the_steps_work_without_script_and_by_the_words_on_the_buttons(opened, world):
    page = opened(java_script_enabled=False)
    page.goto("/cards")
    page.get_by_role("link", name="Turn on auto-renewal").click()
    page.get_by_label("Every 3 months").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Visa ending 4242").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Nothing is charged today.").wait_for()
    page.get_by_role("button", name="Confirm and authorise").click()
    page.get_by_role("heading", name="Auto-renewal is on").wait_for()
    page.reload()
    page.get_by_role("link", name="Back to cards").click()
    page.get_by_role("link", name="+852 5550 0142").click()
    page.get_by_role("link", name="Turn off auto-renewal").click()
    page.get_by_role("button", name="Turn off").click()
    page.get_by_text("You turned off auto-renewal.").wait_for()
    names = world.cards.names(card_id_of("off"))
    assert (names.count("auto_renew_enabled"), names.count("auto_renew_switched_off")) == (1, 1)


def test_two_tabs_and_the_back_button_end_in_one_consent(opened, world):
    first = opened()
    to_review(first)
    second = first.context.new_page()
    second.goto(f"{OFF}/renewal/review")
    first.get_by_role("button", name="Confirm and authorise").click()
    second.get_by_role("button", name="Confirm and authorise").click()
    second.get_by_text("You turned on auto-renewal").first.wait_for()
    assert second.url.endswith(OFF)
    first.go_back()
    assert world.cards.names(card_id_of("off")).count("auto_renew_enabled") == 1


def test_a_double_click_on_the_consent_is_one(opened, world):
    page = opened()
    to_review(page)
    page.get_by_role("button", name="Confirm and authorise").dblclick()
    page.wait_for_url("**/done?**")
    assert world.cards.names(card_id_of("off")).count("auto_renew_enabled") == 1


def test_the_language_is_switched_where_one_stands(opened):
    page = opened()
    page.goto(PLUS)
    page.get_by_role("button", name="中文").click()
    assert page.url.endswith(PLUS)
    page.get_by_role("heading", name="接下来").wait_for()


def test_a_session_that_ended_in_between_leads_to_sign_in(opened, world):
    page = opened()
    to_review(page)
    world.connection.execute("DELETE FROM sessions")
    page.get_by_role("button", name="Confirm and authorise").click()
    assert "/sign-in" in page.url
    assert "auto_renew_enabled" not in world.cards.names(card_id_of("off"))


def test_the_settings_are_above_the_history_on_a_phone_and_beside_it_on_a_desk(opened):
    page = opened(390)
    page.goto(PLUS)
    settings, history = page.locator("aside"), page.locator("#history")
    assert settings.bounding_box()["y"] < history.bounding_box()["y"]
    page.set_viewport_size({"width": 1280, "height": 900})
    assert settings.bounding_box()["x"] > history.bounding_box()["x"] + history.bounding_box()["width"]
    page.goto(f"/cards/{card_id_of('lost')}")
    assert history.bounding_box()["x"] == page.locator("h1").bounding_box()["x"]


def test_on_a_phone_the_step_is_named_and_those_before_are_marked_by_more_than_a_colour(opened):
    page = opened(390)
    page.goto(f"{OFF}/renewal/period")
    page.get_by_text("Step 3 of 5: Period").wait_for()
    mark = "one => getComputedStyle(one, '::before').content"
    marks = [page.locator(".steps li").nth(number).evaluate(mark) for number in range(5)]
    assert ["✓" in one for one in marks] == [True, True, False, False, False]
