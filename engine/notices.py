"""What the holder is to be told, as follows from facts; the texts are written elsewhere."""

import csv
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import resources
from typing import Any, Literal
from uuid import UUID

from msgspec import to_builtins
from pydantic import JsonValue

from engine.calendar import Term
from engine.card import facts
from engine.card.event import Event
from engine.card.reminders import ReminderKind
from engine.envelope import NAME_OF, Recorded
from engine.value import Value

TermKind = Literal["renewed", "grace", "suspended", "reclaimed"]
ConsentKind = Literal["switched_on", "period_changed", "price_change", "switched_off"]
MoneyKind = Literal["refunded", "top_up_failed"]
NoticeKind = ReminderKind | TermKind | ConsentKind | MoneyKind
Values = Mapping[str, JsonValue]


class Notice(Value):
    """One thing to tell the holder; `key` is the same whenever the fact is read, and no other notice has it."""

    key: str
    card_id: UUID
    kind: NoticeKind
    at: datetime
    values: Values
    """What a text needs, as plain JSON: dates as ISO texts, amounts as `{"minor": …, "currency": …}`."""


def notice_of(recorded: Recorded) -> Notice | None:
    """What the holder is to be told of a fact; None where that is nothing."""
    fact = recorded.fact
    told = _TOLD.get(type(fact))
    if told is None:
        return None
    kind, values = told(fact)
    return Notice(f"{recorded.card_id}:{recorded.version}:{kind}", recorded.card_id, kind, fact.at, values)


def _shown_codes() -> frozenset[str]:
    text = resources.files("engine").joinpath("declines.csv").read_text("utf-8")
    return frozenset(row["code"] for row in csv.DictReader(text.splitlines()) if row["shown_to_holder"] == "code")


SHOWN_CODES = _shown_codes()
"""Decline codes of which the holder may learn; of all others, known or not, only that the payment failed."""


def _shown(code: str | None) -> str | None:
    return code if code in SHOWN_CODES else None


_REMINDED_OF: Mapping[ReminderKind, str] = {
    "renewal_ahead": "opens_on",
    "method_expires": "method_id",
    "payment_failed": "declines",
    "last_chance": "lost_on",
}
"""What a reminder is about."""


def _reminder(fact: facts.ReminderDue) -> tuple[NoticeKind, Values]:
    values: Values = {"term_number": fact.term_number, _REMINDED_OF[fact.kind]: fact.about}
    if fact.kind == "payment_failed":
        values = {**values, "declines": int(fact.about), "code": _shown(fact.code)}
    return fact.kind, values


def _suspended(fact: facts.Suspended) -> tuple[NoticeKind, Values]:
    return "suspended", _values(fact, "term_number", "reclaimed_on") | {"code": _shown(fact.last_code)}


def _top_up_failed(fact: facts.TopUpFailed) -> tuple[NoticeKind, Values]:
    return "top_up_failed", _values(fact, "number") | {"code": _shown(fact.last_code)}


def _renewed(fact: facts.CardRenewed) -> tuple[NoticeKind, Values]:
    term: Values = _values(fact.term, "starts_on", "ends_on", "zone")
    names = ("months", "price", "from_balance", "reactivation_fee")
    return "renewed", {"term_number": fact.term.number, **term, **_values(fact, *names)}


def _with(kind: NoticeKind, *names: str) -> Callable[[Event], tuple[NoticeKind, Values]]:
    """A notice that holds these fields of its fact."""

    def told(fact: Event) -> tuple[NoticeKind, Values]:
        return kind, _values(fact, *names)

    return told


def _values(of: Event | Term, *names: str) -> dict[str, JsonValue]:
    return to_builtins({name: getattr(of, name) for name in names})


_TOLD: Mapping[type[Event], Callable[[Any], tuple[NoticeKind, Values]]] = {
    facts.ReminderDue: _reminder,
    facts.CardRenewed: _renewed,
    facts.GraceStarted: _with("grace", "term_number", "suspends_on"),
    facts.Suspended: _suspended,
    facts.NumberReclaimed: _with("reclaimed", "by", "quarantined_until", "balance"),
    facts.AutoRenewEnabled: _with("switched_on", "months", "price", "saving", "terms_version", "channel"),
    facts.PeriodChanged: _with("period_changed", "months", "price", "saving", "terms_version", "channel"),
    facts.PriceChangeAnnounced: _with("price_change", "months", "price", "saving", "applies_from"),
    facts.AutoRenewSwitchedOff: _with("switched_off", "reason", "ends_on", "lost_on"),
    facts.RefundSucceeded: _with("refunded", "amount"),
    facts.RefundRecorded: _with("refunded", "amount"),
    facts.TopUpFailed: _top_up_failed,
}
"""The facts that are told; of our own trouble and of single attempts the holder hears nothing."""

TOLD_NAMES = frozenset(NAME_OF[kind] for kind in _TOLD)
"""The stored names of those facts: a reader of the log may pass over all others."""
