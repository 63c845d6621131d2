"""Notices: one for each fact that concerns the holder, true, and without what holders may not see.

Reminders are facts, checked as they are stored; a notice is checked against the fact stored last and the card.
"""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import json

from tests.simulation.checker.card import Card, Fact, Renewal
from tests.simulation.checker.days import local_day
from tests.simulation.checker.findings import Findings, Handler
from tests.simulation.checker.reminders import check_failure, told_ahead, told_of_lapse

_NOTICE_OF_FACT = {
    "card_renewed.v1": "renewed",
    "term_undone.v1": "term_undone",
    "grace_started.v1": "grace",
    "suspended.v1": "suspended",
    "number_reclaimed.v1": "reclaimed",
    "auto_renew_enabled.v1": "switched_on",
    "period_changed.v1": "period_changed",
    "price_change_announced.v1": "price_change",
    "auto_renew_switched_off.v1": "switched_off",
    "refund_succeeded.v1": "refunded",
    "top_up_failed.v1": "top_up_failed",
    "auto_top_up_stopped.v1": "auto_top_up_stopped",
    "payment_method_bound.v1": "method_bound",
    "payment_method_updated.v1": "method_updated",
    "payment_method_removed.v1": "method_removed",
    "dispute_recorded.v1": "disputed",
}
"""The kind of notice that follows a fact, besides reminders."""
_CODES_SHOWN = frozenset(
    {
        *("insufficient_funds", "withdrawal_count_limit_exceeded", "card_velocity_exceeded", "expired_card"),
        *("incorrect_number", "invalid_number", "invalid_account", "new_account_information_available"),
        *("incorrect_cvc", "invalid_cvc", "incorrect_zip", "incorrect_address", "invalid_expiry_month"),
        *("invalid_expiry_year", "authentication_required", "authentication_not_handled"),
        *("mobile_device_authentication_required", "card_not_supported", "currency_not_supported"),
        *("pin_try_exceeded", "incorrect_pin", "invalid_pin", "offline_pin_required"),
        *("online_or_offline_pin_required", "revocation_of_authorization", "revocation_of_all_authorizations"),
        *("stop_payment_order", "payment_method_customer_decline", "payment_method_unexpected_state"),
        *("payment_intent_authentication_failure", "payment_intent_mandate_invalid", "billing_invalid_mandate"),
        *("debit_not_authorized", "refer_to_customer", "payment_method_currency_mismatch", "resource_missing"),
        *("payment_method_unsupported_type", "payment_intent_incompatible_payment_method"),
        "charge_exceeds_source_limit",
    }
)
"""Decline codes that holders may see (source: declines.csv)."""


def _kind_of(card: Card, fact: Fact) -> str | None:
    """The kind of notice that has to follow a fact."""
    body = fact.body
    match fact.topic:
        case "reminder_due.v1":
            return body["kind"]
        case "auto_top_up_set.v1":
            return "auto_top_up_set" if body.get("amount") else "auto_top_up_ended"
        case "balance_credited.v1":
            return "topped_up" if body["reason"] == "top_up" else None
        case "deadlines_moved.v1":
            return "dates_moved" if body.get("lost_on") else None
        case "card_closed.v1":
            return "closed" if body["balance"]["minor"] else None
        case "refund_recorded.v1":  # 0 where nothing went back by a refund
            return "refunded" if body["amount"]["minor"] else None
        case "renewal_request_ended.v1":
            return "not_tried" if body.get("withheld") else None
        case "top_up_failed.v1" if card.is_top_up_withdrawn:
            return None
        case _:
            return _NOTICE_OF_FACT.get(fact.topic)


_TOLD_WITH = {
    "renewal_ahead": ("amount", "months", "charge_on", "how_to_cancel"),
    "renewal_far_ahead": ("amount", "months", "charge_on", "how_to_cancel"),
    "payment_failed": ("amount", "lost_on"),
    "lapse_ahead": ("ends_on", "suspends_on", "lost_on"),
    "switched_on": ("price", "months", "how_to_cancel"),
    "period_changed": ("price", "months", "how_to_cancel"),
    "auto_top_up_set": ("threshold", "amount"),
    "topped_up": ("amount",),
    "method_bound": ("method_id", "kind"),
    "method_updated": ("method_id", "kind"),
    "method_removed": ("method_id", "reason"),
    "dates_moved": ("lost_on",),
    "disputed": ("amount", "method_id"),
    "closed": ("balance",),
}
"""What a notice has to say, by its kind."""
_TOLD_AS_RECORDED = {
    "renewed": ("attempt_id", "method_id"),
    "payment_failed": ("next_try_at", "suspends_on"),
}
"""What it has to say where its fact does."""


class Expected(NamedTuple):
    """A fact that a notice has to follow."""

    card: Card
    fact: Fact
    kind: str


