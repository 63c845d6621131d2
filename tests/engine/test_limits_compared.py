"""Network limits in PostgreSQL and in memory compared over random batches, and a rebuild gives the same rows."""

from collections import Counter, defaultdict
from typing import NamedTuple
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted
from engine.card.decline import ChargeFailed
from engine.card.limits import effects_of
from engine.card.payments import ChargeSucceeded
from engine.declines import NEVER_HAPPENED, Consequence
from engine.money import Money
from engine.networks import KEPT, LimitBook
from engine.operations import ChargingStopped
from engine.store.limits_rebuild import rebuild_limits
from engine.store.operations import record_operation
from engine.store.streams import Append, Stream
from tests.engine.payment_cards import (
    AT,
    DAY,
    HOUR,
    MINUTE,
    TABLES,
    TICK,
    YEAR_PRICE,
    append,
    approved,
    declined,
    limit_rows,
    tries,
)
from tests.engine.samples import MONTH_PRICE


def rows_of(book: LimitBook) -> tuple[set, set]:
    rows = {
        (one.attempt_id, one.fingerprint, f"{one.amount.currency} {one.amount.minor}", one.declined_at)
        for one in book.tries
    }
    return rows, set((book.delayed | dict.fromkeys(book.blocked)).items())


class Does(NamedTuple):
    """What a card does in a batch; the outcome of its last attempt may come late, or twice."""

    outcome: str | None
    method: tuple[str, str] | None
    again: bool
    last_rung: bool
    amount: Money
    stale: bool


METHODS = [
    *[("m-1", "Mastercard")] * 3,
    ("m-2", "mastercard"),
    *[("v-1", "visa")] * 3,
    ("v-2", None),
    None,
    ("m-3", "mastercard"),
]
does = st.builds(
    Does,
    outcome=st.sampled_from(
        [*["declined"] * 50, *["approved"] * 3, *["never_happened"] * 3, *[None] * 6, "never", "advice", "advice"]
    ),
    method=st.sampled_from(METHODS),
    again=st.sampled_from([True, True, True, False]),
    last_rung=st.booleans(),
    amount=st.sampled_from([MONTH_PRICE, MONTH_PRICE, MONTH_PRICE, YEAR_PRICE]),
    stale=st.sampled_from([False] * 15 + [True]),
)
batches = st.lists(
    st.tuples(
        st.sampled_from([MINUTE, 3 * HOUR, 9 * HOUR, 23 * HOUR, DAY, 2 * DAY, 16 * DAY]),
        st.lists(does, min_size=6, max_size=12),
    ),
    min_size=6,
    max_size=20,
)


class Cards:
    """Twelve cards, as a caller who obeys the answers sees them."""

    def __init__(self) -> None:
        self.ids = [uuid4() for _ in range(12)]
        self.versions: Counter[int] = Counter()
        self.last: dict[int, ChargeAttempted] = {}
        self.facts: list[ChargeAttempted | ChargeFailed | ChargeSucceeded] = []

    def wants(self, card: int, what: Does, at) -> Append:
        last, facts = self.last.get(card), []
        if last is not None and what.outcome is not None:
            facts.append(self.outcome(last, what.outcome, at))
        if what.method is not None:
            facts.append(tries(at, *what.method, what.amount, again=what.again, last_rung=what.last_rung))
        version = max(self.versions[card] - what.stale, 0)
        return append(*facts, stream=Stream(self.ids[card], None, version, None))

    def outcome(self, attempt, name, at):
        if name == "approved":
            return replace(approved(attempt), at=at)
        if name == "never":
            return declined(attempt, at, "stolen_card", Consequence.NEVER)
        if name == "advice":
            return replace(declined(attempt, at), not_before=at + 8 * DAY)
        return declined(attempt, at, NEVER_HAPPENED if name == "never_happened" else "do_not_honor")

    def stored(self, card: int, asked: Append) -> None:
        self.versions[card] += len(asked.facts)
        self.facts += asked.facts
        for fact in asked.facts:
            if isinstance(fact, ChargeAttempted):
                self.last[card] = fact

    def declines(self) -> dict[str, list]:
        """When each Mastercard was declined, as far as it stayed so."""
        attempts = {fact.attempt_id: fact for fact in self.facts if isinstance(fact, ChargeAttempted)}
        ended: dict[UUID, ChargeFailed | ChargeSucceeded] = {}
        for fact in self.facts:
            if not isinstance(fact, ChargeAttempted) and (fact.attempt_id not in ended or is_nothing(fact)):
                ended[fact.attempt_id] = fact
        times = defaultdict(list)
        for attempt_id, end in ended.items():
            attempt = attempts[attempt_id]
            if attempt.fingerprint.startswith("m") and not is_nothing(end):
                times[attempt.fingerprint].append(end.at)
        return times


