"""What would have become of a card by other rules: recorded answers count, and what is never stays never."""

from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from engine.card.attempt import CaseOpened, ChargeAttempted, ChargeOutcomeUnknown
from engine.card.consent import AutoRenewEnabled
from engine.card.custody import CardRegistered
from engine.card.lapse import confirm_reclaim
from engine.card.methods import PaymentMethodBound, PaymentMethodUpdated
from engine.card.refunds import RefundStarted
from engine.card.top_ups import top_up
from engine.networks import LimitBook
from engine.operations import PaymentCardAllowed
from engine.ports import Unclear
from projections.whatif.figures import Figures
from projections.whatif.given import prices_of
from projections.whatif.histories import Given
from projections.whatif.replay import replay
from tests.engine.samples import (
    CATALOGUE,
    DEBIT,
    FIVE,
    OPENS_AT,
    RULES,
    TWO_VERSIONS,
    VISA,
    VISA_AGAIN,
    bound,
    enabled,
    local,
    registered,
)
from tests.projections.whatif.lives import SINCE, UNTIL, Life, by_ladder, past_of, replayed

FEW = by_ladder(1)
"""A rung on the day after the first failure, and the one on the last day."""
FUNDS = "insufficient_funds"


def always(_):
    return FUNDS


def never(_):
    return "lost_card"


def good(_):
    return None


def good_on(day):
    return lambda at: None if at.date() == local(f"{day} 10:00").date() else FUNDS


def outcome(figures: Figures):
    return figures.renewed, figures.suspended, figures.lost


def test_the_same_rules_give_what_happened():
    for says in (good, always, never, good_on("2026-04-03")):
        past = past_of(Life().until(UNTIL, says).facts)
        course = replayed(past, RULES)
        happened, replayed_figures = past.happened, course.figures
        assert outcome(replayed_figures) == outcome(happened)
        assert replayed_figures.attempts == happened.attempts
        assert replayed_figures.charged == happened.charged
        assert replayed_figures.recovered_by == happened.recovered_by
        assert course.sources.keys() <= {"recorded"}


def test_a_later_rung_recovers_what_was_lost_where_the_issuer_paid_on_its_day():
    life = Life(rules=FEW).until(local("2026-04-10 15:00"), always)
    life.decides(top_up, RULES, amount=FIVE, at=local("2026-04-10 15:00"))
    past = past_of(life.until(UNTIL, good_on("2026-04-10")).facts)
    assert outcome(past.happened) == (0, 1, 1)
    other = replayed(past, by_ladder(1, 12))
    assert other.figures.lost == 0
    assert other.figures.recovered_by == {"rung 3": 1}
    assert outcome(replayed(past, FEW).figures) == (0, 1, 1)


def test_a_shorter_ladder_loses_what_a_rung_had_recovered():
    past = past_of(Life().until(UNTIL, good_on("2026-04-03")).facts)
    assert (past.happened.recovered, past.happened.lost) == (1, 0)
    other = replayed(past, FEW)
    assert (other.figures.recovered, other.figures.lost) == (0, 1)
    assert other.sources == {"recorded": 3}


def test_never_stays_never_also_on_another_day():
    past = past_of(Life().until(UNTIL, never).facts)
    for seed in range(20):
        course = replayed(past, by_ladder(1, 2, 3, lead_days=2), seed)
        assert course.figures.renewed == 0
        assert course.sources == {"recorded": 1}


def test_another_token_in_its_place_is_asked_anew():
    life = Life().until(local("2026-04-05 12:00"), never)
    another = replace(VISA_AGAIN, fingerprint="fp-other")
    life.does((PaymentMethodUpdated(method=another, at=local("2026-04-05 12:00")),))
    past = past_of(life.until(UNTIL, good).facts)
    course = replayed(past, by_ladder(1, lead_days=2))
    assert course.figures.recovered_by == past.happened.recovered_by == {"the holder": 1}


def test_a_first_try_on_another_day_is_paid_as_the_real_one_was():
    life = Life().until(local("2026-05-20 00:00"), good)
    course = replayed(past_of(life.facts), by_ladder(1, lead_days=5))
    assert course.sources == {"inferred": course.figures.attempts}
    assert course.figures.declined == 0