class Notices:
    """The keys of all notices, and the notice that is expected next."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._keys: set[str] = set()
        self._expected: Expected | None = None

    def stored(self, card: Card, fact: Fact) -> None:
        """A fact is stored, which a notice may have to follow."""
        if self._expected is not None:
            self.check_sent()
        kind = _kind_of(card, fact)
        self._expected = Expected(card, fact, kind) if kind else None

    def sent(self, text: str) -> None:
        """A notice is sent, as JSON: key, card, kind, time and the values of its text."""
        notice, expected = json.decode(text), self._expected
        self._expected = None
        where = expected.fact if expected else UUID(notice["card_id"])
        if notice["key"] in self._keys:
            sentence = f"the key {notice['key']} of {notice['kind']} was used before"
            self._findings.violation("notices", where, sentence)
        self._keys.add(notice["key"])
        if expected is None or (str(expected.card.card_id), expected.kind) != (notice["card_id"], notice["kind"]):
            self._findings.violation("notices", where, f"{notice['kind']} is sent, but did not happen just now")
        elif wrong := _untrue_values(expected, notice) or _secrets(expected.card, notice, text):
            self._findings.violation("notices", where, f"{notice['kind']} is sent, but {wrong}")

    def check_sent(self) -> None:
        """No notice may be missing."""
        if self._expected is not None:
            _, fact, kind = self._expected
            self._findings.violation("notices", fact, f"no notice of {kind} was sent")
            self._expected = None


def _untrue_values(expected: Expected, notice: dict[str, Any]) -> str | None:
    """What in a notice differs from the card and the fact."""
    card, values, kind = expected.card, notice["values"], expected.kind
    if datetime.fromisoformat(notice["at"]) != expected.fact.at:
        return f"the fact is of {expected.fact.at}, not of {notice['at']}"
    body = expected.fact.body
    told_of = *_TOLD_WITH.get(kind, ()), *(one for one in _TOLD_AS_RECORDED.get(kind, ()) if body.get(one) is not None)
    missing = [name for name in told_of if values.get(name) is None]
    if missing:
        return f"it does not say {missing}"
    for name in values.keys() & body.keys() - {"code", "reason"}:
        if values[name] != body[name]:
            return f"{name} is {values[name]}, not {body[name]}"
    term_number = values.get("term_number", card.term_number)
    if term_number != card.term_number:
        return f"of term {term_number}, not of term {card.term_number}"
    if kind in ("grace", "suspended", "reclaimed") and card.status != kind:
        return f"the card is {card.status}"
    if kind == "renewed" and date.fromisoformat(values["ends_on"]) != card.ends_on:
        return f"it is renewed until {card.ends_on}, not until {values['ends_on']}"
    if kind == "switched_on" and card.agreed_price is None:
        return "auto-renewal is off"
    if kind == "switched_off" and card.agreed_price is not None:
        return "auto-renewal is on"
    return None


def _secrets(card: Card, notice: dict[str, Any], text: str) -> str | None:
    """What in a notice holders may not see."""
    code = notice["values"].get("code")
    if code is not None and code not in _CODES_SHOWN:
        return f"the holder may not see {code}"
    if any(method["token"] in text for method in card.methods.values()):
        return "it contains the token of a payment method"
    return None


def reminder_due(findings: Findings, card: Card, fact: Fact) -> None:
    """A reminder falls due: once per cause, and true."""
    kind, about = fact.body["kind"], fact.body["about"]
    cause = (kind, about) if kind in ("payment_failed", "method_expires") else (kind,)
    if cause in card.reminders:
        findings.violation("notices", fact, f"{kind} about {about} is due twice in term {card.term_number}")
    card.reminders.add(cause)
    if fact.body["term_number"] != card.term_number:
        findings.violation("notices", fact, f"{kind} is about term {fact.body['term_number']}")
    untrue = _untrue_reminder(card, kind)
    if untrue:
        findings.violation("notices", fact, f"{kind} is due, but {untrue}")
    if kind in ("renewal_ahead", "renewal_far_ahead"):
        told_ahead(findings, card, fact)
    elif kind == "payment_failed":
        check_failure(findings, card, fact)
    elif kind == "lapse_ahead":
        told_of_lapse(findings, card, fact)
    if kind == "payment_failed" and card.renewal is not None:
        card.renewal.declines_reported, card.renewal.is_untold = card.renewal.declines, False
        if card.blocked_since is None:  # else the pass goes on when the operator lets it
            card.renewal.is_asked_for = False


def _untrue_reminder(card: Card, kind: str) -> str | None:
    match kind:
        case "payment_failed" if card.renewal is None:
            return "the term is paid"
        case "payment_failed" if card.open_attempt is not None:
            return "a charge is under way"
        case "payment_failed" if card.agreed_price is None:
            return "it was switched off"
        case "payment_failed" if card.renewal is not None and not _has_failed_since(card, card.renewal):
            return "no payment has failed since"
        case "lapse_ahead" if card.agreed_price is not None:
            return "auto-renewal is on"
        case "lapse_ahead" if card.status != "active":
            return f"the card is {card.status}"
        case "last_chance" if card.status != "suspended":
            return f"the card is {card.status}"
        case "renewal_far_ahead" | "renewal_ahead" | "method_expires" if card.agreed_price is None or (
            card.renewal and card.renewal.rung
        ):
            return "no renewal is ahead"
        case _:
            return None


def _is_ahead(card: Card) -> bool:
    """Whether a charge is agreed to, and none of the ladder was made yet."""
    return card.agreed_price is not None and (card.renewal is None or card.renewal.rung == 0)


def _has_failed_since(card: Card, renewal: Renewal) -> bool:
    """A payment failed since the last notice, or for the first time no method can be tried any more."""
    if renewal.declines > max(renewal.declines_reported, 0):
        return True
    ladder_ended = renewal.rung_at is not None and local_day(renewal.rung_at, card.zone) >= card.last_day
    return renewal.declines_reported < 0 and (renewal.is_withheld or ladder_ended or not card.usable_methods())


HANDLERS: dict[str, Handler] = {"reminder_due.v1": reminder_due}
