"""Cards with a history, for the benchmark: the engine makes that of one card of each kind, the others are copies.

A card of n facts was registered, got two payment methods and auto-renewal (4 facts; 5 if its holder then chose
another period), and was renewed every month since, 5 facts each: `ReminderDue`, a week later `RenewalStarted,
ChargeAttempted`, then `ChargeSucceeded, CardRenewed`; the last fact is the reminder of the charge to come. So
21 = 5 + 3 x 5 + 1, 300 = 4 + 59 x 5 + 1, and 5 facts are a card that was never due.

Each fact and snapshot is as the engine would have stored it, but a card's history is written in one append: half
written, it would be due, and the running system would charge it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from uuid import UUID

from dateutil.relativedelta import relativedelta
from msgspec.structs import replace

from adapters.cli.demo.population import card_id_of
from engine.actor import actor
from engine.application import Engine
from engine.card.card import STATE_VERSION
from engine.card.methods import PaymentMethod
from engine.card.next import next_step, wakes_at
from engine.catalogue import Catalogue, Period
from engine.commands import BindPaymentMethod, Command, EnableAutoRenew, Issued, RegisterCard
from engine.errors import BaohaoError
from engine.ports import Charged, ChargeRequest
from engine.rules import Rules
from engine.store.port import Snapshot, StoredFact, Write
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import CHECKSUM_BYTES, Store, Stream, with_checksum

KINDS: tuple[tuple[str, str, str], ...] = (
    ("America/Sao_Paulo", "CNY", "keep-basic"),
    ("America/Puerto_Rico", "EUR", "keep-plus"),
    ("America/New_York", "USD", "keep-us"),
    ("America/Bogota", "EUR", "keep-short"),
    ("America/Halifax", "USD", "keep-plus"),
)
"""Zone, currency and plan; all differ from UTC by whole hours, so that copies differ in minutes and seconds, and
little from one another, so that the charge hour is over for all of them at about the same time."""

RENEWAL_FACTS = 5
LAST_FACTS = 1
"""The reminder of the charge to come."""
REMINDED_BEFORE = timedelta(days=7)
OPENING_FACTS = 4
CARDS_AT_ONCE = 256
FACTS_AT_ONCE = 4096
DUE_BEFORE_END = timedelta(days=3)
"""The clock is moved to this day before the terms end: a few hours after the renewals opened, so that none is late."""
NAME, NAME_MARK = "original", b"original"
"""The part of names that is replaced by the number of the copy."""

BENCH = actor("system", "bench")

Watch = Callable[[int], None]
"""Called with the number of facts written."""


@dataclass(frozen=True)
class Cohort:
    """Cards with equally long histories that come due at the same time."""

    seed: int
    cards: int
    facts: int
    due: datetime
    """When they come due: 17:00 UTC, after the charge hour in all their zones."""
    months: Period = 1
    token: str | None = None
    """Of the method that is charged; None: one of the simulated gateway's."""

    @property
    def renewals(self) -> int:
        """How often each was renewed before."""
        return (self.facts - OPENING_FACTS - LAST_FACTS) // RENEWAL_FACTS

    def ids(self) -> list[UUID]:
        """The ids of its cards."""
        return [card_id_of(self.seed, number) for number in range(self.cards)]


class _Text(NamedTuple):
    """A stored state cut at its marks: text, mark, text, mark, …, text."""

    version: int
    topic: str
    pieces: list[bytes]


class _Original(NamedTuple):
    card_id: UUID
    facts: list[_Text]
    snapshot: _Text | None


def seed(database_url: str, rules: Rules, cohort: Cohort, watch: Watch) -> None:
    """Write the cohort's facts and snapshots; raises BaohaoError for a copy that the engine would not have written."""
    with closing(datastore(database_url, pool_size=1)) as store:
        recorder = CardRecorder(store)
        originals = _originals(CardRecorder(store, events_table_name="bench_originals"), rules, cohort)
        ids = cohort.ids()
        for numbers in _batches(cohort):
            writes = [_copy(originals[number % len(KINDS)], ids[number], number) for number in numbers]
            if recorder.append_many(writes).conflicts:
                raise BaohaoError("somebody else wrote to the new cards")
            watch(sum(len(write.facts) for write in writes))
        _check(Store(recorder), ids[: len(KINDS)], rules, cohort)


def _originals(recorder: CardRecorder, rules: Rules, cohort: Cohort) -> list[_Original]:
    """One card of each kind, written by the engine into a table of its own."""
    recorder.create_table()
    store = Store(recorder)
    engine = Engine(store, BENCH)
    rules = replace(rules, catalogue=_always_in_force(rules.catalogue))
    return [_original(recorder, store, engine, rules, cohort, kind) for kind in range(len(KINDS))]


def _always_in_force(catalogue: Catalogue) -> Catalogue:
    """The same prices, in force since before any card's history."""
    content = catalogue.model_dump()
    content["versions"][0]["effective_on"] = date(2000, 1, 1)
    return Catalogue.model_validate(content)


def _original(
    recorder: CardRecorder, store: Store, engine: Engine, rules: Rules, cohort: Cohort, kind: int
) -> _Original:
    card_id = card_id_of(cohort.seed, -1 - kind)
    _make_history(engine, rules, cohort, card_id, kind)
    stream = store.load_many([card_id])[card_id]
    if not isinstance(stream, Stream) or stream.version != cohort.facts:
        raise BaohaoError(f"a card of {cohort.facts} facts cannot be made: {stream}")
    marks = _marks(card_id)
    facts = [_Text(fact.version, fact.topic, marks.split(fact.state)) for fact in recorder.read_stream(card_id)]
    (tail,) = recorder.load_many([card_id], STATE_VERSION)
    snapshot = None
    if tail.snapshot is not None:
        snapshot = _Text(tail.snapshot.version, "", marks.split(tail.snapshot.state[CHECKSUM_BYTES:]))
    return _Original(card_id, facts, snapshot)


