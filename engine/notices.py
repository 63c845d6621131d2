"""The notices to the holder that follow from facts; their texts are written elsewhere."""

import csv
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from typing import Literal, get_args
from uuid import UUID

from msgspec import to_builtins
from pydantic import JsonValue

from engine.card import facts
from engine.card.facts import CardFact
from engine.card.methods import PaymentMethod
from engine.card.reminders import ReminderKind
from engine.declines import AMOUNT_TOO_SMALL, OF_THE_AMOUNT
from engine.envelope import Fact, Recorded, names_of
from engine.money import Money
from engine.operations import OperationsFact
from engine.value import Value

TermKind = Literal["renewed", "not_tried", "grace", "suspended", "reclaimed", "holder_changed"]
ConsentKind = Literal["switched_on", "period_changed", "price_change", "switched_off"]
MethodKind = Literal["method_bound", "method_updated", "method_removed"]
MoneyKind = Literal[
    "refunded",
    "term_undone",
    "disputed",
    "auto_top_up_set",
    "auto_top_up_ended",
    "auto_top_up_stopped",
    "topped_up",
    "top_up_failed",
    "closed",
]
NoticeKind = ReminderKind | TermKind | Literal["dates_moved"] | ConsentKind | MethodKind | MoneyKind
Values = Mapping[str, JsonValue]


WithoutNotice = (
    OperationsFact
    | facts.CardRegistered
    | facts.ZoneChanged
    | facts.CardHeld
    | facts.CardReleased
    | facts.NumberConfirmed
    | facts.PaymentMethodsOrdered
    | facts.PaymentMethodAllowed
    | facts.RenewalRequested
    | facts.RenewalStarted
    | facts.Reinstated
    | facts.ChargingBlocked
    | facts.Deferred
    | facts.Replanned
    | facts.ChargeAttempted
    | facts.ChargeWithheld
    | facts.ChargeSucceeded
    | facts.ChargeFailed
    | facts.ChargeOutcomeUnknown
    | facts.ChargePending
    | facts.ChargeFound
    | facts.GapClosed
    | facts.CaseOpened
    | facts.TopUpStarted
    | facts.BalanceDebited
    | facts.BalancePaidOut
    | facts.RefundStarted
    | facts.RefundOutcomeUnknown
    | facts.RefundPending
    | facts.RefundReturned
    | facts.RefundFailed
    | facts.DisputeWon
)
"""The facts without a notice: our own delays, single attempts, what comes to nothing by itself."""

NOTICE_FACTS = frozenset(
    name for kind in get_args(CardFact) if kind not in get_args(WithoutNotice) for name in names_of(kind)
)
"""The stored names of all others: a reader of the log may skip the rest."""


class Notice(Value):
    """A notice to the holder; `key` is unique, and the same whenever the fact is read."""

    key: str
    card_id: UUID
    kind: NoticeKind
    at: datetime
    values: Values
    """The values of its text, as plain JSON: dates as ISO strings, amounts as `{"minor": …, "currency": …}`."""


def notice_of(recorded: Recorded) -> Notice | None:
    """The notice about a fact; None where there is none."""
    content = _content(recorded.fact)
    if content is None:
        return None
    kind, values = content
    return Notice(f"{recorded.card_id}:{recorded.version}:{kind}", recorded.card_id, kind, recorded.fact.at, values)


def _content(fact: Fact) -> tuple[NoticeKind, Values] | None:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    match fact:
        case facts.CardRenewed():
            return "renewed", _renewed(fact)
        case facts.TermUndone(undone_number=number, term=term):
            return "term_undone", _plain(undone_number=number, ends_on=term.ends_on)
        case facts.ReminderDue():
            return fact.kind, _reminder(fact)
        case facts.PriceChangeAnnounced(months=months, price=price, saving=saving, applies_from=day):
            values = _plain(months=months, price=price, saving=saving, applies_from=day)
            return "price_change", {**values, **_fee(fact.reactivation_fee)}
        case facts.AutoRenewEnabled():
            return "switched_on", _agreed(fact)
        case facts.PeriodChanged():
            return "period_changed", _agreed(fact)
        case facts.AutoRenewSwitchedOff(reason=reason, ends_on=ends_on, lost_on=lost_on):
            return "switched_off", _plain(reason=reason, ends_on=ends_on, lost_on=lost_on)
        case facts.GraceStarted(term_number=number, suspends_on=day):
            return "grace", _plain(term_number=number, suspends_on=day)
        case facts.Suspended(term_number=number, reclaimed_on=day, last_code=code):
            return "suspended", _plain(term_number=number, reclaimed_on=day, code=_shown(code))
        case facts.NumberReclaimed(by=by, quarantined_until=day, balance=balance):
            return "reclaimed", _plain(by=by, quarantined_until=day, balance=balance)
        case facts.RenewalRequestEnded(withheld=withheld, next_try_at=again_at):
            return ("not_tried", _plain(next_try_at=again_at)) if withheld else None
        case facts.DeadlinesMoved(suspends_on=suspends_on, lost_on=lost_on):
            return ("dates_moved", _plain(suspends_on=suspends_on, lost_on=lost_on)) if lost_on else None
        case facts.HolderChanged():
            return "holder_changed", {}
        case facts.CardClosed(balance=balance):
            return ("closed", _plain(balance=balance)) if balance.minor else None
        case facts.PaymentMethodBound(method=method):
            return "method_bound", _method(method)
        case facts.PaymentMethodUpdated(method=method):
            return "method_updated", _method(method)
        case facts.PaymentMethodRemoved(method_id=method_id, reason=reason):
            return "method_removed", _plain(method_id=method_id, reason=reason)
        case facts.AutoTopUpSet(threshold=threshold, amount=amount):
            order = _plain(threshold=threshold, amount=amount)
            return ("auto_top_up_set", order) if amount else ("auto_top_up_ended", {})
        case facts.BalanceCredited(amount=amount, about=about, reason=reason):
            return ("topped_up", _plain(amount=amount, attempt_id=about)) if reason == "top_up" else None
        case facts.DisputeRecorded(amount=amount, method_id=method_id):
            return "disputed", _plain(amount=amount, method_id=method_id)
        case facts.RefundSucceeded(amount=amount) | facts.RefundRecorded(amount=amount):
            return ("refunded", _plain(amount=amount)) if amount.minor else None
        case facts.TopUpFailed(withdrawn=True):
            return None
        case facts.TopUpFailed(number=number, last_code=code):
            return "top_up_failed", {**_plain(number=number, code=_shown(code)), **_amount_wanted(code)}
        case facts.AutoTopUpStopped(declined=declined, last_code=code):
            return "auto_top_up_stopped", {**_plain(declined=declined, code=_shown(code)), **_amount_wanted(code)}
        case _:
            return _nothing(fact)


