"""A network limit that is full of open tries only is our own trouble: the card waits, and its deadlines move."""

from collections import Counter
from datetime import timedelta

from msgspec.structs import replace

from engine.actor import actor
from engine.card.attempt import CaseOpened, ChargeAttempted, ChargeWithheld
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved
from engine.card.evolve import replay
from engine.card.lapse import Suspended
from engine.card.next import advance
from engine.card.term import CardRenewed, RenewalStarted
from engine.card.waking import Deferred
from engine.decisions import on_replan
from engine.networks import Limited
from engine.store.streams import Stream
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import (
    CARD_ID,
    DECLINED,
    ENDS_AT,
    OPENS_AT,
    PAYPAL,
    POLICY,
    RULES,
    VISA,
    bound,
    enabled,
    local,
    registered,
    switched_off,
)
from tests.engine.sharing import Sharing, charges, has_no_money, is_silent

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
MASTERCARD = replace(VISA, brand="mastercard", fingerprint="fp-master")
OPEN = {"visa": Limited("mastercard_24h", OPENS_AT + 10 * MINUTE, open_only=True)}
NO_GRACE = (registered(grace_days=0, reclaim_days=5), bound(VISA), enabled())
STOPPED = replace(RULES, charging_stopped=True)


def waiting(history=NO_GRACE):
    card, facts, step = advance(given(*history).card, RULES, OPENS_AT, OPEN)
    return card, facts, step


def test_an_outage_of_eight_days_loses_no_number_of_eleven_cards_that_share_a_mastercard():
    cards = Sharing(11, MASTERCARD)
    recovers_at = OPENS_AT + 8 * DAY
    cards.live(recovers_at, is_silent)
    assert set(cards.statuses()) == {"active"}
    waits = [one for one in cards.ids if any(isinstance(fact, ChargingBlocked) for fact in cards.facts(one))]
    assert len(waits) == 4
    for card_id in waits:
        kinds = Counter(type(fact) for fact in cards.facts(card_id)[3:])
        assert kinds.pop(Deferred) < 50  # when it looks again, and nothing else
        assert kinds == {RenewalStarted: 1, ChargingBlocked: 1, DeadlinesMoved: 1, CaseOpened: 1}
    cards.live(recovers_at + 2 * DAY, charges)  # the open tries are answered
    for card_id in waits:
        cards.confirm(card_id, recovers_at + 2 * DAY)  # it was past the carrier's own date
    cards.live(recovers_at + 3 * DAY, charges)
    assert all(any(isinstance(fact, CardRenewed) for fact in cards.facts(one)) for one in cards.ids)


def test_a_card_that_waits_for_open_tries_gets_that_time_and_is_charged_when_there_is_room():
    card, facts, step = waiting()
    assert [type(one) for one in facts] == [RenewalStarted, ChargingBlocked]
    assert facts[-1] == ChargingBlocked(reason="open_tries", at=OPENS_AT)
    assert (step.until, step.reason, step.blocks_lapse) == (OPENS_AT + 10 * MINUTE, "open_tries", True)
    at = ENDS_AT + 2 * DAY
    paid, then, _ = advance(card, RULES, at)
    moved, tried = then
    assert (moved.reason, moved.by) == ("open_tries", at - OPENS_AT)
    assert isinstance(tried, ChargeAttempted)
    assert paid.deadlines.blocked_since is None


def test_it_looks_again_after_ten_minutes_then_after_as_long_as_it_has_waited_and_at_least_every_six_hours():
    card, _, step = waiting()
    times = []
    while step.until < OPENS_AT + 2 * DAY:
        at = step.until
        times.append(at - OPENS_AT)
        again, facts, step = advance(card, RULES, at, OPEN)
        assert (again, facts) == (card, ())
    assert times[:6] == [minutes * MINUTE for minutes in (10, 20, 40, 80, 160, 320)]
    assert times[6] == 640 * MINUTE
    assert times[7] - times[6] == POLICY.open_tries_recheck_most


