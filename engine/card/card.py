"""The card: the record of its parts, the closed union of its facts, and how facts add up to it.

`evolve` only assigns: what a decision concluded is in the fact. Which facts change which parts stands here; how they
change a part stands with the part.
"""

from collections.abc import Iterable
from typing import assert_never
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant, Term
from engine.card import (
    attempt,
    balance,
    consent,
    custody,
    deadlines,
    decline,
    facts,
    methods,
    payments,
    refunds,
    reminders,
    term,
    top_ups,
)
from engine.card.attempt import Attempts
from engine.card.balance import Balance
from engine.card.consent import Consent
from engine.card.custody import Custody, Status
from engine.card.deadlines import Deadlines
from engine.card.methods import Methods
from engine.card.payments import Payments
from engine.card.refunds import Refunds
from engine.card.reminders import NONE_YET, Reminded
from engine.card.term import Renewal
from engine.card.top_ups import TopUps
from engine.errors import CorruptHistoryError
from engine.value import Value

STATE_VERSION = 7
"""Part of every snapshot; raise it when Card or evolve changes, and old snapshots are passed over."""


class Card(Value):
    """One number-keeping card."""

    card_id: UUID
    custody: Custody
    term: Term
    anchor_day: int
    deadlines: Deadlines
    status: Status = "active"
    held_since: Instant | None = None
    methods: Methods = Methods()
    consent: Consent | None = None
    renewal: Renewal | None = None
    attempts: Attempts = Attempts()
    balance: Balance = Balance()
    top_ups: TopUps = TopUps()
    payments: Payments = ()
    refunds: Refunds = ()
    reminded: Reminded = NONE_YET


def replay(card: Card | None, card_id: UUID, history: Iterable[facts.CardFact]) -> Card:
    """The card after all of `history`; raises CorruptHistoryError where they make no card."""
    for fact in history:
        card = evolve(card, card_id, fact)
    if card is None:
        raise CorruptHistoryError(f"card {card_id} has no facts")
    return card


def evolve(card: Card | None, card_id: UUID, fact: facts.CardFact) -> Card:
    """The card after one more fact; raises CorruptHistoryError for a fact that cannot follow those before."""
    if card is None:
        if isinstance(fact, facts.CardRegistered):
            return registered(card_id, fact)
        raise CorruptHistoryError(f"card {card_id}: {type(fact).__name__} comes before CardRegistered")
    try:
        return _evolve(card, fact)
    except CorruptHistoryError as error:
        raise CorruptHistoryError(f"card {card_id}: {error}") from error


def registered(card_id: UUID, fact: facts.CardRegistered) -> Card:
    """A card that was taken into our care."""
    return Card(card_id, custody.registered(fact), fact.term, fact.anchor_day, Deadlines(fact.keep))


