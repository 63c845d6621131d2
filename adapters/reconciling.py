"""The provider's list of charges against the log, both ways, and recording what has one definite meaning.

A charge that is younger than the answers of its own call is left out; so is an attempt that is open in the log, which
the engine asks about by itself. Of the provider's list only charges that were made in the time that is compared count:
what went back of an older one is learned from notifications.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple
from uuid import UUID

import structlog
from psycopg import Connection

from adapters.asking import ReadRules, look_up
from adapters.charged import Book, books_since
from adapters.lost import Use, not_in_log
from engine.actor import Actor
from engine.application import Engine
from engine.card.gap import LOOK_BACK
from engine.card.payments import ChargeSucceeded
from engine.commands import Issued, RecordRefund
from engine.errors import BaohaoError
from engine.money import Money
from engine.news import News
from engine.ports import ChargesFound, FoundCharge, Gateway, ListChargesRequest

log = structlog.get_logger()

Kind = Literal[
    "charge_unknown",
    "charge_unrecorded",
    "charge_missing",
    "amount_differs",
    "refund_unrecorded",
    "refund_missing",
]
"""The provider took money that the log has no attempt for, or more than once for one; that the log says it did not
take; the log says that money was taken which the provider did not take; another amount; the provider refunded what the
log does not know; a refund of the log did not happen, or came back."""
EVIDENCE = "the provider's list of charges"
CAUSE = "baohao reconcile"
UNDER_WAY = timedelta(minutes=1)
"""How much longer than the gateway's budget an answer may take to be recorded."""


class NotListedError(BaohaoError):
    """The provider does not list its charges; the message says why."""


class Difference(NamedTuple):
    """One charge on which the provider and the log differ; amounts in minor units, of the charge or of its refunds."""

    kind: Kind
    card_id: UUID
    attempt_id: UUID
    gateway_ref: str
    currency: str
    provider_minor: int | None
    log_minor: int | None
    charged_at: datetime
    refund_ids: tuple[UUID, ...] = ()
    """The refunds that the log says succeeded."""


class Compared(NamedTuple):
    """How many charges of the time were compared, and what differs."""

    at_provider: int
    in_log: int
    open: tuple[tuple[UUID, UUID], ...]
    """Cards and attempts whose charges the log does not know yet, and will ask for."""
    differences: tuple[Difference, ...]


class Span(NamedTuple):
    """The business time in which charges are compared."""

    since: datetime
    until: datetime


def span_of(since: datetime, now: datetime, budget: timedelta) -> Span:
    """Until the charges whose own answers may be under way."""
    return Span(since, now - budget - UNDER_WAY)


async def compare(use: Use, gateway: Gateway, span: Span) -> Compared:
    """Ask the provider, then the log, so that nothing is missed that was recorded meanwhile; raises NotListedError."""
    found = await gateway.list_charges(ListChargesRequest(since=span.since - LOOK_BACK), span.until)
    if not isinstance(found, ChargesFound):
        raise NotListedError(f"the provider does not list its charges: {found.reason}")

    def against_log(connection: Connection[Any]) -> Compared:
        books = books_since(connection, span.since - LOOK_BACK)
        strange = [one for one in found.charges if one.attempt_id not in books]
        lost = {one.attempt_id for one in not_in_log(connection, strange)} if strange else set[UUID]()
        return differences(found.charges, books, lost, span)

    return await asyncio.to_thread(use, against_log)


def differences(
    charges: Sequence[FoundCharge], books: Mapping[UUID, Book], lost: Iterable[UUID], span: Span
) -> Compared:
    """What differs in a span; `charges` begin before it, and `lost` are their attempts that the log does not have."""
    lost, found = set(lost), defaultdict[UUID, list[FoundCharge]](list)
    for one in charges:
        found[one.attempt_id].append(one)
    differ: list[Difference] = []
    is_open: list[tuple[UUID, UUID]] = []
    inside = [one for one in charges if span.since <= one.charged_at <= span.until]
    for one in inside:
        book = books.get(one.attempt_id)
        if book is None:
            if one.attempt_id in lost and _is_kept(one):
                differ.append(_charged(one, "charge_unknown"))
        elif book.succeeded is not None:
            differ += _against(one, book, book.succeeded, span.until)
        elif _is_kept(one) and not book.failed:
            is_open.append((one.card_id, one.attempt_id))
        elif _is_kept(one):
            differ.append(_charged(one, "charge_unrecorded"))
    told = [book for book in books.values() if _is_told(book, span)]
    differ += [missing for book in told for missing in _missing(book, found[book.attempt_id], span.until)]
    return Compared(len(inside), len(told), tuple(is_open), tuple(differ))


