"""Network limits: each rule at its boundary, in PostgreSQL and in memory."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.declines import NEVER_HAPPENED, NOT_CHARGED, Consequence
from engine.money import Money
from engine.networks import NETWORK_LIMITS, NEVER, OPEN_FOR, Limited
from engine.store.port import Refusals
from engine.store.streams import CommandIdentity, Store, Stream
from tests.engine.engine_calls import paying, wake
from tests.engine.payment_cards import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    TICK,
    YEAR_PRICE,
    append,
    approved,
    contents,
    declined,
    tries,
)
from tests.engine.samples import MONTH_PRICE, PAYPAL, VISA

FULL_OF_OPEN = Limited("mastercard_24h", AT + OPEN_FOR, open_only=True)


def declined_often(happens, often: int, between: timedelta, **what) -> list[ChargeAttempted]:
    """Tries that were declined, the first at AT."""
    made = [tries(AT + number * between, **what) for number in range(often)]
    for attempt in made:
        assert happens(attempt) is None
        assert happens(declined(attempt)) is None
    return made


def test_a_try_of_a_clock_that_was_ahead_makes_no_decline_forgotten(happens):
    declined_often(happens, 15, HOUR, brand="visa", again=True)
    ahead = tries(AT + 33 * DAY, brand="visa", again=True)
    assert happens(ahead) is None
    assert happens(declined(ahead, code=NEVER_HAPPENED)) is None  # the clock was put right before it was sent
    assert happens(tries(AT + 29 * DAY, brand="visa", again=True)) == Limited("retries_30d", AT + 30 * DAY)


# Mastercard


@pytest.mark.parametrize("brand", ["mastercard", "Mastercard", "MASTERCARD"])
def test_a_mastercard_may_be_declined_ten_times_in_a_day(happens, brand):
    declined_often(happens, 10, HOUR, brand=brand)
    assert happens(tries(AT + 10 * HOUR, brand=brand)) == Limited("mastercard_24h", AT + DAY)
    assert happens(tries(AT + DAY - TICK, brand=brand)) == Limited("mastercard_24h", AT + DAY)
    assert happens(tries(AT + DAY, brand=brand)) is None
    assert happens(tries(AT + DAY, brand=brand)) == Limited("mastercard_24h", AT + DAY + OPEN_FOR, open_only=True)


def test_a_decline_counts_from_when_it_came(happens):
    late, *_ = made = [tries() for _ in range(10)]
    for attempt in made:
        assert happens(attempt) is None
    for attempt in made:
        happens(declined(attempt, AT + 5 * HOUR if attempt is late else AT))
    others = [tries(AT + DAY) for _ in range(9)]
    assert [happens(attempt) for attempt in others] == [None] * 9
    for attempt in others:
        happens(declined(attempt))
    assert happens(tries(AT + DAY)) == Limited("mastercard_24h", AT + 5 * HOUR + DAY)


def test_a_mastercard_may_be_declined_thirty_five_times_a_month_for_one_amount(happens):
    declined_often(happens, 35, 3 * HOUR)
    at = AT + 35 * 3 * HOUR
    assert happens(tries(at)) == Limited("mastercard_amount_30d", AT + 30 * DAY)
    assert happens(tries(at, amount=Money(minor=MONTH_PRICE.minor, currency="USD"))) is None
    assert happens(tries(at, amount=YEAR_PRICE)) is None
    assert happens(tries(AT + 30 * DAY)) is None


def test_the_rule_that_lasts_longer_is_the_one_that_is_named(happens):
    declined_often(happens, 25, 3 * HOUR)
    made = [tries(AT + 20 * DAY) for _ in range(10)]
    for attempt in made:
        happens(attempt)
        happens(declined(attempt))
    assert happens(tries(AT + 20 * DAY)) == Limited("mastercard_amount_30d", AT + 30 * DAY)
    assert happens(tries(AT + 20 * DAY, amount=YEAR_PRICE)) == Limited("mastercard_24h", AT + 21 * DAY)


# Visa and all others


@pytest.mark.parametrize("brand", ["visa", "amex", "unionpay", None])
def test_other_networks_cards_may_be_retried_fifteen_times_a_month(happens, brand):
    declined_often(happens, 15, DAY, brand=brand, again=True)
    assert happens(tries(AT + 15 * DAY, brand=brand, again=True)) == Limited("retries_30d", AT + 30 * DAY)
    assert happens(tries(AT + 15 * DAY, brand=brand)) is None
    assert happens(tries(AT + 30 * DAY - TICK, brand=brand, again=True)) == Limited("retries_30d", AT + 30 * DAY)
    assert happens(tries(AT + 30 * DAY, brand=brand, again=True)) is None


def test_first_tries_of_other_networks_cards_are_not_counted_even_if_declined(happens):
    declined_often(happens, 40, MINUTE, brand="visa")
    assert happens(tries(AT + HOUR, brand="visa", again=True)) is None


# Of both


OFTEN = pytest.mark.parametrize(("most", "what"), [(10, {}), (15, {"brand": "visa", "again": True})])
TAKEN_OUT = pytest.mark.parametrize(
    "outcome",
    [approved, lambda one: declined(one, code=NEVER_HAPPENED), lambda one: declined(one, code=NOT_CHARGED)],
    ids=["approved", "never happened", "not charged"],
)


@OFTEN
def test_open_tries_count_and_are_looked_at_again_soon(happens, most, what):
    made = [tries(**what) for _ in range(most)]
    assert [happens(attempt) for attempt in made] == [None] * most
    (limit,) = {limit for limit in NETWORK_LIMITS if limit.most == most}
    assert happens(tries(AT + DAY, **what)) == Limited(limit.name, AT + DAY + OPEN_FOR, open_only=True)
    for attempt in made[1:]:
        happens(declined(attempt, AT + MINUTE))
        assert happens(tries(AT + HOUR, **what)) == Limited(limit.name, AT + HOUR + OPEN_FOR, open_only=True)
    happens(declined(made[0], AT + 2 * MINUTE))
    assert happens(tries(AT + HOUR, **what)) == Limited(limit.name, AT + MINUTE + limit.window)


@pytest.mark.parametrize(("early", "most", "what"), [(7, 10, {}), (10, 15, {"brand": "visa", "again": True})])
def test_the_last_third_of_a_limit_is_kept_for_last_rungs(happens, early, most, what):
    declined_often(happens, early, MINUTE, last_rung=False, **what)
    (limit,) = {limit for limit in NETWORK_LIMITS if limit.most == most}
    assert happens(tries(AT + HOUR, last_rung=False, **what)) == Limited(limit.name, AT + limit.window)
    made = [tries(AT + HOUR, **what) for _ in range(most - early)]
    assert [happens(attempt) for attempt in made] == [None] * len(made)
    assert happens(tries(AT + HOUR, **what)).open_only
    assert not happens(tries(AT + HOUR, last_rung=False, **what)).open_only
    for attempt in made:
        happens(declined(attempt))
    assert happens(tries(AT + HOUR, **what)) == Limited(limit.name, AT + limit.window)


def test_of_thirty_five_a_third_is_rounded_down(happens):
    declined_often(happens, 24, 4 * HOUR, last_rung=False)
    early = happens(tries(AT + 24 * 4 * HOUR, last_rung=False))
    assert early == Limited("mastercard_amount_30d", AT + 30 * DAY)
    assert happens(tries(AT + 24 * 4 * HOUR)) is None


def test_a_limit_that_declines_have_filled_goes_before_one_that_is_full_of_open_tries(happens):
    declined_often(happens, 35, 3 * HOUR)
    at = AT + 20 * DAY
    made = [tries(at, amount=YEAR_PRICE) for _ in range(10)]
    assert [happens(attempt) for attempt in made] == [None] * 10
    assert happens(tries(at)) == Limited("mastercard_amount_30d", AT + 30 * DAY)
    assert happens(tries(at, amount=YEAR_PRICE)) == Limited("mastercard_24h", at + OPEN_FOR, open_only=True)


@OFTEN
@TAKEN_OUT
@pytest.mark.parametrize("answered", [False, True], ids=["while open", "after a decline"])
def test_an_outcome_other_than_a_decline_frees_one_try_and_resets_nothing_else(happens, most, what, outcome, answered):
    made = [tries(**what) for _ in range(most)]
    for attempt in made:
        happens(attempt)
        if answered:
            happens(declined(attempt))
    assert happens(tries(**what)) is not None
    assert happens(outcome(made[3])) is None
    assert happens(tries(**what)) is None
    assert happens(tries(**what)) is not None


@OFTEN
def test_each_payment_card_has_its_own_limit_and_what_has_no_fingerprint_has_none(happens, most, what):
    declined_often(happens, most, TICK, **what)
    assert happens(tries(**what)) is not None
    assert happens(tries(fingerprint="another", **what)) is None
    assert [happens(tries(fingerprint=None, **what)) for _ in range(50)] == [None] * 50


@OFTEN
def test_an_outcome_in_the_same_append_comes_before_the_next_try(happens, most, what):
    made = [tries(**what) for _ in range(most)]
    for attempt in made:
        happens(attempt)
    assert happens(declined(made[0]), tries(**what)) is not None
    assert happens(declined(made[0], code=NEVER_HAPPENED), tries(**what)) is None


# Never


@pytest.mark.parametrize("what", [{}, {"brand": "visa"}, {"brand": "visa", "again": True}])
def test_a_code_that_says_never_blocks_the_payment_card_for_every_card_for_ever(happens, what):
    stolen = tries(**what)
    happens(stolen)
    happens(declined(stolen, code="stolen_card", consequence=Consequence.NEVER))
    assert happens(tries(AT + 4000 * DAY, **what)) == Limited(NEVER, None)
    assert happens(tries(AT + 4000 * DAY, fingerprint="another", **what)) is None
    assert happens(tries(AT + 4000 * DAY, fingerprint=None, **what)) is None


def test_an_append_cannot_block_a_payment_card_and_try_it(happens):
    stolen = tries(brand="visa")
    happens(stolen)
    never = declined(stolen, code="stolen_card", consequence=Consequence.NEVER)
    assert happens(never, tries(brand="visa")) == Limited(NEVER, None)
    assert happens(tries(brand="visa")) is None  # nothing of it was written
    assert happens(never) is None
    assert happens(tries(brand="visa")) == Limited(NEVER, None)


def test_a_try_that_is_stored_with_its_outcome_is_not_checked(happens):
    made = [tries() for _ in range(10)]
    assert happens(*[fact for attempt in made for fact in (attempt, declined(attempt))]) is None
    assert happens(*[fact for attempt in made for fact in (attempt, approved(attempt))]) is None
    assert happens(tries(AT + HOUR)) == Limited("mastercard_24h", AT + DAY)


# Whole cards


def test_two_cards_of_one_batch_that_share_a_payment_card_see_each_other(store):
    batch = [append(tries()) for _ in range(12)]
    answers = store.append_many(batch)
    assert answers.conflicts == frozenset()
    assert answers.limited == dict.fromkeys([one.stream.card_id for one in batch[10:]], FULL_OF_OPEN)
    assert [len(store.history(one.stream.card_id)) for one in batch] == [1] * 10 + [0] * 2


def test_a_block_holds_for_those_that_come_after_it_in_the_batch(store):
    stolen = tries(brand="visa")
    before, after = append(tries(brand="visa")), append(tries(brand="visa"))
    never = append(declined(stolen, code="stolen_card", consequence=Consequence.NEVER))
    other = append(tries(fingerprint="other"))
    answers = store.append_many([before, never, after, other])
    assert answers == Refusals(frozenset(), {after.stream.card_id: Limited(NEVER, None)})
    assert [len(store.history(one.stream.card_id)) for one in (before, never, after, other)] == [1, 1, 0, 1]


def test_a_card_that_may_not_try_a_method_tries_its_next_one_in_the_same_step(engine, store):
    mastercard = replace(VISA, method_id="master", brand="mastercard", fingerprint="fp")
    cards = paying(engine, 11, mastercard, PAYPAL)
    settled = wake(engine, *cards)
    assert (settled.failed, len(settled.questions)) == ({}, 11)
    tried = {question.request.card_id: question.request.token for question in settled.questions}
    assert Counter(tried.values()) == {mastercard.token: 7, PAYPAL.token: 4}
    last = next(card_id for card_id, token in tried.items() if token == PAYPAL.token)
    *_, withheld, attempted = [one.fact for one in store.history(last)]
    assert isinstance(withheld, ChargeWithheld)
    assert (withheld.method_id, withheld.reason) == ("master", "mastercard_24h")
    assert attempted.method_id == "paypal"


def test_of_a_limited_card_nothing_is_stored(store, connection):
    earlier = tries(fingerprint="another")
    card = append(earlier)
    store.append_many([card, *[append(tries()) for _ in range(10)]])
    before = contents(connection)
    stream = Stream(card.stream.card_id, None, 1, None)
    outcome = declined(earlier, code="stolen_card", consequence=Consequence.NEVER)
    enough_for_a_snapshot = [declined(earlier)] * 8
    asked = append(outcome, *enough_for_a_snapshot, tries(), stream=stream, command=CommandIdentity("command", b"hash"))
    assert store.append_many([asked]).limited == {stream.card_id: FULL_OF_OPEN}
    assert contents(connection) == before
    assert store.accepted_commands(["command"]) == {}


def test_of_a_card_in_conflict_nothing_is_written(store, connection):
    earlier = tries()
    card = append(earlier)
    store.append_many([card])
    before = contents(connection)
    never = declined(earlier, code="stolen_card", consequence=Consequence.NEVER)
    asked = append(approved(earlier), tries(), never, stream=card.stream)
    assert store.append_many([asked]) == Refusals(frozenset({card.stream.card_id}), {})
    assert contents(connection) == before


def test_of_concurrent_tries_as_many_are_stored_as_the_limit_allows(new_recorder):
    writers, each = 5, 8
    stores = [Store(new_recorder()) for _ in range(writers)]

    def write(store: Store) -> int:
        return sum(not store.append_many([append(tries())]).limited for _ in range(each))

    with ThreadPoolExecutor(writers) as pool:
        assert sum(pool.map(write, stores)) == 10