def _make_history(engine: Engine, rules: Rules, cohort: Cohort, card_id: UUID, kind: int) -> None:
    """Make the history of a card by the real steps; the gateway always charges."""
    dues = [cohort.due - relativedelta(months=months) for months in range(cohort.renewals, 0, -1)]
    starts_on = ([*dues, cohort.due][0] + DUE_BEFORE_END).date() - relativedelta(months=cohort.months)
    began = datetime.combine(starts_on, time(12), cohort.due.tzinfo)
    for answer in engine.execute(
        [Issued(one, BENCH) for one in _opening(cohort, card_id, kind, starts_on)], rules, began
    ):
        if isinstance(answer, Exception):
            raise answer
    for number, at in enumerate(dues):
        version = cohort.facts - LAST_FACTS - RENEWAL_FACTS * (cohort.renewals - number)
        engine.wake({card_id: f"{card_id}.{version}.1"}, rules, at - REMINDED_BEFORE)
        message_id = f"{card_id}.{version + 1}.1"
        for question in engine.wake({card_id: message_id}, rules, at).questions:
            request = question.request
            assert isinstance(request, ChargeRequest)
            paid = Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref=f"sim_{NAME}_{number}")
            engine.record([(question, paid)], rules, at)
    engine.wake({card_id: f"{card_id}.{cohort.facts - LAST_FACTS}.1"}, rules, cohort.due - REMINDED_BEFORE)


def _opening(cohort: Cohort, card_id: UUID, kind: int, starts_on: object) -> list[Command]:
    zone, currency, plan = KINDS[kind]
    periods: list[Period] = [cohort.months]
    if (cohort.facts - OPENING_FACTS - LAST_FACTS) % RENEWAL_FACTS:
        periods = [12 if cohort.months == 1 else 1, cohort.months]
    register = {
        "holder_id": f"holder-{NAME}",
        "plan": plan,
        "currency": currency,
        "zone": zone,
        "starts_on": starts_on,
        "months": cohort.months,
    }
    methods = (
        PaymentMethod(
            method_id="pm-1",
            kind="credit_card",
            token=cohort.token or f"sim:good:{NAME}-1",
            brand="visa",
            last4="4242",
            fingerprint=f"fp-{NAME}-1",
        ),
        PaymentMethod(method_id="pm-2", kind="e_wallet", token=f"sim:good:{NAME}-2"),
    )
    return [
        RegisterCard.model_validate({"command_id": f"register-{card_id}", "card_id": card_id, **register}),
        *(BindPaymentMethod(command_id=f"bind-{m.method_id}-{card_id}", card_id=card_id, method=m) for m in methods),
        *(
            EnableAutoRenew(
                command_id=f"enable-{n}-{card_id}", card_id=card_id, months=n, terms_version="2026-11", channel="web"
            )
            for n in periods
        ),
    ]


def _marks(card_id: UUID) -> re.Pattern[bytes]:
    """What differs between copies: every id, names, and the minute and second at which the card is charged."""
    uuid = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    return re.compile(b"|".join((rb"(" + uuid, NAME_MARK, _charged_at(card_id) + rb")")))


def _charged_at(card_id: UUID) -> bytes:
    """Charges are spread over an hour by card id."""
    minutes, seconds = divmod(card_id.int % 3600, 60)
    return f":{minutes:02}:{seconds:02}Z".encode()


def _copy(original: _Original, card_id: UUID, number: int) -> Write:
    """The original's history as another card's: each id differs from the original's as the card's own id does."""
    difference = original.card_id.int ^ card_id.int  # keeps version and variant, which both have
    charged_at, name = _charged_at(card_id), f"{number:07}".encode()

    def copied(pieces: Sequence[bytes]) -> bytes:
        texts = list(pieces)
        for index in range(1, len(texts), 2):
            mark = texts[index]
            if mark[0] == ord(":"):
                texts[index] = charged_at
            elif mark == NAME_MARK:
                texts[index] = name
            else:
                texts[index] = str(UUID(int=int(mark.replace(b"-", b""), 16) ^ difference)).encode()
        return b"".join(texts)

    events = [StoredFact(card_id, fact.version, fact.topic, copied(fact.pieces)) for fact in original.facts]
    snapshot = None
    if original.snapshot is not None:
        version, _, pieces = original.snapshot
        state = with_checksum(events[version - 1], copied(pieces))
        snapshot = Snapshot(card_id, version, STATE_VERSION, state)
    return Write(card_id, 1, events, snapshot)


def _batches(cohort: Cohort) -> Iterator[range]:
    size = max(1, min(CARDS_AT_ONCE, FACTS_AT_ONCE // cohort.facts))
    for start in range(0, cohort.cards, size):
        yield range(start, min(start + size, cohort.cards))


def _check(store: Store, card_ids: Sequence[UUID], rules: Rules, cohort: Cohort) -> None:
    """Check that the engine would have set the copies' wake times as they are."""
    before = cohort.due - REMINDED_BEFORE / 2
    for card_id, stream in store.load_many(card_ids).items():
        if not isinstance(stream, Stream) or stream.card is None or stream.version != cohort.facts:
            raise BaohaoError(f"card {card_id} is a bad copy: {stream}")
        if wakes_at(next_step(stream.card, rules, before), before) != stream.wake_at:
            raise BaohaoError(f"card {card_id} is a bad copy: it wakes at {stream.wake_at}")
