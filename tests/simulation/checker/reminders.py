"""Reminders of a charge: a week before it, with what it costs; none is made before that notice is five days old.

Consent that is given later than the notice is due is itself the notice; a charge that the holder asks for needs none.
"""

from datetime import date, datetime, timedelta

from tests.simulation.checker.card import Card, Fact, ToldTry
from tests.simulation.checker.days import CLOCK_SKEW, DAY, HOUR, OPENINGS, instant, local_day, opening
from tests.simulation.checker.findings import Findings

AHEAD, WAIT = 7 * DAY, 5 * DAY
FAR_AHEAD, FAR_AHEAD_OF_MONTHS = 28 * DAY, (6, 12)
LAPSE_AHEAD = 7 * DAY
"""Before the term ends; by the earliest opening that is a few days more."""
LAPSE_LATE = 5 * DAY
"""Later than that nobody may learn of it."""
_LONG_AGO = 60 * DAY
_SOON = 6 * HOUR
_PLANNED_ANEW_WITHIN = DAY
_TRIED_WITHIN = 12 * HOUR
_TRIES = frozenset({"charge_attempted.v1", "charge_withheld.v1"})
_AS_EXPECTED = frozenset(
    {"grace_started.v1", "suspended.v1", "number_reclaimed.v1", "reminder_due.v1", "deferred.v1", *_TRIES}
)
"""What happens as the holder was told; with anything else the next try may come at another time."""


def price_on(card: Card, agreed: int, day: date) -> tuple[int, int]:
    """Price and fee: those announced that apply since the latest day up to `day`, or else those agreed to."""
    begun = [one for one in card.announced if one.begins_on <= day and one.months == card.agreed_months]
    return (begun[-1].price, begun[-1].fee) if begun else (agreed, card.agreed_fee)


def told_ahead(findings: Findings, card: Card, fact: Fact) -> None:
    """The holder is told of the charge: in time, with price, period, method and day."""
    body = fact.body
    version = body.get("policy_version")
    if version not in OPENINGS:
        findings.violation("reminder", fact, f"it does not say by which policy: {version}")
        return
    for wrong in _wrong_values(card, fact, version):
        findings.violation("reminder", fact, wrong)
    is_far = body["kind"] == "renewal_far_ahead"
    if is_far and card.agreed_months not in FAR_AHEAD_OF_MONTHS:
        findings.violation("reminder", fact, f"{card.agreed_months} months are told of far ahead")
    _check_in_time(findings, card, fact, version, FAR_AHEAD if is_far else AHEAD)
    if not is_far:
        card.told_ahead_at = fact.at
        _check_told_far_ahead(findings, card, fact, version)
        earliest, _ = _opens_between(card, version)
        if fact.at + WAIT > earliest:  # we told it too late
            card.not_holders_fault.append((card.ends_at - _LONG_AGO, fact.at + WAIT))
            card.late_notices.append(card.not_holders_fault[-1])


def _wrong_values(card: Card, fact: Fact, version: str) -> list[str]:
    """What is not as it will be charged."""
    body = fact.body
    opens_on = card.ends_on - OPENINGS[version][0] * DAY
    agreed, _ = price_on(card, card.agreed_price or 0, opens_on)
    price = agreed if card.renewal is None or card.renewal.is_stale else card.renewal.price
    earliest, latest = _opens_between(card, version)
    old_enough_on = local_day(fact.at + WAIT, card.zone)
    days = {opens_on} if fact.at + WAIT < earliest else {old_enough_on}
    days |= {opens_on, old_enough_on} if earliest <= fact.at + WAIT <= latest else set()
    method = next(iter(card.usable_methods()), None)
    expected = {"about": [str(opens_on)], "months": [card.agreed_months], "charge_on": [str(day) for day in days]}
    expected |= {"method_id": [method], "amount": [price]}
    found = {name: body.get(name) for name in expected} | {"amount": (body.get("amount") or {}).get("minor")}
    return [f"{name} is {found[name]}, not {right}" for name, right in expected.items() if found[name] not in right]


def _check_in_time(findings: Findings, card: Card, fact: Fact, version: str, ahead: timedelta) -> None:
    """It comes late only where something came between."""
    due_at = _opens_between(card, version)[1] - ahead
    since = findings.policies_since.get(version, fact.at) + _PLANNED_ANEW_WITHIN
    planned = card.wake_at is not None and card.wake_at <= due_at + _SOON
    if fact.at > due_at + _SOON and not planned and max(card.busy_until, since) < due_at:
        findings.violation("reminder", fact, f"it was due at {due_at}, and planned for {card.wake_at}")


def _check_told_far_ahead(findings: Findings, card: Card, fact: Fact, version: str) -> None:
    """Who pays for a long period was told weeks before too, unless something came between or consent was later."""
    if card.agreed_months not in FAR_AHEAD_OF_MONTHS or ("renewal_far_ahead",) in card.reminders:
        return
    due_at = min(_opens_between(card, one)[0] for one in OPENINGS) - FAR_AHEAD
    since = findings.policies_since.get(version, fact.at) + _PLANNED_ANEW_WITHIN
    if max(card.consent_at, card.busy_until, since) < due_at:
        findings.violation("reminder", fact, f"of {card.agreed_months} months nobody was told far ahead, at {due_at}")


