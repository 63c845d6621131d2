"""Evolving: how facts add up to a card. Whatever a decision concluded is in its facts.

`evolve` only assigns: which facts change which parts stands here; how they change a part stands with the part.
"""

from collections.abc import Iterable
from typing import assert_never
from uuid import UUID

from msgspec.structs import replace

from engine.card import (
    allowing,
    attempt,
    balance,
    consent,
    custody,
    deadlines,
    decline,
    doubt,
    facts,
    gap,
    handing_over,
    hold,
    lapse,
    methods,
    payments,
    refunds,
    reminders,
    term,
    top_ups,
    undoing,
)
from engine.card.card import Card
from engine.errors import CorruptHistoryError
from engine.networks import DELAYED


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
    own, days = custody.registered(fact), deadlines.Deadlines(fact.keep)
    return Card(card_id, own, fact.term, fact.anchor_day, days, aware_at=fact.at)


def _evolve(card: Card, fact: facts.CardFact) -> Card:  # noqa: C901, PLR0911, PLR0912, PLR0915 (one row per fact)
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
        case facts.ReminderDue():
            return _reminded(card, fact)
        case facts.TermUndone():
            paid = payments.going_back(card.payments, (fact.attempt_id,))
            return replace(card, **undoing.undone(card, fact), payments=paid)
        case facts.Deferred() | facts.Replanned():
            return card
        case facts.ChargeFailed():
            return _failed(card, fact)
        case facts.ChargeWithheld():
            return _withheld(card, fact)
        case facts.ChargeOutcomeUnknown() | facts.ChargePending():
            return replace(card, attempts=attempt.outcome_unknown(card.attempts, fact))
        case facts.CardRegistered():
            return registered(card.card_id, fact)
        case facts.ZoneChanged():
            return replace(card, custody=custody.zone_changed(card.custody, fact))
        case facts.HolderChanged():
            return replace(card, **handing_over.handed_over(card, fact))
        case facts.CardHeld() | facts.CardReleased():
            return replace(card, hold=hold.after(fact))
        case facts.NumberConfirmed():
            counted = deadlines.counted_until(
                card.deadlines, fact.at
            )  # delays after the confirmation count again, and age it
            return replace(card, doubt=doubt.confirmed(card.doubt, fact), deadlines=counted)
        case facts.CardClosed():
            return replace(card, status="closed", balance=balance.ended(card.balance))
        case facts.PaymentMethodBound(method=method) | facts.PaymentMethodUpdated(method=method):
            changed = methods.bound if isinstance(fact, facts.PaymentMethodBound) else methods.updated
            renewal = term.method_added(card.renewal, method.method_id)
            return replace(card, methods=changed(card.methods, method), renewal=renewal)
        case facts.PaymentMethodRemoved(method_id=method_id):
            kept = methods.removed(card.methods, method_id)
            return replace(card, methods=kept, attempts=attempt.unwanted(card.attempts, method_id))
        case facts.PaymentMethodsOrdered():
            return replace(card, methods=methods.ordered(card.methods, fact))
        case facts.PaymentMethodAllowed():
            renewal = term.method_added(card.renewal, fact.method_id)
            return replace(card, methods=allowing.allowed(card.methods, fact), renewal=renewal)
        case facts.AutoRenewEnabled():
            return _enabled(card, fact)
        case facts.PeriodChanged():
            return _agreed(card, fact)
        case facts.PriceChangeAnnounced():
            return replace(card, announced=consent.announced(card.announced, fact, card.consent))
        case facts.AutoRenewSwitchedOff():
            return replace(_switched_off(card), aware_at=fact.at)
        case facts.RenewalRequested():
            renewal = term.wanted_by_holder(card.renewal)
            return replace(card, methods=methods.cleared_for_holder(card.methods), renewal=renewal)
        case facts.RenewalRequestEnded():
            return replace(card, renewal=term.request_over(card.renewal))
        case facts.GraceStarted() | facts.Suspended():
            return replace(
                card, status=lapse.STATUS_AFTER[type(fact)], deadlines=deadlines.end_notified(card.deadlines)
            )
        case facts.Reinstated():
            return replace(card, status=lapse.STATUS_AFTER[type(fact)])
        case facts.NumberReclaimed():
            paid = payments.going_back(card.payments, fact.charges)
            return replace(card, status="reclaimed", balance=balance.ended(card.balance), payments=paid)
        case facts.ChargingBlocked():
            return replace(card, deadlines=deadlines.blocked(card.deadlines, fact))
        case facts.DeadlinesMoved():
            return replace(card, deadlines=deadlines.moved(card.deadlines, fact), doubt=doubt.delayed(card.doubt, fact))
        case facts.ChargeFound():
            left = balance.debited(card.balance, fact.from_balance)
            found = gap.found(card.attempts, fact)
            return replace(card, attempts=found, balance=left, gap=gap.explained(card.gap, fact.attempt_id))
        case facts.GapClosed():
            return replace(card, gap=gap.closed(fact))
        case facts.CaseOpened():
            return _case_opened(card, fact)
        case facts.AutoTopUpSet():
            return replace(card, top_ups=top_ups.ordered(card.top_ups, fact))
        case facts.TopUpStarted():
            return replace(card, top_ups=top_ups.started(card.top_ups, fact))
        case facts.TopUpFailed():
            return replace(card, top_ups=top_ups.failed(card.top_ups, fact.at))
        case facts.AutoTopUpStopped():
            return replace(card, top_ups=top_ups.stopped(card.top_ups))
        case facts.BalanceCredited():
            return _credited(card, fact)
        case facts.BalanceDebited(of_term=int() as number):
            return replace(card, balance=balance.terms_clawed_back(card.balance, fact, number))
        case facts.BalanceDebited():
            attempts = attempt.reserve_debited(card.attempts, fact.from_reserve)
            debited = balance.debited(card.balance, fact.amount.minor - fact.from_reserve)
            taken = payments.debited(card.payments, fact.about, fact.amount.minor)
            return replace(card, balance=debited, attempts=attempts, payments=taken)
        case facts.BalancePaidOut():
            return replace(card, balance=balance.paid_out(card.balance, fact))
        case facts.RefundStarted():
            return _refund_started(card, fact)
        case facts.RefundSucceeded():
            arrived = payments.refund_arrived(card.payments, fact)
            return replace(card, refunds=refunds.succeeded(card.refunds, fact), payments=arrived)
        case facts.RefundPending():
            return replace(card, refunds=refunds.accepted(card.refunds, fact))
        case facts.RefundReturned():
            back = payments.refund_came_back(payments.recalled(card.payments, fact.payment), fact)
            return replace(card, refunds=refunds.returned(card.refunds, fact), payments=back)
        case facts.RefundOutcomeUnknown():
            return replace(card, refunds=refunds.outcome_unknown(card.refunds, fact))
        case facts.RefundFailed():
            return replace(card, refunds=refunds.refused(card.refunds, fact))
        case facts.RefundRecorded():
            return _refund_recorded(card, fact)
        case facts.DisputeRecorded():
            return _disputed(card, fact)
        case facts.DisputeWon():
            back = payments.taken_back(card.payments, fact.attempt_id, disputed=-fact.amount.minor)
            kept = methods.dispute_over(card.methods, fact.attempt_id, fact.method_id) if fact.over else card.methods
            terms = balance.clawback_lifted(card.balance, fact.attempt_id, fact.to_terms)
            return replace(card, payments=back, methods=kept, balance=terms)
        case _:
            assert_never(fact)