def is_nothing(fact) -> bool:
    return isinstance(fact, ChargeSucceeded) or (isinstance(fact, ChargeFailed) and fact.code == NEVER_HAPPENED)


def compare(store, connection, batches) -> None:
    connection.execute("SET session_replication_role = replica")  # past the triggers: each example starts empty
    connection.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY")
    book, cards, at = LimitBook(), Cards(), AT
    for passed, together in batches:
        at += passed
        asked = [cards.wants(card, what, at) for card, what in enumerate(together)]
        answers = store.append_many(asked)
        expected = {}
        for card, one in enumerate(asked):
            card_id = one.stream.card_id
            if card_id in answers.conflicts:
                assert together[card].stale
                continue
            limited = book.append(effects_of(card_id, one.facts))
            if limited is None:
                cards.stored(card, one)
            else:
                expected[card_id] = limited
                event(limited.rule)
        assert answers.limited == expected
        assert limit_rows(connection) == rows_of(book)
    for times in cards.declines().values():
        assert all(later - earlier >= DAY for earlier, later in zip(sorted(times), sorted(times)[10:], strict=False))
    before = limit_rows(connection)
    connection.execute("DELETE FROM card_events_tries WHERE declined_at = 'infinity'")
    assert rebuild_limits(connection) == len(before[0])
    assert limit_rows(connection) == before


def comparisons(number: int) -> settings:
    """Without shrinking: a failing batch is readable as it is."""
    return settings(
        max_examples=number,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@comparisons(20)
@given(batches=batches)
def test_postgresql_and_memory_limit_the_same_appends_and_a_rebuild_gives_the_same_rows(store, connection, batches):
    compare(store, connection, batches)


@pytest.mark.slow
@comparisons(60)
@given(batches=batches)
def test_they_do_so_in_more_histories(store, connection, batches):
    compare(store, connection, batches)


def test_a_rebuild_takes_appends_as_they_were_stored(store, connection):
    first = tries()
    later = tries(AT + 40 * DAY)
    for facts in ((first,), (declined(first),), (later, approved(later))):
        assert not store.append_many([append(*facts)]).limited
    before = limit_rows(connection)
    assert {row[0] for row in before[0]} == {
        first.attempt_id
    }  # nothing that counts came, so nothing was no_older_charge
    rebuild_limits(connection)
    assert limit_rows(connection) == before


def test_a_rebuild_skips_facts_of_operations(store, recorder, connection):
    store.append_many([append(tries())])
    before = limit_rows(connection)
    stop = (ChargingStopped(reason="a bad night", at=AT),)
    record_operation(recorder, lambda _: stop, actor="operator:cli", cause="test")
    assert rebuild_limits(connection) == 1
    assert limit_rows(connection) == before


def test_a_decline_older_than_any_window_is_forgotten_in_both_when_its_payment_card_is_tried_again(store, connection):
    book = LimitBook()

    def remembered(*facts) -> set[UUID]:
        asked = append(*facts)
        assert not store.append_many([asked]).limited
        assert book.append(effects_of(asked.stream.card_id, facts)) is None
        assert limit_rows(connection) == rows_of(book)
        return {one.attempt_id for one in book.tries}

    first, soon, late = tries(), tries(AT + KEPT - TICK), tries(AT + KEPT)
    assert remembered(first) == remembered(declined(first)) == {first.attempt_id}
    assert remembered(soon) == {first.attempt_id, soon.attempt_id}
    assert remembered(late) == {soon.attempt_id, late.attempt_id}


def test_advice_that_ended_long_ago_is_forgotten_in_both_when_its_payment_card_is_tried_again(store, connection):
    book = LimitBook()

    def delayed(*facts) -> bool:
        asked = append(*facts)
        assert not store.append_many([asked]).limited
        assert book.append(effects_of(asked.stream.card_id, facts)) is None
        assert limit_rows(connection) == rows_of(book)
        return bool(book.delayed)

    first = tries()
    assert not delayed(first)
    assert delayed(replace(declined(first), not_before=AT + DAY))
    assert delayed(tries(AT + DAY + KEPT - TICK))
    assert not delayed(tries(AT + DAY + KEPT))
