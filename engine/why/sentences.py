"""Each fact as one English sentence: total over all kinds, for histories and overviews. Money: money_sentences.py."""

from msgspec.structs import replace

from engine.calendar import local_date
from engine.card import facts
from engine.envelope import Fact, Recorded
from engine.money import Money
from engine.operations import (
    ChargingResumed,
    ChargingStopped,
    ClockConfirmed,
    PaymentCardAllowed,
    RestoreBegun,
    RestoreEnded,
)
from engine.why.money_sentences import money_clause
from engine.why.phrases import (
    DELAY_REASONS,
    SWITCH_OFF_REASONS,
    clock,
    count,
    described,
    listed,
    money,
    quoted,
    span,
    withheld_by,
)


def sentence(recorded: Recorded, zone: str = "UTC") -> str:
    """What happened, as one sentence that begins with the instant in `zone`; any further instant is in it too."""
    return f"On {clock(recorded.fact.at, zone)} ({zone}) {clause(recorded.fact, zone)}."


def clause(fact: Fact, zone: str) -> str:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    """What happened, as a clause of a sentence."""
    match fact:
        case ChargingStopped(reason=reason):
            return f"all charging was stopped: {quoted(reason)}"
        case ChargingResumed():
            return "charging was resumed"
        case PaymentCardAllowed(fingerprint=fingerprint, reason=reason):
            return f"payment card {fingerprint} was allowed again: {quoted(reason)}"
        case ClockConfirmed(until=until, reason=reason):
            return f"the clock was confirmed, after one had been ahead up to {clock(until, zone)}: {quoted(reason)}"
        case RestoreBegun(since=since, reason=reason):
            why = f"what happened since {clock(since, zone)} may be missing: {quoted(reason)}"
            return f"the database had been restored; all cards are looked up at the gateway, as {why}"
        case RestoreEnded(reason=reason):
            return "the look-ups after the restore ended" + (f" before their time: {quoted(reason)}" if reason else "")
        case facts.CardRegistered():
            return _registered(fact)
        case facts.ZoneChanged():
            return f"the card's time zone became {fact.zone}, from the next term on"
        case facts.HolderChanged():
            return f"the card came from {fact.before} to {fact.holder_id}"
        case facts.CardHeld():
            return f"the card was held by the {fact.by}: {quoted(fact.reason)}"
        case facts.CardReleased():
            return "the hold was lifted"
        case facts.NumberConfirmed(evidence=evidence):
            return f"a person confirmed that the number still exists (evidence: {quoted(evidence)})"
        case facts.CardClosed():
            return f"the card was closed: {quoted(fact.reason)}{owed(fact)}"
        case facts.PaymentMethodBound():
            return f"payment method {described(fact.method)} was bound"
        case facts.PaymentMethodUpdated():
            return f"payment method {described(fact.method)} got new details"
        case facts.PaymentMethodRemoved():
            return _removed(fact)
        case facts.PaymentMethodsOrdered():
            return _ordered(fact)
        case facts.PaymentMethodAllowed(method_id=method_id, fingerprint=fingerprint, reason=reason):
            return f"method {method_id} is allowed again with payment card {fingerprint}: {quoted(reason)}"
        case facts.AutoRenewEnabled():
            return f"auto-renewal was switched on: {offered(fact)}"
        case facts.PeriodChanged():
            return f"another period was chosen: {offered(fact)}"
        case facts.PriceChangeAnnounced():
            return _announced(fact)
        case facts.AutoRenewSwitchedOff():
            return f"auto-renewal was switched off {SWITCH_OFF_REASONS[fact.reason]}"
        case facts.RenewalRequested():
            return "the holder asked to be charged for the next term at once"
        case facts.RenewalRequestEnded(withheld=reason):
            why = f", and was not tried, since {withheld_by(reason, None)}" if reason else ""
            return f"what the holder had asked for ahead of time came to nothing{why}; the renewal opens on its day"
        case facts.RenewalStarted():
            return _started(fact)
        case facts.CardRenewed():
            return _renewed(fact)
        case facts.TermUndone(undone_number=number, term=term):
            why = f"since all that was charged for it by attempt {fact.attempt_id} went back"
            return f"term {number} was undone, {why}; term {term.number} runs on until {term.ends_on}"
        case facts.GraceStarted():
            return _grace(fact)
        case facts.Suspended():
            return _suspended(fact)
        case facts.Reinstated():
            return f"the service was switched on again with the payment of term {fact.term_number}"
        case facts.NumberReclaimed():
            return _reclaimed(fact)
        case facts.ChargingBlocked():
            return f"the card was to be charged, but {DELAY_REASONS[fact.reason]}"
        case facts.DeadlinesMoved():
            return _moved(fact)
        case facts.ReminderDue():
            return _reminder(fact, zone)
        case facts.Deferred():
            return _deferred(fact, zone)
        case facts.Replanned():
            return _replanned(fact, zone)
        case _:
            return money_clause(fact, zone)