def _nothing(_: WithoutNotice) -> None:
    """No notice; a new kind of fact fails the type check here until it is decided whether it has one."""


def _shown_codes() -> frozenset[str]:
    text = resources.files("engine").joinpath("declines.csv").read_text("utf-8")
    return frozenset(row["code"] for row in csv.DictReader(text.splitlines()) if row["shown_to_holder"] == "code")


SHOWN_CODES = _shown_codes()
"""Decline codes that a notice may name; of all others, known or not, it says only that the payment failed."""


def _shown(code: str | None) -> str | None:
    return code if code in SHOWN_CODES else None


_REMINDER_SUBJECTS: Mapping[ReminderKind, str] = {
    "renewal_far_ahead": "opens_on",
    "renewal_ahead": "opens_on",
    "method_expires": "method_id",
    "payment_failed": "declines",
    "lapse_ahead": "ends_on",
    "last_chance": "lost_on",
}
"""By kind of reminder, the name of the value that it is about."""


HOW_TO_CANCEL = "switch_off_auto_renew"
"""Names the text that says how to end auto-renewal: who tells the holder has it, with the address of the page."""


def _reminder(fact: facts.ReminderDue) -> Values:
    values: Values = {"term_number": fact.term_number, _REMINDER_SUBJECTS[fact.kind]: fact.about}
    if fact.kind in ("renewal_far_ahead", "renewal_ahead"):
        charge = _plain(amount=fact.amount, months=fact.months, method_id=fact.method_id, charge_on=fact.charge_on)
        return {**values, **charge, "how_to_cancel": HOW_TO_CANCEL}
    if fact.kind == "payment_failed":
        days = _plain(
            amount=fact.amount, next_try_at=fact.next_try_at, suspends_on=fact.suspends_on, lost_on=fact.lost_on
        )
        amounts = {"declined_amount": fact.declined_amount, "reactivation_fee": fact.reactivation_fee}
        known = _plain(**{name: amount for name, amount in amounts.items() if amount is not None})
        return {**values, "declines": int(fact.about), "code": _shown(fact.code), **days, **known}
    if fact.kind == "lapse_ahead":
        return {**values, **_plain(suspends_on=fact.suspends_on, lost_on=fact.lost_on)}
    return values


def _amount_wanted(code: str | None) -> Values:
    """Of a top-up of an amount that the provider does not take: which one it would take."""
    if code not in OF_THE_AMOUNT:
        return {}
    return {"amount_wanted": "larger" if code == AMOUNT_TOO_SMALL else "smaller"}


def _method(method: PaymentMethod) -> Values:
    """What the holder knows it by; never its token or fingerprint."""
    return _plain(
        method_id=method.method_id,
        kind=method.kind,
        brand=method.brand,
        last4=method.last4,
        expires_on=method.expires_on,
    )


def _renewed(fact: facts.CardRenewed) -> Values:
    term = fact.term
    return _plain(
        term_number=term.number,
        starts_on=term.starts_on,
        ends_on=term.ends_on,
        zone=term.zone,
        months=fact.months,
        price=fact.price,
        from_balance=fact.from_balance,
        reactivation_fee=fact.reactivation_fee,
        attempt_id=fact.attempt_id,
        method_id=fact.method_id,
    )


def _agreed(fact: facts.AutoRenewEnabled | facts.PeriodChanged) -> Values:
    values = _plain(
        months=fact.months,
        price=fact.price,
        saving=fact.saving,
        terms_version=fact.terms_version,
        channel=fact.channel,
        how_to_cancel=HOW_TO_CANCEL,
    )
    return {**values, **_fee(fact.reactivation_fee)}


def _fee(fee: Money | None) -> Values:
    """What comes on top if the service is off by then, where anything does."""
    return {} if fee is None else _plain(reactivation_fee=fee)


def _plain(**values: object) -> Values:
    return to_builtins(values)