def test_the_same_seed_gives_the_same_figures():
    lives = [Life().until(UNTIL, good_on(f"2026-04-0{day}")).facts for day in range(1, 8)]
    past = past_of(*lives)
    rules = by_ladder(2, 4, 6, lead_days=4)
    assert replayed(past, rules) == replayed(past, rules)
    assert any(replayed(past, rules, seed) != replayed(past, rules) for seed in range(2, 10))


def test_cards_with_one_payment_card_share_its_limits():
    daily = by_ladder(*range(1, 31), then_every=1)
    facts = Life(registered(), bound(VISA), enabled()).until(UNTIL, always).facts
    shared = replayed(past_of(facts, facts), daily)
    other = replace(VISA, fingerprint="fp-other")
    apart = replayed(past_of(facts, Life(registered(), bound(other), enabled()).until(UNTIL, always).facts), daily)
    [limit] = [one for one in shared.figures.headroom() if one.rule == "retries_30d"]
    assert (limit.payment_cards, limit.least_left, limit.last_third, limit.full) == (1, 5, 1, 0)  # kept for last rungs
    assert shared.figures.declines < apart.figures.declines
    assert shared.figures.withheld > 0


def test_what_was_tried_before_counts_for_the_limits():
    life = Life(rules=by_ladder(*range(1, 31), then_every=1)).until(UNTIL, always)
    since = local("2026-04-08 00:00")
    past = past_of(life.facts, since=since)
    book = past.limit_book()
    assert isinstance(book, LimitBook)
    assert len(book.tries) == 9
    course = replayed(past, by_ladder(1, then_every=1))
    assert course.figures.attempts <= 6
    [limit] = [one for one in course.figures.headroom() if one.rule == "retries_30d"]
    assert (limit.least_left, limit.last_third) == (4, 1)  # ten, and the last rung


def test_room_under_the_limits_is_that_of_the_days_that_are_replayed():
    life = Life(rules=by_ladder(*range(1, 31), then_every=1)).until(local("2026-04-06 00:00"), always)
    facts = life.until(UNTIL, good).facts
    early, late = past_of(facts), past_of(facts, since=local("2026-04-20 00:00"))
    assert [one.payment_cards for one in early.happened.headroom() if one.rule == "retries_30d"] == [1]
    assert [one.payment_cards for one in late.happened.headroom() if one.rule == "retries_30d"] == [0]


def test_an_outcome_that_was_unknown_for_long_is_so_again():
    life = Life().until(OPENS_AT, good)
    life.question = None
    life.wakes(OPENS_AT)
    life.answered(Unclear(reason="timeout"), timedelta(0))
    life.wakes(life.wake_at)
    life.paid(timedelta(0))
    past = past_of(life.until(UNTIL, good).facts)
    course = replayed(past, RULES)
    assert sum(isinstance(one, ChargeOutcomeUnknown) for one in life.facts) == 1
    assert (course.figures.renewed, course.figures.attempts) == (past.happened.renewed, past.happened.attempts)


def test_charging_that_was_stopped_is_stopped_again():
    past = past_of(Life().until(UNTIL, good).facts)
    stop = OPENS_AT - timedelta(days=1), OPENS_AT + timedelta(days=2)
    stopped = replace_operators(past, Given(stops=(stop,)))
    assert replayed(stopped, RULES).figures.suspended == 0
    assert replayed(stopped, RULES).sources["recorded"] < replayed(past, RULES).figures.attempts


def replace_operators(past, operators):
    return type(past)(**vars(past) | {"operators": operators})


def test_what_cannot_be_replayed_is_left_out_and_counted():
    facts = Life().until(UNTIL, good).facts
    case = CaseOpened(about=UUID(int=1), reason="unknown", at=UNTIL - timedelta(days=1))
    past = past_of([*facts, case], facts, facts[1:], [])
    assert past.left_out == {
        "a person looked into them": 1,
        "their facts make no card": 1,
        "registered after the days that are replayed": 1,
    }
    assert past.happened.renewed == past_of(facts).happened.renewed