def _registered(fact: facts.CardRegistered) -> str:
    term, keep = fact.term, fact.keep
    return (
        f"the card was taken into care: plan {fact.plan} in {fact.currency}, "
        f"term {term.number} from {term.starts_on} to {term.ends_on} in {term.zone}; unpaid it is suspended "
        f"{count(keep.grace_days, 'day')} after the end of a term and lost {count(keep.reclaim_days, 'day')} after it "
        f"(keep rule {fact.keep_rule})"
    )


def owed(fact: facts.CardClosed | facts.NumberReclaimed) -> str:
    """The clause about the balance of a card that is closed or reclaimed; empty where the balance is zero."""
    return f"; {money(fact.balance)} of its balance is owed to the holder" if fact.balance.minor else ""


def _removed(fact: facts.PaymentMethodRemoved) -> str:
    why = "by the holder" if fact.reason == "holder" else "because its mandate was withdrawn"
    return f"method {fact.method_id} was removed {why}"


def _ordered(fact: facts.PaymentMethodsOrdered) -> str:
    methods = f": {listed(fact.method_ids)}" if fact.method_ids else ""
    balance = "the balance is spent first" if fact.balance_first else "the balance is not spent by itself"
    return f"the holder chose the order of payment{methods}; {balance}"


def offered(fact: facts.AutoRenewEnabled | facts.PeriodChanged) -> str:
    """What the holder was shown and agreed to."""
    saving = f", saving {money(fact.saving)}" if fact.saving.minor else ""
    return (
        f"{count(fact.months, 'month')} at {money(fact.price)}{saving}{_fee(fact.reactivation_fee)}, "
        f"as shown from catalogue version {fact.catalogue_version} and agreed to under terms "
        f"{quoted(fact.terms_version)} through {fact.channel}"
    )


def _fee(fee: Money | None) -> str:
    return f", and {money(fee)} more if the service is off by then" if fee else ""


def _announced(fact: facts.PriceChangeAnnounced) -> str:
    instead = "; what was announced for later is taken back" if fact.replaces_later else ""
    return (
        f"the holder was told that {count(fact.months, 'month')} will cost {money(fact.price)}"
        f"{_fee(fact.reactivation_fee)} from {fact.applies_from} on "
        f"(catalogue version {fact.catalogue_version}){instead}"
    )


def _started(fact: facts.RenewalStarted) -> str:
    return (
        f"term {fact.term_number} was offered: {count(fact.months, 'month')} for {money(fact.price)}"
        f"{_fee(fact.reactivation_fee)} (catalogue version {fact.catalogue_version}, "
        f"policy version {fact.policy_version})"
    )


def _renewed(fact: facts.CardRenewed) -> str:
    term = fact.term
    fee = f" and {money(fact.reactivation_fee)} for the reactivation" if fact.reactivation_fee else ""
    taken = money(replace(fact.price, minor=fact.from_balance))
    if fact.attempt_id is None:
        how = "from the balance"
    else:
        how = f"by attempt {fact.attempt_id}" + (f" and {taken} from the balance" if fact.from_balance else "")
    return (
        f"the card was renewed for {count(fact.months, 'month')}: term {term.number} from {term.starts_on} "
        f"to {term.ends_on}, {money(fact.price)}{fee}, paid {how}"
    )