def _is_kept(one: FoundCharge) -> bool:
    return one.refunded_minor < one.amount.minor


def _charged(one: FoundCharge, kind: Kind, log_minor: int | None = None) -> Difference:
    about = one.card_id, one.attempt_id, one.gateway_ref, one.amount.currency
    return Difference(kind, *about, one.amount.minor, log_minor, one.charged_at)


def _against(one: FoundCharge, book: Book, paid: ChargeSucceeded, until: datetime) -> list[Difference]:
    """A charge against the success that the log has of its attempt."""
    if one.gateway_ref != paid.gateway_ref:
        return [_charged(one, "charge_unknown")] if _is_kept(one) else []
    if one.amount != paid.amount or one.card_id != book.card_id:
        return [_charged(one, "amount_differs", paid.amount.minor)]
    kept = book.kept(until)  # a later one may be younger than the list
    least, most = sum(kept.values()), book.refunded_most
    if least <= one.refunded_minor <= most:
        return []
    kind: Kind = "refund_missing" if one.refunded_minor < least else "refund_unrecorded"
    known = least if kind == "refund_missing" else most
    about = one.card_id, one.attempt_id, one.gateway_ref, one.amount.currency
    return [Difference(kind, *about, one.refunded_minor, known, one.charged_at, tuple(kept))]


def _is_told(book: Book, span: Span) -> bool:
    """Whether the log says that an attempt of the span took money."""
    made = book.attempted_at
    return made is not None and book.succeeded is not None and span.since <= made <= span.until


def _missing(book: Book, found: Iterable[FoundCharge], until: datetime) -> list[Difference]:
    paid, made = book.succeeded, book.attempted_at
    if paid is None or made is None or paid.at > until or any(one.gateway_ref == paid.gateway_ref for one in found):
        return []
    about = book.card_id, book.attempt_id, paid.gateway_ref, paid.amount.currency
    return [Difference("charge_missing", *about, None, paid.amount.minor, made)]


# What has one definite meaning


async def apply(compared: Compared, engine: Engine, actor: Actor, gateway: Gateway, read_rules: ReadRules) -> int:
    """Look up and record what can be, and return how many facts that led to; the rest is for a person.

    An attempt without its success, and a refund that may have come back, are looked up: their outcome is recorded as
    if it had come by itself. What the provider refunded by itself is recorded as given back by a person.
    """
    news = [News(card_id, attempt_id, None, CAUSE) for card_id, attempt_id in compared.open]
    commands: list[Issued] = []
    for one in compared.differences:
        match one.kind:
            case "charge_unrecorded":
                news.append(News(one.card_id, one.attempt_id, None, CAUSE))
            case "refund_missing":
                news += [News(one.card_id, one.attempt_id, refund_id, CAUSE) for refund_id in one.refund_ids]
            case "refund_unrecorded":
                commands.append(Issued(_given_back(one), actor))
            case _:
                continue
    looked_up = await look_up(engine, gateway, news, read_rules)
    replies = await asyncio.to_thread(lambda: engine.execute(commands, *read_rules())) if commands else []
    for issued, reply in zip(commands, replies, strict=True):
        if isinstance(reply, Exception):
            log.warning("reconcile.refused", card_id=str(issued.command.card_id), error=str(reply))
    return looked_up.fact_count + sum(len(reply) for reply in replies if not isinstance(reply, Exception))


def _given_back(one: Difference) -> RecordRefund:
    """The same state of the provider is recorded once."""
    amount = Money(minor=(one.provider_minor or 0) - (one.log_minor or 0), currency=one.currency)
    return RecordRefund(
        command_id=f"reconcile:{one.attempt_id}:{one.log_minor}:{one.provider_minor}",
        card_id=one.card_id,
        attempt_id=one.attempt_id,
        amount=amount,
        evidence=EVIDENCE,
    )
