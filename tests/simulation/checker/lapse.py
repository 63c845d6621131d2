"""How cards lapse: only after the keep rule's days, and never by a fault of ours."""

from datetime import date, datetime, timedelta

from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.days import (
    CLOCK_SKEW,
    DAY,
    duration,
    local_day,
    time_covered,
)
from tests.simulation.checker.findings import Findings, Handler
from tests.simulation.checker.ladder import check_limited_methods
from tests.simulation.checker.reminders import check_days_told, check_told_of_lapse

LATE_AFTER = timedelta(hours=6)
_DONE_WITHIN = timedelta(days=3)


def note_late_wake(card: Card, fact: Fact) -> None:
    """A card that is woken much later than planned, or only after its number was lost, was kept from paying by us."""
    wake_at = card.wake_at
    if wake_at is None:
        return
    if fact.at - wake_at <= LATE_AFTER and not wake_at < card.reclaims_at(card.deadlines_moved) <= fact.at:
        return
    card.busy_until = fact.at
    if card.agreed_price is None or card.is_over or card.open_attempt or card.held_since or card.blocked_since:
        return
    if card.doubted_since is not None:
        return
    card.not_holders_fault.append((wake_at, fact.at))


def grace_started(findings: Findings, card: Card, fact: Fact) -> None:
    """The term is unpaid, service is on."""
    if fact.at < card.ends_at - CLOCK_SKEW or card.status != "active" or not card.grace_days:
        sentence = f"grace of {card.grace_days} days begins in status {card.status}"
        findings.violation("wrongful_suspension", fact, sentence)
    _check_unpaid(findings, card, fact, "grace begins")
    check_told_of_lapse(findings, card, fact)
    card.status, card.is_told_days = "grace", True


def suspended(findings: Findings, card: Card, fact: Fact) -> None:
    """The term is unpaid, service is off."""
    if card.status not in ("active", "grace"):
        findings.violation("wrongful_suspension", fact, f"it is suspended while {card.status}")
    if card.status == "active":
        check_told_of_lapse(findings, card, fact)
    _check_deadline(findings, card, fact, card.suspends_at(timedelta(0)), "it is suspended")
    _check_unpaid(findings, card, fact, "it is suspended")
    if not fact.body["policy_version"] or "rungs" not in fact.body:
        findings.violation("explained", fact, "it does not say after which attempts")
    card.status, card.is_told_days = "suspended", True


def reclaimed(findings: Findings, card: Card, fact: Fact) -> None:
    """The number is lost: by the deadline, or because the carrier said so."""
    if fact.body["by"] == "deadline":
        if card.status != "suspended":
            findings.violation("wrongful_suspension", fact, f"it is given up while {card.status}")
        _check_deadline(findings, card, fact, card.reclaims_at(timedelta(0)), "it is given up")
        _check_unpaid(findings, card, fact, "it is given up")
        _check_last_attempt(findings, card, fact)
        _check_balance_used(findings, card, fact)
        check_limited_methods(findings, card, fact)
    elif not fact.is_by_command:
        findings.violation("wrongful_suspension", fact, "the carrier never said so")
    _check_balance_owed(findings, card, fact)
    card.spent.end()
    card.status = "reclaimed"
    card.unwanted_position = fact.position