def _grace(fact: facts.GraceStarted) -> str:
    return (
        f"term {fact.term_number} had ended unpaid and grace began: the service stays on until {fact.suspends_on} "
        f"(policy version {fact.policy_version})"
    )


def _suspended(fact: facts.Suspended) -> str:
    code = f", the last code being {fact.last_code}" if fact.last_code else ""
    return (
        f"the service was suspended, since what follows term {fact.term_number} was not paid: "
        f"{count(fact.rungs, 'rung')} tried{code}; the number is ours until {fact.reclaimed_on} "
        f"(policy version {fact.policy_version})"
    )


def _reclaimed(fact: facts.NumberReclaimed) -> str:
    how = "its deadline had passed" if fact.by == "deadline" else "the carrier said so"
    return (
        f"the carrier took the number back, as {how}; it is in quarantine until {fact.quarantined_until}{owed(fact)} "
        f"(policy version {fact.policy_version})"
    )


def _moved(fact: facts.DeadlinesMoved) -> str:
    days = [f"the service ends on {fact.suspends_on}"] if fact.suspends_on else []
    days += [f"the number is lost on {fact.lost_on}"] if fact.lost_on else []
    notified = f"; the holder was to be told that now {listed(days)}" if days else ""
    why = DELAY_REASONS[fact.reason]
    return f"suspension and reclaim of the unpaid term moved by {span(fact.by)}, because {why}{notified}"


def _reminder(fact: facts.ReminderDue, zone: str) -> str:
    opens = "opened" if str(local_date(fact.at, zone)) > fact.about else "opens"  # notified late, by our own fault
    what = {
        "renewal_far_ahead": f"the renewal {opens} on {fact.about}",
        "renewal_ahead": f"the renewal {opens} on {fact.about}",
        "method_expires": f"method {fact.about} will have expired by the next term",
        "payment_failed": f"the payment failed (declines so far: {fact.about})",
        "lapse_ahead": f"auto-renewal is off, so nothing is paid beyond {fact.about}, {_lapse(fact)}",
        "last_chance": f"the number is lost on {fact.about}",
    }[fact.kind]
    return f"the holder was to be told that {what}{_charge_ahead(fact)}{_failure(fact, zone)}"


def _lapse(fact: facts.ReminderDue) -> str:
    return f"the service ends on {fact.suspends_on} and the number is lost on {fact.lost_on}"


def _charge_ahead(fact: facts.ReminderDue) -> str:
    """What is said ahead of a charge; facts of older logs say nothing of it."""
    if fact.charge_on is None or fact.amount is None or fact.months is None:
        return ""
    method = f", from method {fact.method_id}" if fact.method_id else ""
    return f" and {money(fact.amount)} for {count(fact.months, 'month')} will be charged on {fact.charge_on}{method}"


def _failure(fact: facts.ReminderDue, zone: str) -> str:
    """What is said after a failure; facts of older logs say nothing of it."""
    if fact.lost_on is None or fact.amount is None:
        return ""
    again = f"tried again on {clock(fact.next_try_at, zone)}" if fact.next_try_at else "not tried again by itself"
    fee = f", {money(fact.reactivation_fee)} of it the reactivation fee," if fact.reactivation_fee else ""
    off = f", the service ends on {fact.suspends_on}" if fact.suspends_on else ""
    declined = f" {money(fact.declined_amount)} was declined," if fact.declined_amount else ""
    return f":{declined} {money(fact.amount)}{fee} is {again}{off}, the number is lost on {fact.lost_on}"


def _deferred(fact: facts.Deferred, zone: str) -> str:
    until = f"until {clock(fact.until, zone)}" if fact.until else "without end"
    return f"there was nothing to do but wait {until} ({_reason(fact.reason)})"


def _replanned(fact: facts.Replanned, zone: str) -> str:
    until = f"asks the card again on {clock(fact.until, zone)}" if fact.until else "does not ask the card again"
    return f"rules had changed, and time now {until} ({_reason(fact.reason)})"


def _reason(reason: str) -> str:
    return reason.replace("_", " ")