def check_noticed(findings: Findings, card: Card, fact: Fact, version: str | None) -> None:
    """The first charge of a term that the holder did not ask for follows a notice that is old enough."""
    openings = [_opens_between(card, one)[0] for one in (OPENINGS if version is None else [version])]
    if card.consent_at >= min(openings) - AHEAD - CLOCK_SKEW:
        return
    if card.told_ahead_at is None:
        findings.violation("reminder", fact, "it is charged though the holder was not told of it")
    elif fact.at < card.told_ahead_at + WAIT - CLOCK_SKEW:
        findings.violation("reminder", fact, f"it is charged though the holder was told only at {card.told_ahead_at}")


def _opens_between(card: Card, version: str) -> tuple[datetime, datetime]:
    """When the renewal opens at the earliest and at the latest; an hour is left for changes of the clock."""
    begins = opening(card.ends_on, card.zone, version)
    return begins - HOUR, begins + 2 * HOUR


def check_failure(findings: Findings, card: Card, fact: Fact) -> None:
    """A failure is told with what is due, when it is tried again, and what is lost when."""
    body, renewal = fact.body, card.renewal
    if renewal is None:
        return
    is_off, next_try_at = card.status == "suspended", body.get("next_try_at")
    off_by_then = next_try_at is not None and instant(next_try_at) > card.suspends_at(card.deadlines_moved)
    due = renewal.price + (renewal.fee if is_off or off_by_then else 0)
    if (body.get("amount") or {}).get("minor") != due:
        findings.violation("reminder", fact, f"the failure of {body.get('amount')} is told, not of {due}")
    fee, declined = (body.get(name) or {"minor": 0} for name in ("reactivation_fee", "declined_amount"))
    if fee["minor"] != due - renewal.price:
        findings.violation("reminder", fact, f"{fee['minor']} of {due} is told to be the fee")
    if declined["minor"] != (renewal.declined_minor if renewal.declines else 0):
        findings.violation("reminder", fact, f"{declined['minor']} is told to have been declined")
    check_days_told(findings, card, fact, is_off=is_off)
    card.is_told_days = True
    if card.blocked_since is None:  # else it comes when the operator lets it
        renewal.told_try = ToldTry(instant(next_try_at) if next_try_at else None, body["policy_version"])


def check_told_try(findings: Findings, card: Card, fact: Fact) -> None:
    """The next try comes when the holder was told that it would, unless something else happened in between."""
    renewal = card.renewal
    if renewal is None or renewal.told_try is None:
        return
    at, policy = renewal.told_try
    if fact.is_by_command or fact.topic not in _AS_EXPECTED or fact.body.get("policy_version", policy) != policy:
        renewal.told_try = None
        return
    if fact.topic in _TRIES:
        renewal.told_try = None
        if fact.body.get("top_up") is None and (at is None or fact.at < at - CLOCK_SKEW):
            findings.violation("reminder", fact, f"it is tried, though the next try was told to be at {at}")
    if at is not None and fact.at > at + _TRIED_WITHIN and card.busy_until < at:
        renewal.told_try = None
        findings.violation("reminder", fact, f"the next try was told to be at {at}, and has not come")


def check_days_told(findings: Findings, card: Card, fact: Fact, *, is_off: bool) -> None:
    """The days on which the service ends and the number is lost are right."""
    suspends_on = None if is_off else str(local_day(card.suspends_at(card.deadlines_moved), card.zone))
    right = suspends_on, str(local_day(card.reclaims_at(card.deadlines_moved), card.zone))
    told = fact.body.get("suspends_on"), fact.body.get("lost_on")
    if told != right:
        findings.violation("reminder", fact, f"{told} are told as the days of the end, not {right}")


def told_of_lapse(findings: Findings, card: Card, fact: Fact) -> None:
    """Who is charged nothing is told days before the term ends that the service ends."""
    body = fact.body
    if body["about"] != str(card.ends_on):
        findings.violation("reminder", fact, f"a lapse is told to be on {body['about']}, not on {card.ends_on}")
    earliest = min(_opens_between(card, one)[0] for one in OPENINGS) - LAPSE_AHEAD
    if fact.at < max(earliest, card.off_since + DAY) - CLOCK_SKEW:
        findings.violation("reminder", fact, f"a lapse is told too soon, before {earliest}")
    check_days_told(findings, card, fact, is_off=False)
    card.is_told_days = True


def check_told_of_lapse(findings: Findings, card: Card, fact: Fact) -> None:
    """As the term ends the holder was told of that, unless something came between."""
    if card.agreed_price is not None or ("lapse_ahead",) in card.reminders:
        return
    if max(card.off_since + DAY, card.busy_until) < card.ends_at - LAPSE_LATE:
        findings.violation(
            "reminder", fact, f"nobody was told that the service ends, though it is off {card.off_since}"
        )
