"""The next step of a card: facts that are due, a question to the gateway, or a wait with its reason."""

from uuid import UUID

from msgspec.structs import replace

from engine.card.asking import AskCharge
from engine.card.attempt import ChargeAttempted
from engine.card.next import deferred, next_step, wakes_at
from engine.card.term import RenewalStarted
from engine.card.wait import Wait
from engine.card.waking import Deferred
from engine.catalogue import Catalogue
from engine.money import Money
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import (
    BUDGET,
    CATALOGUE,
    CHARGING,
    DECLINED,
    ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    POLICY,
    RULES,
    SECOND,
    attempt_id,
    bound,
    enabled,
    local,
    registered,
    renewed,
    started,
    succeeded,
)

# Opening


def test_nothing_is_due_before_the_renewal_opens():
    given(*PAYING).at(OPENS_AT - SECOND).nothing().waits(OPENS_AT, "renewal_opens")


def test_when_it_opens_the_next_term_is_offered_and_charged():
    given(*PAYING).at(OPENS_AT).then(
        fact(
            RenewalStarted,
            term_number=1,
            months=1,
            price=MONTH_PRICE,
            saving=Money(minor=0, currency="CNY"),
            catalogue_version="2026-11-01",
            policy_version=POLICY.version,
            at=OPENS_AT,
        ),
        fact(
            ChargeAttempted,
            attempt_id=attempt_id(),
            term_number=1,
            number=1,
            rung=1,
            reason="renewal_opened",
            method_id="visa",
            token="tok-visa",
            amount=MONTH_PRICE,
            policy_version=POLICY.version,
            at=OPENS_AT,
        ),
    ).waits(OPENS_AT + BUDGET, "answer_awaited")


def test_an_attempts_id_is_the_same_for_ever():
    """Changed, every charge that is under way would be sent under a second key."""
    then = given(*PAYING).at(OPENS_AT)
    assert then.card.attempts.open.attempt_id == UUID("25b68f46-d243-50d3-b27b-0660a0959590")


def test_the_chosen_period_is_what_is_offered():
    then = given(registered(), bound(), enabled(12)).at(OPENS_AT)
    then.then(fact(RenewalStarted, months=12), fact(ChargeAttempted, amount=Money(minor=14_400, currency="CNY")))


def test_a_price_that_was_offered_stands_whatever_the_catalogue_says_later():
    dearer = CATALOGUE.model_dump()
    dearer["versions"][0]["prices"]["keep-short"]["CNY"] = 9999
    later = replace(RULES, catalogue=Catalogue.model_validate(dearer))
    given(*DECLINED).at(local("2026-03-30 10:00"), later).then(fact(ChargeAttempted, amount=MONTH_PRICE))


def test_a_renewed_card_waits_for_its_next_renewal():
    history = (*CHARGING, succeeded(), renewed())
    given(*history).at(OPENS_AT + SECOND).nothing().waits(local("2026-04-21 10:00"), "reminder")


def test_a_terms_attempts_are_counted_from_one_again():
    told_of = given(*CHARGING, succeeded(), renewed()).at(local("2026-04-21 10:00"))
    Given(told_of.card).at(local("2026-04-28 10:00")).then(
        fact(RenewalStarted, term_number=2),
        fact(ChargeAttempted, term_number=2, number=1, attempt_id=attempt_id(term_number=2)),
    )


# Steps and wake times


def test_the_same_arguments_give_the_same_step():
    card = given(*PAYING).card
    assert next_step(card, RULES, OPENS_AT) == next_step(card, RULES, OPENS_AT)


def test_a_wait_wakes_at_its_end_and_all_else_now():
    attempt = given(*CHARGING).card.attempts.open
    assert wakes_at(Wait(ENDS_AT, "term_ends"), OPENS_AT) == ENDS_AT
    assert wakes_at(Wait(None, "suspended"), OPENS_AT) is None
    assert wakes_at(AskCharge(attempt, "looked_up"), OPENS_AT) == OPENS_AT
    assert wakes_at((started(),), OPENS_AT) == OPENS_AT


def test_a_card_with_nothing_due_is_deferred():
    wait = Wait(ENDS_AT, "term_ends")
    assert deferred(wait, OPENS_AT, OPENS_AT) == (Deferred(reason="term_ends", until=ENDS_AT, at=OPENS_AT),)
    assert deferred(Wait(None, "suspended"), OPENS_AT, ENDS_AT) == (
        Deferred(reason="suspended", until=None, at=ENDS_AT),
    )


def test_a_duplicate_message_defers_nothing():
    wait = Wait(ENDS_AT, "term_ends")
    assert deferred(wait, ENDS_AT, OPENS_AT) == ()  # woken already: the wake time lies ahead
    assert deferred(wait, None, OPENS_AT) == ()


def test_a_question_is_not_deferred():
    assert deferred(AskCharge(given(*CHARGING).card.attempts.open, "asked_again"), OPENS_AT, OPENS_AT) == ()