def test_a_limit_full_of_declines_is_the_holders_affair():
    full = {"visa": Limited("mastercard_24h", OPENS_AT + 10 * MINUTE)}
    _, facts, _ = advance(given(*NO_GRACE).card, RULES, OPENS_AT, full)
    assert [type(one) for one in facts] == [RenewalStarted, ChargeWithheld]


def test_another_method_is_tried_before_the_card_waits():
    two = given(registered(), bound(VISA), bound(PAYPAL), enabled()).card
    _, facts, _ = advance(two, RULES, OPENS_AT, OPEN)
    assert [type(one) for one in facts] == [RenewalStarted, ChargeWithheld, ChargeAttempted]
    both = OPEN | {"paypal": Limited("retries_30d", OPENS_AT + 10 * DAY)}
    card, facts, _ = advance(two, RULES, OPENS_AT, both)
    assert [type(one) for one in facts] == [RenewalStarted, ChargingBlocked]
    again, facts, step = advance(card, RULES, OPENS_AT + 10 * MINUTE, both)
    assert (again, facts, step.reason) == (card, (), "open_tries")


def test_the_rest_of_a_pass_waits_too():
    two = given(registered(), bound(VISA), bound(PAYPAL), enabled(), *DECLINED[3:-1]).card
    limited = {"paypal": OPEN["visa"]}
    _, facts, step = advance(two, RULES, OPENS_AT, limited)
    assert [type(one) for one in facts] == [ChargingBlocked]
    assert step.reason == "open_tries"


def test_switched_off_while_it_waits_the_time_until_then_counts():
    card, _, _ = waiting()
    at = ENDS_AT + DAY
    off = Given(replay(card, CARD_ID, [switched_off(at=at)]))
    off.at(at).then(fact(DeadlinesMoved, reason="open_tries", by=at - OPENS_AT)).waits(
        ENDS_AT + (at - OPENS_AT), "term_ends"
    )


def test_a_method_that_may_not_be_charged_any_more_ends_the_wait():
    card, _, _ = waiting()
    gone = replace(card, methods=replace(card.methods, ended={"visa": "disputed"}))
    _, facts, _ = advance(gone, RULES, ENDS_AT + DAY)
    assert isinstance(facts[0], DeadlinesMoved)
    assert Suspended not in map(type, facts)


def test_the_operators_stop_goes_on_with_what_waited():
    card, _, _ = waiting()
    at = ENDS_AT + DAY
    stopped, facts, step = advance(card, STOPPED, at)
    assert (stopped, facts, step.reason) == (card, (), "charging_stopped")


def test_a_plan_made_anew_leaves_it_waiting():
    card, _, step = waiting()
    stream = Stream(CARD_ID, card, 5, step.until)
    decided = on_replan("replan", actor("operator", "tests"), RULES, OPENS_AT + MINUTE)(stream, {})
    assert decided.append is None


# The last third


def test_five_cards_on_one_visa_have_a_last_rung_each_and_keep_their_numbers():
    cards = Sharing(5)
    money_from = local("2026-04-04 00:00")
    cards.live(
        local("2026-05-01 00:00"),
        lambda request, at: charges(request, at) if at >= money_from else has_no_money(),
    )
    assert cards.statuses() == ["active"] * 5
    for card_id in cards.ids:
        facts = cards.facts(card_id)
        tried = [one for one in facts if isinstance(one, ChargeAttempted)]
        renewed = next(one for one in facts if isinstance(one, CardRenewed))
        assert [one.last_rung for one in tried if one.at <= renewed.at] == [False, False, False, True]
        assert renewed.at >= local("2026-04-05 10:00")
        (withheld,) = [one for one in facts if isinstance(one, ChargeWithheld)]
        assert (withheld.reason, withheld.last_rung, withheld.at >= local("2026-04-03 10:00")) == (
            "retries_30d",
            False,
            True,
        )