def _evolve(card: Card, fact: facts.CardFact) -> Card:  # noqa: C901, PLR0911, PLR0912 (a table: one row per fact)
    """Matching goes from top to bottom, so the facts of most renewals come first."""
    match fact:
        case facts.ChargeAttempted():
            return _attempted(card, fact)
        case facts.ChargeSucceeded():
            return _succeeded(card, fact)
        case facts.CardRenewed():
            return _renewed(card, fact)
        case facts.RenewalStarted():
            return replace(card, renewal=term.offered(card.renewal, fact))
        case facts.Deferred() | facts.Replanned():
            return card
        case facts.ChargeFailed():
            return _failed(card, fact)
        case facts.ChargeWithheld():
            return _withheld(card, fact)
        case facts.ChargeOutcomeUnknown():
            return replace(card, attempts=attempt.outcome_unknown(card.attempts, fact))
        case facts.ReminderDue():
            return _reminded(card, fact)
        case facts.CardRegistered():
            return registered(card.card_id, fact)
        case facts.ZoneChanged():
            return replace(card, custody=custody.zone_changed(card.custody, fact))
        case facts.CardHeld():
            return replace(card, held_since=fact.at)
        case facts.CardReleased():
            return replace(card, held_since=None)
        case facts.CardClosed():
            return replace(card, status="closed")
        case facts.PaymentMethodBound(method=method):
            renewal = term.method_added(card.renewal, method.method_id)
            return replace(card, methods=methods.bound(card.methods, method), renewal=renewal)
        case facts.PaymentMethodUpdated(method=method):
            renewal = term.method_added(card.renewal, method.method_id)
            return replace(card, methods=methods.updated(card.methods, method), renewal=renewal)
        case facts.PaymentMethodRemoved(method_id=method_id):
            attempts = attempt.unwanted(card.attempts, method_id)
            return replace(card, methods=methods.removed(card.methods, method_id), attempts=attempts)
        case facts.PaymentMethodsOrdered():
            return replace(card, methods=methods.ordered(card.methods, fact))
        case facts.AutoRenewEnabled():
            return _enabled(card, fact)
        case facts.PeriodChanged():
            return replace(card, consent=consent.given(fact), renewal=term.outdated(card.renewal))
        case facts.PriceChangeAnnounced():
            return replace(card, consent=consent.announced(card.consent, fact))
        case facts.AutoRenewSwitchedOff():
            return _switched_off(card)
        case facts.RenewalRequested():
            renewal = term.wanted_by_holder(card.renewal)
            return replace(card, methods=methods.cleared_for_holder(card.methods), renewal=renewal)
        case facts.GraceStarted():
            return replace(card, status="grace", deadlines=deadlines.told(card.deadlines))
        case facts.Suspended():
            return replace(card, status="suspended", deadlines=deadlines.told(card.deadlines))
        case facts.Reinstated():
            return replace(card, status="active")
        case facts.NumberReclaimed():
            return replace(card, status="reclaimed")
        case facts.ChargingBlocked():
            return replace(card, deadlines=deadlines.blocked(card.deadlines, fact))
        case facts.DeadlinesMoved():
            return replace(card, deadlines=deadlines.moved(card.deadlines, fact))
        case facts.CaseOpened():
            return _case_opened(card, fact)
        case facts.AutoTopUpSet():
            return replace(card, top_ups=top_ups.ordered(card.top_ups, fact))
        case facts.TopUpStarted():
            return replace(card, top_ups=top_ups.started(card.top_ups, fact))
        case facts.TopUpFailed():
            return replace(card, top_ups=top_ups.ended(card.top_ups))
        case facts.BalanceCredited():
            return _credited(card, fact)
        case facts.BalanceDebited() | facts.BalancePaidOut():
            return replace(card, balance=balance.debited(card.balance, fact.amount.minor))
        case facts.RefundStarted():
            taken = payments.taken_back(card.payments, fact.attempt_id, refunded=fact.amount.minor)
            return replace(card, refunds=refunds.started(card.refunds, fact), payments=taken)
        case facts.RefundSucceeded():
            return replace(card, refunds=refunds.succeeded(card.refunds, fact))
        case facts.RefundOutcomeUnknown():
            return replace(card, refunds=refunds.outcome_unknown(card.refunds, fact))
        case facts.RefundFailed():
            return replace(card, refunds=refunds.refused(card.refunds, fact))
        case facts.RefundRecorded():
            return _refund_recorded(card, fact)
        case facts.DisputeRecorded():
            return _disputed(card, fact)
        case _:
            assert_never(fact)


def _attempted(card: Card, fact: facts.ChargeAttempted) -> Card:
    attempts = attempt.attempted(card.attempts, fact)
    if fact.top_up is not None:
        return replace(card, attempts=attempts, top_ups=top_ups.attempted(card.top_ups, fact))
    return replace(
        card,
        attempts=attempts,
        renewal=attempt.method_tried(_on_offer(card), fact),
        balance=balance.debited(card.balance, fact.from_balance),
    )


def _withheld(card: Card, fact: facts.ChargeWithheld) -> Card:
    kept = methods.withheld(card.methods, fact.method_id, fact.reason, fact.until)
    if fact.top_up is not None:
        return replace(card, methods=kept)
    return replace(card, methods=kept, renewal=attempt.method_withheld(_on_offer(card), fact))