def _attempted(card: Card, fact: facts.ChargeAttempted) -> Card:
    attempts = attempt.attempted(card.attempts, fact)
    if fact.top_up is not None:
        return replace(card, attempts=attempts, top_ups=top_ups.attempted(card.top_ups, fact))
    renewal, left = term.on_offer(card.renewal), balance.debited(card.balance, fact.from_balance)
    tried = attempt.method_tried(renewal, fact) if fact.page_until is None else term.asked_on_page(renewal)
    return replace(card, attempts=attempts, renewal=tried, balance=left)


def _withheld(card: Card, fact: facts.ChargeWithheld) -> Card:
    is_limit = fact.limits_edition is not None and fact.reason != DELAYED
    limit = methods.MethodLimit(fact.reason, fact.last_rung) if is_limit else None
    kept = methods.withheld(card.methods, fact.method_id, fact.reason, fact.until, limit)
    if fact.top_up is not None:
        return replace(card, methods=kept)
    return replace(card, methods=kept, renewal=attempt.method_withheld(term.on_offer(card.renewal), fact))


def _succeeded(card: Card, fact: facts.ChargeSucceeded) -> Card:
    payment, going_back = payments.payment_of(card.attempts, fact), [one.attempt_id for one in card.refunds]
    paid = payments.paid(card.payments, payment, card.term, going_back)
    return replace(card, attempts=payments.settled(card.attempts, fact), payments=paid)


