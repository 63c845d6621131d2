"""Why a charge was made: its purpose, trigger, amount, method and outcome."""

from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from engine.card.charge import renew_now
from engine.card.consent import change_period, enable_auto_renew
from engine.card.disputes import record_dispute
from engine.card.methods import update_payment_method
from engine.errors import CorruptHistoryError
from engine.networks import Limited
from engine.ports import NotFound, Unclear
from engine.why.questions import why_charged
from tests.engine.given_when_then import no_older_charge
from tests.engine.recorded_history import History, recorded
from tests.engine.samples import (
    CARD_ID,
    CATALOGUE,
    DEBIT,
    FIVE,
    PAYPAL,
    RULES,
    SECOND,
    VISA,
    VISA_AGAIN,
    bound,
    enabled,
    local,
    registered,
    started,
    switched_off,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = "(Asia/Shanghai)"


def two_methods(*first):
    return History(registered(), *(first or (bound(VISA),)), bound(DEBIT), enabled())


def answer(history, attempt_id=None):
    return why_charged(history.records, attempt_id or history.attempts()[-1]).sentences


def texts(history, attempt_id=None):
    return [sentence.text for sentence in answer(history, attempt_id)]


def occasion(history):
    return texts(history)[1]


def said_that(history, begin, attempt_id=None):
    """The one sentence that begins so."""
    (found,) = [text for text in texts(history, attempt_id) if text.startswith(begin)]
    return found


def test_a_first_charge_is_explained_from_its_trigger_to_its_outcome():
    history = History().wakes().paid()
    attempt_id = history.attempts()[0]
    assert [(sentence.text, sentence.versions) for sentence in answer(history)] == [
        (
            (
                f"On 2026-03-29 10:00 {HERE} method visa was asked for 15.00 CNY for term 1, which follows the one "
                "that "
                "ends on 2026-04-01: attempt number 1 for it."
            ),
            (5,),
        ),
        (
            "It was made then because the renewal of the term that ends on 2026-04-01 had opened, on 2026-03-29 10:00.",
            (4, 5),
        ),
        (
            (
                "The price of 15.00 CNY for 1 month, of catalogue version 2026-11-01, was agreed to by the holder on "
                "2026-03-22 11:00, under terms terms-1, through web; the offer of 2026-03-29 10:00 holds it."
            ),
            (3, 4),
        ),
        ("Method visa (credit card, visa, ending in 4242) was charged because it was the only one.", (5,)),
        ("The network limits, edition 2026-12, allowed it as a first try.", (5,)),
        (
            (
                "It was decided under policy version 2026-11-01 and recorded on 2026-03-29 10:00 by consumer, "
                "caused by cause-5."
            ),
            (5,),
        ),
        (
            (
                f"On 2026-03-29 10:00 {HERE} 15.00 CNY was taken under the gateway's reference “ref-1”, as the gateway "
                f"answered at once: attempt {attempt_id} succeeded."
            ),
            (6,),
        ),
        (
            (
                f"On 2026-03-29 10:00 {HERE} the card was renewed for 1 month: term 1 from 2026-04-01 to 2026-05-01, "
                f"15.00 CNY, paid by attempt {attempt_id}."
            ),
            (7,),
        ),
    ]


def test_an_answer_names_the_card_and_the_zone_of_its_instants():
    history = History().wakes()
    found = why_charged(history.records, history.attempts()[0])
    assert (found.card_id, found.zone) == (CARD_ID, "Asia/Shanghai")


def test_an_unknown_attempt_has_no_answer():
    assert why_charged(History().wakes().records, UUID(int=1)) is None


def test_a_card_without_facts_has_no_story():
    with pytest.raises(CorruptHistoryError, match="without facts"):
        why_charged([], UUID(int=1))


def test_a_charge_that_rests_on_what_is_not_there_is_a_corrupt_history():
    attempt = History().wakes().records[-1].fact
    elsewhere = replace(started(), catalogue_version="unheard-of")
    with pytest.raises(CorruptHistoryError, match="RenewalStarted without what led to it"):
        why_charged(recorded(registered(), bound(), enabled(), elsewhere, attempt), attempt.attempt_id)


# Why then


def test_the_next_method_of_a_pass_follows_the_decline_before_it():
    history = two_methods().wakes().declined("expired_card")
    assert occasion(history) == (
        "It was made then because the try before it in rung 1, of visa, had come to nothing on 2026-03-29 10:00 "
        "(expired_card), and the next method is tried at once."
    )


def test_the_next_method_follows_a_try_that_the_network_limits_forbade():
    limited = {"visa": Limited("retries_30d", local("2026-04-05 00:00"))}
    history = two_methods().wakes(limited=limited)
    assert occasion(history) == (
        "It was made then because the try before it in rung 1, of visa, had come to nothing on 2026-03-29 10:00 "
        "(rule retries_30d of the network limits, edition 2026-12, forbids it), and the next method is tried at once."
    )
    assert said_that(history, "Method") == (
        "Method debit (debit card) was charged because, in the order in which they were bound, visa was to be left "
        "alone until 2026-04-05 00:00, since rule retries_30d of the network limits, edition 2026-12, forbids it, "
        "as found on 2026-03-29 10:00."
    )


def test_a_method_that_was_delayed_is_tried_when_its_delay_is_over():
    history = two_methods().wakes().declined(advice_code="25").declined(advice_code="26", after=HOUR)
    history.wakes().declined(after=SECOND)
    history.wakes(history.wake_at)
    assert occasion(history) == (
        "It was made then because debit was to be left alone until 2026-03-31 11:00, and was still to be tried in rung "
        "2."
    )


def test_a_rung_counts_from_the_first_failure():
    history = History().wakes().declined().wakes().declined().wakes().wakes()
    assert occasion(history) == (
        "It was made then as rung 3 of the retry ladder, which counts from the first failure on 2026-03-29 10:00 "
        "(insufficient_funds)."
    )
    assert answer(history)[1].versions == (6, 12)


def test_a_rung_may_have_no_failure_that_counts_before_it():
    history = History().wakes().answered(Unclear(reason="timeout"))
    history.wakes().answered(NotFound(), after=2 * DAY)
    assert occasion(history).startswith("It was made then because the try before it in rung 1, of visa")
    never = recorded(*(one.fact for one in history.records[:5]))
    again = replace(history.records[4].fact, rung=2, reason="next_rung", attempt_id=UUID(int=2))
    answer = why_charged([*never, *recorded(again, version=6)], UUID(int=2)).sentences
    assert answer[1].text == "It was made then as rung 2 of the retry ladder."


def test_the_last_rung_is_put_on_the_day_before_the_number_is_lost():
    history = History(registered(reclaim_days=4), bound(), enabled()).wakes()
    while history.card.status != "reclaimed":
        history = history.declined().wakes() if history.card.attempts.open else history.wakes()
    assert occasion(history) == (
        "It was made then as rung 5 of the retry ladder, which counts from the first failure on 2026-03-29 10:00 "
        "(insufficient_funds); it was put on the last day before the number is lost."
    )


def test_a_passing_trouble_is_followed_by_a_quick_second_try():
    history = History().wakes().declined("processing_error").wakes()
    assert occasion(history) == (
        "It was made then as the quick second try within rung 1, after the passing trouble processing_error "
        "on 2026-03-29 10:00."
    )


@pytest.mark.parametrize(("method", "what"), [(VISA_AGAIN, "visa was updated"), (PAYPAL, "paypal was bound")])
def test_a_new_or_updated_method_is_tried_at_once(method, what):
    history = History().wakes().declined("expired_card")
    at = history.at + HOUR
    if method is PAYPAL:
        history.does((bound(PAYPAL, at),))
    else:
        history.decides(update_payment_method, method=method, at=at)
    assert occasion(history.wakes(at)) == (
        f"It was made then because method {what} on 2026-03-29 11:00, while the term was unpaid; "
        "that is tried at once and is no rung of the ladder."
    )


def test_a_wallet_has_no_network_limit():
    history = History(registered(), bound(PAYPAL), enabled()).wakes()
    assert said_that(history, "No network") == "No network limit was asked, since the method has no fingerprint."


def test_a_charge_that_the_holder_asked_for_is_made_at_once():
    at = local("2026-03-20 12:00")
    history = History().decides(renew_now, RULES, at=at).wakes(at)
    assert occasion(history) == (
        "It was made then because the holder asked for it on 2026-03-20 12:00; "
        "that is tried at once and is no rung of the ladder."
    )


def test_a_shorter_period_agreed_to_while_a_term_is_unpaid_is_tried_at_once():
    history = History(registered(), bound(), enabled(12)).wakes().declined()
    at = history.at + HOUR
    history.decides(change_period, CATALOGUE, months=1, terms_version="terms-2", channel="app", at=at)
    assert occasion(history.wakes(at)) == (
        "It was made then because the holder agreed to 1 month at 15.00 CNY on 2026-03-29 11:00, while the term was "
        "unpaid; that is tried at once and is no rung of the ladder."
    )


def test_switching_on_while_a_term_is_unpaid_asks_for_a_charge():
    history = History().wakes().declined().wakes().declined().wakes()
    at = local("2026-04-01 09:00")
    history.does((switched_off(at=at),)).does((enabled(at=at),)).wakes(at)
    assert occasion(history) == (
        "It was made then because the holder switched auto-renewal on on 2026-04-01 09:00; "
        "that is tried at once and is no rung of the ladder."
    )


def test_switching_on_after_the_term_ended_opens_the_renewal_at_once():
    history = History(registered(), bound()).wakes_until(local("2026-04-10 00:00"))
    at = local("2026-04-10 12:00")
    terms = {"months": 1, "terms_version": "terms-1", "channel": "app"}
    history.decides(enable_auto_renew, CATALOGUE, **terms, at=at).wakes(at)
    assert occasion(history) == (
        "It was made then because the term had ended on 2026-04-01 and the renewal was opened at once, "
        "on 2026-04-10 12:00."
    )
    assert said_that(history, "A reactivation") == (
        "A reactivation fee of 5.00 CNY came on top, because the service was off since 2026-04-03 00:00."
    )


def test_a_renewal_without_a_usable_method_is_charged_once_it_has_one():
    at = local("2026-03-30 12:00")
    history = History(registered(), enabled()).wakes().does((bound(at=at),)).wakes(at)
    assert occasion(history) == (
        "It was made then because the renewal of the term that ends on 2026-04-01, offered on 2026-03-29 10:00, "
        "was open and nothing had been tried in it yet, and method visa could be charged since 2026-03-30 12:00."
    )


# Why this method


def test_the_first_in_order_needs_no_other_reason():
    assert said_that(two_methods().wakes(), "Method") == (
        "Method visa (credit card, visa, ending in 4242) was charged because it was the first "
        "in the order in which they were bound."
    )


def test_methods_before_it_had_ended_been_delayed_or_been_tried():
    history = History(registered(), bound(VISA), bound(DEBIT), bound(PAYPAL), enabled())
    history.wakes().declined("expired_card").declined(advice_code="24")
    assert said_that(history, "Method") == (
        "Method paypal (paypal) was charged because, in the order in which they were bound, visa failed for good with "
        "code expired_card, by the decline code, on 2026-03-29 10:00 and debit was to be left alone until "
        "2026-03-29 11:00, by the advice code after insufficient_funds on 2026-03-29 10:00."
    )
    again = two_methods().wakes().declined()
    assert said_that(again, "Method") == (
        "Method debit (debit card) was charged because, in the order in which they were bound, "
        "visa had been tried already in this pass."
    )


def test_a_fingerprint_that_is_blocked_ends_its_method():
    history = two_methods().wakes(limited={"visa": Limited("never", None)})
    assert said_that(history, "Method debit") == (
        "Method debit (debit card) was charged because, in the order in which they were bound, visa was withheld for "
        "good, since a network's or issuer's “never” blocks it, on 2026-03-29 10:00."
    )


def test_a_disputed_method_is_skipped():
    history = two_methods().wakes().paid()
    paid = {"attempt_id": history.attempts()[0], "amount": FIVE, "evidence": "notice"}
    history.decides(record_dispute, no_older_charge, **paid, at=history.at + HOUR).wakes().wakes()
    assert said_that(history, "Method debit") == (
        "Method debit (debit card) was charged because, in the order in which they were bound, "
        "visa was disputed, on 2026-03-29 11:00."
    )