def test_a_refund_of_a_charge_that_was_not_made_does_not_fit():
    life = Life().until(UNTIL, good)
    attempt = next(one for one in life.facts if isinstance(one, ChargeAttempted))
    back = RefundStarted(
        refund_id=UUID(int=9),
        attempt_id=attempt.attempt_id,
        gateway_ref="ref",
        amount=attempt.amount,
        reason="operator",
        at=UNTIL - timedelta(days=1),
    )
    past = past_of([*life.facts, back])
    assert replayed(past, RULES).figures.refunded == {"CNY": attempt.amount.minor}
    declined = past_of([*Life().until(UNTIL, never).facts, back])
    course = replayed(declined, RULES)
    assert (course.misfits, course.figures.refunded) == ({"refund started": 1}, {})


def test_a_payment_card_that_was_allowed_again_is_so_at_its_time():
    life = Life().until(UNTIL, never)
    allowed = PaymentCardAllowed(fingerprint="fp-visa", reason="good", at=OPENS_AT + timedelta(days=1))
    past = replace_operators(past_of(life.facts), Given(allowed=(allowed,)))
    assert outcome(replayed(past, RULES).figures) == outcome(past.happened)


def test_another_price_is_charged_once_it_could_be_announced():
    until = local("2026-08-20 00:00")
    past = past_of(Life().until(until, good).facts, until=until)
    prices = prices_of(TWO_VERSIONS.catalogue, CATALOGUE, SINCE)
    assert prices is not None
    dearer = replay(past, TWO_VERSIONS, prices)
    renewed = past.happened.renewed
    assert dearer.figures.renewed == renewed == 5
    assert dearer.figures.charged == {"CNY": 3 * 1500 + 2 * 3000}  # for what opens from 1 June on
    assert past.happened.charged == {"CNY": 5 * 1500}
    assert prices_of(CATALOGUE, CATALOGUE, SINCE) is None


def test_an_edited_price_in_force_is_announced_on_the_first_day():
    content = CATALOGUE.model_dump()
    content["versions"][0]["prices"]["keep-short"]["CNY"] = 450
    cheap = type(CATALOGUE).model_validate(content)
    until = local("2026-08-20 00:00")
    facts = Life().until(until, good).facts
    since = local("2026-05-10 00:00")
    past = past_of(facts, since=since, until=until)
    course = replay(past, replace(RULES, catalogue=cheap), prices_of(cheap, CATALOGUE, since))
    assert course.figures.charged == {"CNY": 450 * past.happened.renewed}


def test_a_card_that_is_registered_later_agrees_at_the_other_prices():
    past = past_of(Life().until(UNTIL, good).facts)
    kinds = [type(one) for one in past.histories[0].given]
    assert kinds == [CardRegistered, PaymentMethodBound, AutoRenewEnabled]
    content = CATALOGUE.model_dump()
    content["versions"][0]["prices"]["keep-short"]["CNY"] = 700
    cheap = type(CATALOGUE).model_validate(content)
    course = replay(past, replace(RULES, catalogue=cheap), prices_of(cheap, CATALOGUE, SINCE))
    assert course.figures.charged == {"CNY": 700 * past.happened.renewed}


def test_a_second_method_goes_on_as_it_did():
    life = Life(registered(), bound(VISA), bound(DEBIT), enabled())
    past = past_of(life.until(UNTIL, lambda at: None if at.minute or at.second else FUNDS).facts)
    assert outcome(replayed(past, RULES).figures) == outcome(past.happened)


def test_a_number_that_the_carrier_took_is_taken_again_unless_it_is_paid_now():
    paid = Life().until(local("2026-04-20 00:00"), good)
    paid.decides(confirm_reclaim, RULES.policy, at=local("2026-04-20 00:00"))
    past = past_of(paid.facts)
    assert outcome(replayed(past, FEW).figures) == outcome(past.happened) == (1, 0, 1)
    unpaid = Life(rules=FEW).until(local("2026-04-10 15:00"), always)
    unpaid.decides(top_up, RULES, amount=FIVE, at=local("2026-04-10 15:00"))
    unpaid.until(local("2026-04-20 00:00"), good_on("2026-04-10"))
    unpaid.decides(confirm_reclaim, RULES.policy, at=local("2026-04-20 00:00"))
    past = past_of(unpaid.facts)
    assert replayed(past, FEW).figures.lost == past.happened.lost == 1
    other = replayed(past, by_ladder(1, 12))
    assert (other.figures.lost, other.misfits) == (0, {"number reclaimed": 1})
