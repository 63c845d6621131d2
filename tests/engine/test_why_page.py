"""Why a payment on the provider's page was asked for, and what became of it, in sentences."""

from datetime import timedelta

from engine.card.on_page import PageWallet
from engine.card.paying_on_page import renew_on_page, top_up_on_page
from engine.ports import Declined
from engine.why.questions import overview, why_charged, why_not_charged
from tests.engine.recorded_history import History
from tests.engine.samples import OPENS_AT, RULES, TEN, bound, enabled, local, registered

ALIPAY = PageWallet("alipay", "cus_1/alipay")
HOUR = timedelta(hours=1)
LATE = local("2026-03-29 23:40")
NEXT_DAY = LATE.date() + timedelta(days=1)


def begun():
    """The first try was declined, and the holder pays on the page."""
    history = History(registered(), bound(), enabled()).wakes(OPENS_AT).declined()
    return history.decides(renew_on_page, RULES, wallet=ALIPAY, at=LATE)


def left():
    history = begun().wakes()
    return history.answered(Declined(code="page_closed"))


def texts(answer):
    return [sentence.text for sentence in answer.sentences]


def test_the_charge_says_who_chose_the_wallet_and_until_when():
    history = left()
    said = texts(why_charged(history.records, history.attempts()[-1]))
    assert "The holder chose to pay by alipay on the provider's page." in said
    assert any(
        "the holder asked to pay at once on the provider's page, which was open until 2026-03-30 00:15" in one
        for one in said
    )
    assert any("was not paid on the provider's page" in one and "uses nothing up" in one for one in said)


def test_while_it_is_open_that_is_what_everything_waits_for():
    history = begun()
    today = " ".join(texts(why_not_charged(history.records, NEXT_DAY)))
    assert "The holder may pay on the provider's page" in today
    assert "until then nothing else is attempted and no deadline passes" in today
    said = " ".join(texts(why_charged(history.records, history.attempts()[-1])))
    assert "the provider's page is closed, and the gateway is asked whether the holder paid on it" in said
    assert "page" in " ".join(texts(overview(history.records)))


def test_after_it_the_ladder_speaks_of_its_own_tries():
    today = " ".join(texts(why_not_charged(left().records, NEXT_DAY)))
    assert "Rung 1 of the retry ladder" in today
    assert "not_paid_on_page" not in today


def test_a_top_up_on_the_page_is_explained_and_keeps_no_renewal_waiting():
    history, at = History(registered(), bound(), enabled()), local("2026-03-27 23:40")
    history.decides(top_up_on_page, RULES, wallet=ALIPAY, amount=TEN, at=at)
    assert "top-up 1 was asked for" in " ".join(texts(why_charged(history.records, history.attempts()[-1])))
    waits = " ".join(texts(why_not_charged(history.records, at.date() + timedelta(days=1))))
    assert "until then no other top-up begins, but no renewal waits for it" in waits