def _failed(card: Card, fact: facts.ChargeFailed) -> Card:
    failed = attempt.open_attempt_of(card.attempts, fact.attempt_id)
    attempts, kept = decline.failed(card.attempts, fact), decline.method_failed(card.methods, fact)
    if failed.page_until is not None:
        rest = card.top_ups if failed.top_up is None else top_ups.left(card.top_ups)
        return replace(card, attempts=attempts, top_ups=rest)
    if failed.top_up is not None:
        declined = top_ups.declined(card.top_ups, fact.code, fact.fingerprint, fact.at, counts=fact.counts)
        return replace(card, attempts=attempts, methods=kept, top_ups=declined)
    renewal = decline.renewal_failed(term.on_offer(card.renewal), fact)
    left = balance.credited(card.balance, failed.from_balance)
    return replace(card, attempts=attempts, methods=kept, renewal=renewal, balance=left)


def _reminded(card: Card, fact: facts.ReminderDue) -> Card:
    known = deadlines.end_notified(card.deadlines) if fact.lost_on else card.deadlines
    if fact.kind != "payment_failed":
        return replace(card, reminded=reminders.reminded_of(card.reminded, fact), deadlines=known)
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
        doubt=doubt.after_renewal(card.doubt),
        before=undoing.before(card, fact),
    )


def _enabled(card: Card, fact: facts.AutoRenewEnabled) -> Card:
    card = _agreed(card, fact)
    wanted = card.renewal if card.status == "active" else term.wanted_by_holder(card.renewal)  # it is tried at once
    return replace(card, renewal=wanted)


def _agreed(card: Card, fact: facts.AutoRenewEnabled | facts.PeriodChanged) -> Card:
    announced = consent.still_announced(card.announced, fact, card.custody.zone)
    return replace(card, consent=consent.given(fact), announced=announced, renewal=term.outdated(card.renewal, fact))


def _switched_off(card: Card) -> Card:
    """What is open for the consent that ended is not sent again; a top-up that the holder asked for goes on."""
    top_up, attempts = card.top_ups.under_way, attempt.unwanted(card.attempts)
    if top_up is not None and not top_up.automatic:
        attempts = replace(attempts, top_up=card.attempts.top_up)
    return replace(card, consent=None, deadlines=deadlines.end_notified(card.deadlines), attempts=attempts)


def _case_opened(card: Card, fact: facts.CaseOpened) -> Card:
    if fact.reason == doubt.IN_DOUBT:
        return replace(card, doubt=doubt.Doubt(fact.at), attempts=attempt.unwanted(card.attempts))
    if fact.reason == gap.UNEXPLAINED:
        return replace(card, gap=gap.unexplained(card.gap, fact.about))
    if attempt.open_attempt(card.attempts, fact.about) is not None:
        return replace(card, attempts=attempt.case_opened(card.attempts, fact.about))
    return replace(card, refunds=refunds.case_opened(card.refunds, fact.about))


def _credited(card: Card, fact: facts.BalanceCredited) -> Card:
    card = replace(card, balance=balance.credited(card.balance, fact.amount.minor))
    if fact.reason == "top_up":
        return replace(card, top_ups=top_ups.paid(card.top_ups))
    return replace(card, payments=payments.credited(card.payments, fact))


def _refund_started(card: Card, fact: facts.RefundStarted) -> Card:
    payment = next((one for one in card.payments if one.attempt_id == fact.attempt_id), None)
    if payment is not None and fact.reason == "term_not_covered":
        card = replace(card, renewal=attempt.not_tried(card.renewal, payment.method_id))
    known = payments.recalled(card.payments, fact.payment)
    taken = payments.taken_back(known, fact.attempt_id, refunded=fact.amount.minor)
    paid = taken if fact.reason == "operator" else payments.going_back(taken, (fact.attempt_id,))
    return replace(card, refunds=refunds.started(card.refunds, fact), payments=paid)


def _refund_recorded(card: Card, fact: facts.RefundRecorded) -> Card:
    if any(one.attempt_id == fact.attempt_id for one in card.refunds):  # in the place of one by the gateway
        return replace(card, refunds=refunds.replaced(card.refunds, fact))
    return replace(card, payments=payments.taken_back(card.payments, fact.attempt_id, refunded=fact.amount.minor))


def _disputed(card: Card, fact: facts.DisputeRecorded) -> Card:
    taken = payments.taken_back(card.payments, fact.attempt_id, disputed=fact.amount.minor)
    if fact.instrument is None:
        ended = methods.ended(card.methods, fact.method_id, methods.DISPUTED)
        return replace(card, methods=ended, attempts=attempt.unwanted(card.attempts, fact.method_id), payments=taken)
    kept = methods.disputed(card.methods, fact.attempt_id, fact.instrument)
    return replace(card, methods=kept, attempts=attempt.disputed(card.attempts, fact.instrument), payments=taken)
