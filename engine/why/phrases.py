"""Values as English phrases: money, instants, spans of time, payment methods, codes and reasons."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from engine.calendar import zone_named
from engine.card.attempt import OutcomeSource
from engine.card.consent import SwitchOffReason
from engine.card.deadlines import DelayReason
from engine.card.methods import PaymentMethod
from engine.card.refunds import RefundReason
from engine.card.term import AttemptReason
from engine.declines import Authority, Consequence
from engine.money import Money
from engine.reasons import WithheldReason, is_withheld_reason

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")

CONSEQUENCES = {
    Consequence.RETRY: "the method may be tried again",
    Consequence.RETRY_SOON: "the method may be tried again shortly",
    Consequence.RETRY_AFTER_24H: "the method may be tried again after a day",
    Consequence.FIX_DETAILS: "the method is not tried again before its details are put right",
    Consequence.NEW_METHOD: "the method cannot be charged, another one is needed",
    Consequence.HOLDER_PRESENT: "the method is tried again only when the holder asks for it",
    Consequence.NEVER: "the method must never be tried again",
    Consequence.MANDATE_WITHDRAWN_METHOD: "the mandate for this method is withdrawn",
    Consequence.MANDATE_WITHDRAWN_CARD: "the mandate for all charges is withdrawn",
    Consequence.ALARM: "our own request was wrong",
    Consequence.RECONCILE: "a payment may exist already",
}
AUTHORITIES: dict[Authority, str] = {
    "advice_code": "by the advice code",
    "network_code": "by the network code",
    "code": "by the decline code",
    "unknown_code": "as for any code that nobody knows",
}
OUTCOME_SOURCES: dict[OutcomeSource, str] = {
    "sent": "as the gateway answered at once",
    "asked_again": "as the gateway said when asked again with the same key",
    "looked_up": "as a look-up at the gateway showed",
    "resolved": "as a person found out",
    "late": "as became known after it had been recorded as failed",
}
ATTEMPT_REASONS: dict[AttemptReason, str] = {
    "renewal_opened": "the renewal had opened",
    "next_method": "next method of the pass",
    "next_rung": "next rung of the ladder",
    "soon": "quick second try",
    "new_method": "new or updated method",
    "new_terms": "cheaper or shorter period",
    "holder_asked": "the holder asked for it",
    "top_up": "top-up",
    "on_page": "the holder pays on the provider's page",
}
REFUND_REASONS: dict[RefundReason, str] = {
    "late_success": "the charge succeeded after it had been recorded as failed",
    "card_closed": "the card was closed",
    "number_reclaimed": "the number had been reclaimed",
    "term_not_covered": "what was reserved of the balance beside it had gone, so that it paid for no term",
    "dispute_won": "the bank gave back what it had taken of a charge that pays for nothing",
    "operator": "the operator asked for it",
}
SWITCH_OFF_REASONS: dict[SwitchOffReason, str] = {
    "holder": "by the holder",
    "operator": "by the operator",
    "mandate_withdrawn": "because the mandate for all charges was withdrawn",
}
DELAY_REASONS: dict[DelayReason, str] = {
    "unknown_outcome": "the outcome of a charge was not known",
    "charging_stopped": "the operator had stopped all charging",
    "gateway_down": "the gateway did not answer",
    "open_tries": "a network limit was full of tries of the payment card whose outcome nobody knew yet",
    "held": "the card was held",
    "late": "we were not running",
    "notice_late": "the notice of the charge came too late",
    "restored": "the database had been restored, and the gateway was asked first what it had charged",
    "number_in_doubt": "nobody had said whether the number still exists",
}
WITHHELD_REASONS: dict[WithheldReason, str] = {
    "advice_delay": "it is still to be left alone",
    "delayed": "an issuer's advice leaves the payment card alone wherever it is bound",
    "never": "a network's or issuer's “never” blocks it",
}
"""Reasons for which a due try is withheld; any other is the name of a network limit."""


def money(amount: Money) -> str:
    """An amount in whole units and its currency, such as `15.00 CNY`."""
    return str(amount)


def clock(instant: datetime, zone: str) -> str:
    """An instant in `zone`, such as `2026-03-29 10:00`."""
    return f"{instant.astimezone(zone_named(zone)):%Y-%m-%d %H:%M}"


def span(time: timedelta) -> str:
    """A stretch of time in its two largest units, such as `1 day 3 hours`."""
    seconds = int(time.total_seconds())
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = ((days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second"))
    first = next((place for place, (number, _) in enumerate(units) if number), len(units) - 1)
    shown = [count(number, unit) for number, unit in units[first : first + 2] if number]
    return " ".join(shown) or "0 seconds"


def count(number: int, thing: str) -> str:
    """A number of things, such as `1 day` or `3 days`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def ordinal(number: int) -> str:
    """The place of a try, such as `third try` or `try number 12`."""
    return f"{_ORDINALS[number - 1]} try" if 0 < number <= len(_ORDINALS) else f"try number {number}"


def listed(things: Iterable[str]) -> str:
    """A list in words, such as `visa, debit and paypal`."""
    *others, last = things
    return f"{', '.join(others)} and {last}" if others else last


def quoted(text: str) -> str:
    """A free text in quotation marks, on one line."""
    return f"“{' '.join(text.split())}”"


def described(method: PaymentMethod) -> str:
    """A payment method with its known details, such as `visa (credit card, visa, ending in 4242)`."""
    details = [method.kind.replace("_", " "), method.brand, f"ending in {method.last4}" if method.last4 else None]
    return f"{method.method_id} ({', '.join(one for one in details if one)})"


def withheld_by(reason: str, edition: str | None) -> str:
    """Why a due try was not made."""
    if is_withheld_reason(reason):
        return WITHHELD_REASONS[reason]
    return f"rule {reason} of the network limits" + (f", edition {edition}," if edition else "") + " forbids it"