def closed(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder gave the card up."""
    if card.status == "closed":
        findings.violation("custody", fact, "it is closed twice")
    if card.status != "reclaimed":
        _check_balance_owed(findings, card, fact)
    card.spent.end()
    card.status = "closed"
    card.unwanted_position = fact.position


def _check_balance_owed(findings: Findings, card: Card, fact: Fact) -> None:
    owed = fact.body["balance"]["minor"]
    reserved = card.open_attempt.from_balance if card.open_attempt is not None else 0
    if owed != card.balance + reserved:
        sentence = f"{owed} are owed, but {card.balance} are on the balance and {reserved} reserved"
        findings.violation("balance", fact, sentence)


def _check_deadline(findings: Findings, card: Card, fact: Fact, by_rule: datetime, what: str) -> None:
    intervals = [*card.not_holders_fault]
    if card.blocked_since is not None:
        intervals.append((card.blocked_since, fact.at))
    earliest = by_rule + time_covered(_since(card.opens_at_latest, intervals))
    if fact.at < earliest - CLOCK_SKEW:
        findings.violation("wrongful_suspension", fact, f"{what} before {earliest}; by the keep rule {by_rule}")


def _check_unpaid(findings: Findings, card: Card, fact: Fact, what: str) -> None:
    """No attempt that may still pay for the term is open, and none has paid."""
    if card.open_attempt is not None:
        sentence = f"{what} while attempt {card.open_attempt.attempt_id} is open"
        findings.violation("wrongful_suspension", fact, sentence)
    if card.held_since is not None:
        findings.violation("wrongful_suspension", fact, f"{what} while the card is held")
    if card.doubted_since is not None:
        findings.violation("wrongful_suspension", fact, f"{what} before a person said whether the number still exists")
    could_pay = card.renewal is not None and card.agreed_price is not None and card.usable_methods()
    if card.blocked_since is not None and could_pay and findings.is_charging_stopped(fact.at):
        findings.violation("wrongful_suspension", fact, f"{what} while the operator has stopped all charging")
    for attempt in card.attempts.values():
        is_unused = attempt.outcome == "charged" and attempt.top_up is None and not attempt.is_used
        if is_unused and attempt.term_number == card.term_number + 1 and attempt.given_back < attempt.minor:
            findings.violation("wrongful_suspension", fact, f"{what} though {attempt.attempt_id} succeeded")


def _check_last_attempt(findings: Findings, card: Card, fact: Fact) -> None:
    """A card whose holder wants to pay, and could, is tried on the last of the holder's days.

    Those are over where the number is given up late only since we were away: then nothing is tried once more.
    """
    free_at = fact.at - 2 * DAY
    ready = [one for one in card.usable_methods() if card.not_before.get(one, free_at) <= free_at]
    if card.agreed_price is None or not ready or card.renewal is None or card.renewal.rung == 0:
        return
    if card.enabled_at >= card.reclaims_at(card.deadlines_moved):  # who wants to pay only then is too late
        return
    tried_at = card.last_attempt_at
    delayed = time_covered(_since(tried_at, card.not_holders_fault)) if tried_at else timedelta(0)
    if tried_at is None or local_day(tried_at + delayed, card.zone) < card.last_day - DAY:
        findings.violation("ladder", fact, f"it is given up, but the last attempt was made at {tried_at}")


def _check_balance_used(findings: Findings, card: Card, fact: Fact) -> None:
    """The number is not lost while the balance has been enough for a day, whether it is spent first or not."""
    if card.agreed_price is None or card.renewal is None or card.enabled_at > fact.at - DAY:
        return
    due = card.renewal.price + card.renewal.fee
    if card.balance >= due and (card.balance_changed_at is None or card.balance_changed_at < fact.at - DAY):
        findings.violation("wrongful_suspension", fact, f"it is given up, but {card.balance} are enough for {due}")


def charging_blocked(_: Findings, card: Card, fact: Fact) -> None:
    """A charge was due while the operator had stopped all charging."""
    card.blocked_since = fact.at


def deadlines_moved(findings: Findings, card: Card, fact: Fact) -> None:
    """Deadlines move by the time in which we kept the term from being paid."""
    by = duration(fact.body["by"])
    if by < timedelta(0):
        findings.violation("wrongful_suspension", fact, f"deadlines move by {by}")
    if card.blocked_since is not None:
        card.not_holders_fault.append((card.blocked_since, fact.at))
        card.blocked_since, card.busy_until = None, fact.at
    before = _last_days(card)
    card.deadlines_moved += by
    moved = card.deadlines_moved
    if card.is_told_days and _last_days(card) != before:
        check_days_told(findings, card, fact, is_off=card.status == "suspended")
    elif fact.body.get("lost_on"):
        findings.violation("reminder", fact, "days are told again that were not told before, or are the same")
    most = time_covered(_since(card.opens_at_earliest, card.not_holders_fault))
    if moved > most + card.passed_twice + CLOCK_SKEW:
        findings.violation("moved_too_far", fact, f"deadlines moved by {moved}, but we delayed it only by {most}")
    least = time_covered(_since(card.opens_at_latest, card.not_holders_fault))
    if moved < least - CLOCK_SKEW:
        findings.violation("moved_too_little", fact, f"deadlines moved by {moved}, though we delayed it by {least}")


def _last_days(card: Card) -> list[date]:
    """The holder's days on which the service ends and the number is lost, as far as still to come."""
    deadlines = [card.reclaims_at(card.deadlines_moved)]
    if card.status != "suspended":
        deadlines.append(card.suspends_at(card.deadlines_moved))
    return [local_day(one, card.zone) for one in deadlines]


def _since(opening: datetime, intervals: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The parts of the intervals after the renewal opened."""
    return [(max(begins, opening), ends) for begins, ends in intervals if ends > opening]


def finish(findings: Findings, card: Card, at: datetime) -> None:
    """At the end no card was forgotten."""
    if card.is_over or card.status == "unregistered":
        return
    held_over = card.held_since is not None and at > card.reclaims_at(timedelta(0)) + _DONE_WITHIN
    if (held_over or card.must_be_confirmed) and card.doubted_since is None and card.confirmed_at is None:
        findings.violation("liveness", card.card_id, "nobody was asked whether the number of a held card still exists")
    if card.held_since is not None or card.doubted_since is not None or card.open_attempt is not None:
        return
    unpaid = f"unpaid since {card.ends_on}, it"
    if at > card.suspends_at(card.deadlines_moved) + _DONE_WITHIN and card.status in ("active", "grace"):
        findings.violation("liveness", card.card_id, f"{unpaid} is still {card.status}")
    if at > card.reclaims_at(card.deadlines_moved) + _DONE_WITHIN:
        findings.violation("liveness", card.card_id, f"{unpaid} was not given up")
    could_pay = card.agreed_price is not None and any(one not in card.not_before for one in card.usable_methods())
    is_untried = card.renewal is None or card.renewal.rung == 0
    if could_pay and is_untried and at > max(card.ends_at, card.enabled_at) + DAY:
        tried_at = card.last_attempt_at
        if tried_at is None or tried_at < card.ends_at - 10 * DAY:
            findings.violation("liveness", card.card_id, f"{unpaid} was never charged")


HANDLERS: dict[str, Handler] = {
    "grace_started.v1": grace_started,
    "suspended.v1": suspended,
    "number_reclaimed.v1": reclaimed,
    "card_closed.v1": closed,
    "charging_blocked.v1": charging_blocked,
    "deadlines_moved.v1": deadlines_moved,
}