def _succeeded(card: Card, fact: facts.ChargeSucceeded) -> Card:
    going_back = [one.attempt_id for one in card.refunds]
    payment = payments.payment_of(card.attempts, fact)
    return replace(
        card,
        attempts=payments.settled(card.attempts, fact),
        payments=payments.paid(card.payments, payment, card.term, going_back),
    )


def _failed(card: Card, fact: facts.ChargeFailed) -> Card:
    failed = attempt.open_attempt_of(card.attempts)
    attempts, kept = decline.failed(card.attempts, fact), decline.method_failed(card.methods, fact)
    if failed.top_up is not None:
        declined = top_ups.declined(card.top_ups, fact.code, counts=fact.counts)
        return replace(card, attempts=attempts, methods=kept, top_ups=declined)
    return replace(
        card,
        attempts=attempts,
        methods=kept,
        renewal=decline.renewal_failed(_on_offer(card), fact),
        balance=balance.credited(card.balance, failed.from_balance),
    )


def _reminded(card: Card, fact: facts.ReminderDue) -> Card:
    if fact.kind != "payment_failed":
        return replace(card, reminded=reminders.reminded_of(card.reminded, fact))
    known = deadlines.told(card.deadlines) if fact.lost_on else card.deadlines
    return replace(card, renewal=term.failure_notified(card.renewal), deadlines=known)


def _renewed(card: Card, fact: facts.CardRenewed) -> Card:
    """A new term: nothing is on offer, no deadline moved, no reminder out, and its attempts count from 1."""
    return replace(
        card,
        term=fact.term,
        anchor_day=fact.anchor_day,
        status="active",
        renewal=None,
        attempts=replace(card.attempts, made=0),
        balance=balance.term_paid(card.balance, fact),
        deadlines=deadlines.restarted(card.deadlines),
        reminded={},
    )


def _enabled(card: Card, fact: facts.AutoRenewEnabled) -> Card:
    renewal = term.outdated(card.renewal)
    if card.status != "active":  # it is tried at once, as the page says
        renewal = term.wanted_by_holder(renewal)
    return replace(card, consent=consent.given(fact), renewal=renewal)


def _switched_off(card: Card) -> Card:
    """What is open for the consent that ended is not sent again; a top-up that the holder asked for goes on."""
    top_up, known = card.top_ups.under_way, deadlines.told(card.deadlines)
    if top_up is not None and not top_up.automatic:
        return replace(card, consent=None, deadlines=known)
    return replace(card, consent=None, deadlines=known, attempts=attempt.unwanted(card.attempts))


def _case_opened(card: Card, fact: facts.CaseOpened) -> Card:
    if card.attempts.open is not None and card.attempts.open.attempt_id == fact.about:
        return replace(card, attempts=attempt.case_opened(card.attempts))
    return replace(card, refunds=refunds.case_opened(card.refunds, fact.about))


def _credited(card: Card, fact: facts.BalanceCredited) -> Card:
    credited = balance.credited(card.balance, fact.amount.minor)
    if fact.reason == "top_up":
        return replace(card, balance=credited, top_ups=top_ups.ended(card.top_ups))
    if fact.reason == "refund" and fact.about is not None:
        taken = payments.taken_back(card.payments, fact.about, refunded=fact.amount.minor)
        return replace(card, balance=credited, payments=taken)
    return replace(card, balance=credited)


def _refund_recorded(card: Card, fact: facts.RefundRecorded) -> Card:
    kept = refunds.replaced(card.refunds, fact.attempt_id)
    if len(kept) < len(card.refunds):  # it takes the place of one that the gateway could not make
        return replace(card, refunds=kept)
    return replace(card, payments=payments.taken_back(card.payments, fact.attempt_id, refunded=fact.amount.minor))


def _disputed(card: Card, fact: facts.DisputeRecorded) -> Card:
    return replace(
        card,
        methods=methods.ended(card.methods, fact.method_id, "disputed"),
        attempts=attempt.unwanted(card.attempts, fact.method_id),
        payments=payments.taken_back(card.payments, fact.attempt_id, disputed=fact.amount.minor),
    )


def _on_offer(card: Card) -> Renewal:
    if card.renewal is None:
        raise CorruptHistoryError("a charge without a renewal")
    return card.renewal
