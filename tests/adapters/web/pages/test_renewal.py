"""Switching auto-renewal on in steps, changing it, and switching it off: each step a page and a form."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
from msgspec.structs import replace
from psycopg.types.json import Jsonb

from adapters.web.pages.draft import Draft, seal_of
from engine.commands import BindPaymentMethod, SwitchOffAutoRenew
from engine.ports import Charged
from tests.adapters.web.pages.holders import NOW, PAYPAL, card_id_of

OFF = f"/cards/{card_id_of('off')}"
PERIOD, PAYMENT, REVIEW, DONE = (f"{OFF}/renewal/{one}" for one in ("period", "payment", "review", "done"))


def choose(browser, months="12", first="visa", **more):
    """The steps up to the review, which is returned."""
    assert browser.post(PERIOD, {"months": months}).to == PAYMENT
    assert browser.post(PAYMENT, {"first": first, **more}).to == REVIEW
    return browser.get(REVIEW)


def confirm(browser, review):
    """The form of the review, as its page has it."""
    return browser.post(REVIEW, {name: review.field(name) for name in ("command_id", "choice")})


def facts_of(world, name):
    return world.cards.names(card_id_of(name))


def another_price_was_shown(world):
    """As if the price had changed since; returns what the form holds beside it."""
    draft = world.connection.execute("SELECT draft FROM sessions WHERE holder_id = 'h-lin'").fetchone()[0]
    [key] = draft
    draft[key]["price"] = 1
    world.connection.execute("UPDATE sessions SET draft = %s WHERE holder_id = 'h-lin'", (Jsonb(draft),))
    return seal_of(Draft(**{**draft[key], "order": tuple(draft[key]["order"])}))


def test_the_periods_show_price_and_saving_in_money(lin):
    text = lin.get(PERIOD).text
    assert "Every month ¥8.00" in text
    assert "Every 12 months ¥19.20 less than monthly ¥76.80 ¥6.40 a month" in text


def test_the_review_says_what_happens_next_with_dates_and_that_nothing_is_charged_today(lin):
    text = choose(lin).text
    assert "Nothing is charged today. The first payment is on 6 January 2027." in text
    for step in (
        "9 Dec 2026 We remind you of the payment.",
        "30 Dec 2026 We remind you of the payment.",
        "6 Jan 2027 10:11, Hong Kong time We take ¥76.80: Visa ending 4242.",
        "9 Jan 2027 The new term begins and lasts until 9 January 2028.",
    ):
        assert step in text
    assert "Visa ending 4242, valid to 05/2028" in text
    assert "Notices go to lin@example.com" in text


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "If service is off when it is paid, ¥5.00 is added once for switching it on again."),
        ("zh-CN", "如果付款时已停机，恢复服务要另付一次 ¥5.00。"),
    ],
)
def test_the_periods_and_the_review_say_what_switching_service_on_again_costs(lin, world, language, told):
    world.connection.execute("UPDATE accounts SET language = %s", (language,))
    steps = f"/cards/{world.register('fee', 'keep-short', date(2026, 11, 10), 1)}/renewal"
    world.cards.project()
    assert told in lin.get(f"{steps}/period").text
    lin.post(f"{steps}/period", {"months": "1"})
    lin.post(f"{steps}/payment", {"first": "visa"})
    assert told in lin.get(f"{steps}/review").text
    assert told not in choose(lin).text  # of a plan without a fee


@pytest.mark.parametrize("phone", [None, "+85255500142"])  # no SMS go out here, so a number reaches nobody
def test_nobody_agrees_without_a_confirmed_address_to_be_told_at(lin, world, phone):
    review = choose(lin)
    unconfirmed = "UPDATE accounts SET email_confirmed = false, phone = %s, phone_confirmed = true WHERE holder_id = %s"
    world.connection.execute(unconfirmed, (phone, "h-lin"))
    page = lin.get(REVIEW)
    assert "Notices go to No confirmed address" in page.text
    assert "our reminders before each payment would not reach you" in page.text
    assert '<a class="btn" href="/account">Confirm an address</a>' in page.html
    assert "Confirm and authorise" not in page.text
    assert confirm(lin, review).to == REVIEW
    assert "auto_renew_enabled" not in facts_of(world, "off")


def test_the_confirmation_is_promised_to_a_confirmed_address_alone(lin, world):
    done = confirm(lin, choose(lin)).to
    assert "The confirmation goes to lin@example.com." in lin.get(done).text
    world.connection.execute("UPDATE accounts SET email_confirmed = false")
    assert "The confirmation goes to" not in lin.get(done).text


def test_confirming_switches_it_on_with_what_was_shown(lin, world):
    review = choose(lin, balance_first="on")
    command_id = review.field("command_id")
    done = confirm(lin, review)
    assert done.to == f"{DONE}?reference={command_id}"
    assert facts_of(world, "off")[-2:] == ["payment_methods_ordered", "auto_renew_enabled"]
    text = lin.get(done.to).text
    assert "Auto-renewal is on" in text
    assert f"Reference {command_id[:4].upper()}-{command_id[4:8].upper()}" in text
    assert "¥76.80, every 12 months" in lin.get(OFF).text


def test_what_was_foreseen_is_what_happens(lin, world):
    review = choose(lin)
    confirm(lin, review)
    world.live(card_id_of("off"), NOW + timedelta(days=60), Charged)
    renewed = [one for one in world.cards.log() if one.card_id == card_id_of("off")][-1].fact
    assert (renewed.term.starts_on, renewed.term.ends_on) == (date(2027, 1, 9), date(2028, 1, 9))
    reminders = [
        one.fact.at.astimezone().date() for one in world.cards.log() if type(one.fact).__name__ == "ReminderDue"
    ]
    assert date(2026, 12, 30) in reminders


def test_a_double_click_is_one_consent(lin, world):
    review = choose(lin)
    first, second = (confirm(lin, review) for _ in range(2))
    assert first.to == second.to
    assert facts_of(world, "off").count("auto_renew_enabled") == 1


def test_a_form_without_a_choice_leads_back_to_the_first_step_and_says_that_nothing_was_done(lin, world):
    forged = lin.post(REVIEW, {"command_id": str(uuid4()), "choice": "0" * 16})
    assert forged.to == f"{PERIOD}?expired"
    assert "What you chose was not kept, so nothing was changed. Choose again." in lin.get(forged.to).text
    assert "auto_renew_enabled" not in facts_of(world, "off")


def test_the_way_back_and_a_new_choice_lead_to_one_consent_of_the_last_choice(lin, world):
    choose(lin, months="12")
    review = choose(lin, months="3")
    confirm(lin, review)
    assert "¥22.80, every 3 months" in lin.get(OFF).text


def test_what_another_tab_chose_since_is_shown_before_anybody_agrees_to_it(lin, world):
    shown = choose(lin, months="12")
    choose(lin, months="1")
    again = confirm(lin, shown).to
    assert "auto_renew_enabled" not in facts_of(world, "off")
    page = lin.get(again)
    assert "Every month" in page.text
    assert re.search('<p class="note" role="alert"><strong>Your choice was changed in another window.', page.html)
    assert "changed in another window" not in lin.get(REVIEW).text
    assert confirm(lin, page).to.startswith(DONE)


def test_nobody_agrees_to_an_order_of_methods_that_is_not_theirs_any_more(lin, world):
    shown = choose(lin)
    world.give(NOW, BindPaymentMethod(command_id="since", card_id=card_id_of("off"), method=PAYPAL))
    again = confirm(lin, shown).to
    assert "The payment methods of the card have changed meanwhile." in lin.get(again).text
    assert "have changed meanwhile" not in lin.get(PAYMENT).text
    assert "auto_renew_enabled" not in facts_of(world, "off")


def test_steps_cannot_be_passed_over(lin):
    assert lin.get(PAYMENT).to == PERIOD
    assert lin.get(REVIEW).to == PERIOD
    lin.post(PERIOD, {"months": "6"})
    assert lin.get(REVIEW).to == PAYMENT
    assert lin.get(DONE).to == OFF


@pytest.mark.parametrize("months", ["", "2", "-1", "12; DROP", "１２"])
def test_a_period_that_is_none_is_asked_again_and_nothing_is_done(lin, world, months):
    before = facts_of(world, "off")
    answer = lin.post(PERIOD, {"months": months})
    assert answer.status == 422
    assert "Choose how often to renew." in answer.text
    assert facts_of(world, "off") == before


def test_without_a_method_the_way_on_is_to_add_one(lin, world):
    bare = world.register("bare", "keep-basic", date(2026, 10, 1), 12, methods=())
    world.cards.project()
    lin.post(f"/cards/{bare}/renewal/period", {"months": "1"})
    answer = lin.post(f"/cards/{bare}/renewal/payment", {})
    assert answer.status == 422
    assert "Add a way to pay first." in answer.text


def test_a_method_of_another_card_can_be_used_too(lin, world):
    lin.post(PERIOD, {"months": "1"})
    use = f"{card_id_of('short')}/paypal"
    assert f'value="{use}"' in lin.get(PAYMENT).html
    assert lin.post(f"{OFF}/methods/other", {"use": use}).to.partition("?")[0] == PAYMENT
    assert facts_of(world, "off")[-1] == "payment_method_bound"
    text = choose(lin, first="paypal").text
    assert "1. PayPal" in text or "PayPal" in text


def test_another_holders_method_cannot_be_used(other, lin, world):
    use = f"{card_id_of('short')}/paypal"
    their_card = card_id_of("another's")
    assert other.post(f"/cards/{their_card}/methods/other", {"use": use}).status == 404
    assert lin.post(f"/cards/{their_card}/methods/other", {"use": use}).status == 404


def test_another_price_than_the_one_shown_is_shown_and_asked_again(lin, world):
    review = choose(lin)
    seen = another_price_was_shown(world)
    assert lin.get(REVIEW).to == f"{PERIOD}?changed"
    answer = lin.post(REVIEW, {"command_id": review.field("command_id"), "choice": seen})
    assert answer.to == f"{PERIOD}?changed"
    assert "The price has changed since it was shown" in lin.get(answer.to).text
    assert "auto_renew_enabled" not in facts_of(world, "off")


def test_where_the_price_has_changed_the_order_of_payment_stays_as_it_was(lin, world):
    plus = f"/cards/{card_id_of('plus')}"
    lin.post(f"{plus}/renewal/period", {"months": "12"})
    lin.post(f"{plus}/renewal/payment", {"first": "visa", "balance_first": "on"})
    review, before = lin.get(f"{plus}/renewal/review"), facts_of(world, "plus")
    seen = another_price_was_shown(world)
    answer = lin.post(f"{plus}/renewal/review", {"command_id": review.field("command_id"), "choice": seen})
    assert answer.to == f"{plus}/renewal/period?changed"
    assert facts_of(world, "plus") == before


def test_a_suspended_card_is_told_that_it_is_charged_now(lin, world):
    card = f"/cards/{card_id_of('suspended')}"
    world.give(
        NOW, BindPaymentMethod(command_id="new", card_id=card_id_of("suspended"), method=replace(PAYPAL, token="sim:x"))
    )
    lin.post(f"{card}/renewal/period", {"months": "1"})
    lin.post(f"{card}/renewal/payment", {"first": "paypal"})
    assert "¥28.00 is charged now." in lin.get(f"{card}/renewal/review").text


def test_switching_off_shows_what_lapses_when_and_two_buttons(lin, world):
    path = f"/cards/{card_id_of('plus')}/renewal/off"
    page = lin.get(path)
    assert "13 Mar 2027 Service is paid, and on until the end of this day. 14 Mar 2027 Service goes off." in page.text
    assert "stays on" not in page.text
    assert "10 Sep 2027 The number is lost for good." in page.text
    assert page.html.count('class="btn plain"') == 2  # neither is louder
    assert lin.post(path, {"command_id": page.field("command_id")}).to == f"/cards/{card_id_of('plus')}"
    assert facts_of(world, "plus")[-1] == "auto_renew_switched_off"
    text = lin.get(f"/cards/{card_id_of('plus')}").text
    assert "Auto-renewal off" in text
    assert "You turned off auto-renewal." in text


def test_where_days_of_grace_follow_the_term_service_stays_on(lin):
    text = lin.get(f"/cards/{card_id_of('short')}/renewal/off").text
    assert "2 May 2027 Service is paid until then and stays on. 4 May 2027 Service goes off." in text


def test_trying_again_now_asks_for_the_charge_once(lin, world):
    path = f"/cards/{card_id_of('failing')}/pay"
    page = lin.get(path)
    assert "Pay ¥21.00" in page.text
    form = {name: page.field(name) for name in ("command_id", "since", "term", "minor")}
    for _ in range(2):
        assert lin.post(path, form).to == f"/cards/{card_id_of('failing')}?since={form['since']}"
    assert facts_of(world, "failing").count("renewal_requested") == 1


@pytest.mark.parametrize(
    ("changed", "status", "told"),
    [
        ({"minor": "2000"}, 409, "What is due has changed since the page was opened."),
        ({"term": "7"}, 409, "What is due has changed since the page was opened."),
        ({"term": ""}, 422, "Nothing was changed."),
        ({"minor": "-1"}, 422, "Nothing was changed."),
    ],
)
def test_no_other_term_and_no_other_amount_is_paid_than_the_page_showed(lin, world, changed, status, told):
    path, before = f"/cards/{card_id_of('failing')}/pay", facts_of(world, "failing")
    page = lin.get(path)
    answer = lin.post(path, {name: page.field(name) for name in ("command_id", "term", "minor")} | changed)
    assert answer.status == status
    assert told in answer.text
    assert facts_of(world, "failing") == before


def test_a_card_that_waits_for_the_bank_is_not_charged_again(lin, world):
    path = f"/cards/{card_id_of('waiting')}/pay"
    page = lin.get(path)
    refused = lin.post(path, {name: page.field(name) for name in ("command_id", "term", "minor")})
    assert refused.status == 409
    assert "A payment is under way already." in refused.text


def test_the_period_of_the_running_term_is_proposed_and_otherwise_none(lin, world):
    def proposed(card_id):
        return re.findall(r'value="(\d+)" checked', lin.get(f"/cards/{card_id}/renewal/period").html)

    assert proposed(card_id_of("off")) == []
    assert lin.post(f"/cards/{card_id_of('off')}/renewal/period", {}).status == 422
    card_id = world.register("again", "keep-basic", date(2026, 10, 1), 1)
    world.enable(card_id, 3, NOW - timedelta(days=50))
    world.live(card_id, NOW, Charged)
    world.give(NOW, SwitchOffAutoRenew(command_id="off", card_id=card_id))
    world.cards.project()
    assert proposed(card_id) == ["3"]
