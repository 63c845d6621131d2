"""An attempt: one charge with one key, from its intent until its outcome is known; and who asks about it when.

Intent before effect: the attempt is a fact before the gateway hears of it. While nobody knows its outcome, no other
attempt is made and no deadline passes.
"""

from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.custody import HasStatus, is_kept
from engine.card.deadlines import DAY, HasDeadlines, carrier_reclaims_at
from engine.card.event import Event
from engine.card.step import Wait
from engine.card.term import AttemptReason, Renewal, without
from engine.errors import CorruptHistoryError
from engine.money import Money
from engine.policy import Policy
from engine.rules import Rules
from engine.value import Value

CLOSED_KEPT = 20
"""How many declined attempts a card remembers, and how many that never happened: a late success is given back."""

OutcomeSource = Literal["sent", "asked_again", "looked_up", "resolved", "late"]
"""How an outcome became known: by the first call, by the same key again, by a look-up, from a person, after the end."""


# Facts


class ChargeAttempted(Event, kw_only=True):
    """We decided to ask a payment method for money; committed before the gateway hears of it.

    `attempt_id` is the idempotency key. `number` counts attempts for the term, or for the top-up if that is what it
    is for; `rung` counts passes over the methods. `from_balance` is reserved in addition. `limits_edition` names the
    network limits that allowed it; `follows_decline` says that they count it, `last_rung` that no rung comes after it.
    """

    attempt_id: UUID
    term_number: int
    number: int
    rung: int
    reason: AttemptReason
    method_id: str
    token: str
    amount: Money
    policy_version: str
    top_up: int | None = None
    from_balance: int = 0
    fingerprint: str | None = None
    brand: str | None = None
    follows_decline: bool = False
    limits_edition: str | None = None
    last_rung: bool = False


class ChargeWithheld(Event, kw_only=True):
    """A try was due, but a rule forbade to make it: `reason` says which, `until` when it may be made (None: never)."""

    term_number: int
    top_up: int | None = None
    rung: int
    method_id: str
    reason: str
    until: Instant | None
    limits_edition: str | None = None
    policy_version: str
    last_rung: bool = False


class ChargeOutcomeUnknown(Event, kw_only=True):
    """Nobody can say whether money moved; until it is known nothing else is attempted and no deadline passes."""

    attempt_id: UUID
    term_number: int
    reason: str
    asked: int
    ask_again_at: Instant


class CaseOpened(Event, kw_only=True):
    """A person has to find out what became of an attempt or refund, or whether the number still exists: `reason`.

    `attempt_id` names the charge that a refund is to give back.
    """

    about: UUID
    reason: str
    attempt_id: UUID | None = None


# State


class Unknown(Value):
    """How often a question about money had no definite answer, and when it is asked again."""

    asked: int
    ask_again_at: Instant
    case_opened: bool = False


class Attempt(Value):
    """An attempt whose outcome is not recorded yet."""

    attempt_id: UUID
    method_id: str
    token: str
    amount: Money
    attempted_at: Instant
    rung: int
    top_up: int | None = None
    """The number of the top-up that it is for; None for a renewal."""
    from_balance: int = 0
    """Minor units reserved from the balance in addition."""
    fingerprint: str | None = None
    unknown: Unknown | None = None
    """None until a question about it had no definite answer."""
    look_up_only: bool = False
    """It is not wanted any more, and must not be sent again: it might charge for the first time."""

    @property
    def instrument(self) -> str:
        """What is charged, under whatever method id: the payment card's fingerprint, or else the token."""
        return self.fingerprint or self.token


class ClosedAttempt(Value):
    """An attempt that failed or never happened: late news of a success means money to give back."""

    attempt_id: UUID
    term_number: int
    amount: Money
    method_id: str
    top_up: int | None = None
    instrument: str | None = None
    happened: bool = False
    """Whether it was declined; else it was found that it never happened."""


class Attempts(Value):
    """The open attempt, and what is remembered of earlier ones."""

    open: Attempt | None = None
    made: int = 0
    """Attempts for the next term so far, over all renewals that offered it."""
    closed: tuple[ClosedAttempt, ...] = ()
    """The last ones that were declined, and the last ones that never happened, or so it was found."""


class HasAttempts(Protocol):
    """A card with its attempts."""

    @property
    def attempts(self) -> Attempts: ...


class HasHold(Protocol):
    """Since when the card is held; None while it is not."""

    @property
    def held_since(self) -> datetime | None: ...


class Askable(HasAttempts, HasDeadlines, HasStatus, HasHold, Protocol):
    """What asking about an attempt reads of a card."""


# Fold


def attempted(attempts: Attempts, fact: ChargeAttempted) -> Attempts:
    """One more attempt, open from now on."""
    attempt = Attempt(
        attempt_id=fact.attempt_id,
        method_id=fact.method_id,
        token=fact.token,
        amount=fact.amount,
        attempted_at=fact.at,
        rung=fact.rung,
        top_up=fact.top_up,
        from_balance=fact.from_balance,
        fingerprint=fact.fingerprint,
    )
    return Attempts(attempt, attempts.made if fact.top_up is not None else fact.number, attempts.closed)


def method_tried(renewal: Renewal, fact: ChargeAttempted) -> Renewal:
    """The method is tried in this pass, or begins a new one."""
    return _passed(renewal, fact.rung, fact.at, (fact.method_id,))


def method_withheld(renewal: Renewal, fact: ChargeWithheld) -> Renewal:
    """The method counts as tried, unless a network limit allows it later: then it is tried in the same pass."""
    allowed_later = fact.until is not None and fact.limits_edition is not None
    return _passed(renewal, fact.rung, fact.at, () if allowed_later else (fact.method_id,))


def _passed(renewal: Renewal, rung: int, at: datetime, tried: tuple[str, ...]) -> Renewal:
    if rung == renewal.rung:
        return replace(renewal, tried=(*renewal.tried, *tried), asked=False)
    return replace(renewal, rung=rung, rung_at=at, tried=tried, soon=(), asked_for=None, asked=False)


def outcome_unknown(attempts: Attempts, fact: ChargeOutcomeUnknown) -> Attempts:
    """The open attempt is asked about again."""
    attempt = open_attempt_of(attempts)
    case_opened = attempt.unknown is not None and attempt.unknown.case_opened
    unknown = Unknown(fact.asked, fact.ask_again_at, case_opened)
    return replace(attempts, open=replace(attempt, unknown=unknown))


def case_opened(attempts: Attempts) -> Attempts:
    """A person investigates the open attempt too."""
    attempt = open_attempt_of(attempts)
    if attempt.unknown is None:
        raise CorruptHistoryError(f"attempt {attempt.attempt_id}: a case without an unknown outcome")
    return replace(attempts, open=replace(attempt, unknown=replace(attempt.unknown, case_opened=True)))


def unwanted(attempts: Attempts, method_id: str | None = None) -> Attempts:
    """The open attempt, if it is of that method (None: of any), is looked up from now on, and not sent again."""
    attempt = attempts.open
    if attempt is None or attempt.look_up_only or method_id not in (None, attempt.method_id):
        return attempts
    return replace(attempts, open=replace(attempt, look_up_only=True))


def disputed(attempts: Attempts, instrument: str) -> Attempts:
    """The open attempt, if it charges what was disputed, is looked up from now on, and not sent again."""
    attempt = attempts.open
    if attempt is None or attempt.instrument != instrument:
        return attempts
    return replace(attempts, open=replace(attempt, look_up_only=True))


def open_attempt_of(attempts: Attempts) -> Attempt:
    """The open attempt; raises CorruptHistoryError where there is none."""
    if attempts.open is None:
        raise CorruptHistoryError("an outcome without an open attempt")
    return attempts.open


def reserve_debited(attempts: Attempts, minor: int) -> Attempts:
    """So much less of the balance is reserved with the open attempt."""
    if not minor:
        return attempts
    attempt = open_attempt_of(attempts)
    return replace(attempts, open=replace(attempt, from_balance=attempt.from_balance - minor))


def soon_again(renewal: Renewal, method_id: str) -> Renewal:
    """The method may be tried once more in this pass, shortly."""
    return replace(renewal, soon=(*renewal.soon, method_id), tried=without(renewal.tried, method_id))


# Asking


class AskCharge(Value):
    """Ask the gateway about an attempt that is already recorded."""

    attempt: Attempt
    learned: OutcomeSource


def ask_about(card: Askable, attempt: Attempt, rules: Rules, at: datetime) -> CaseOpened | AskCharge | Wait:
    """Ask about the open attempt, wait until it is asked about, or call a person.

    An attempt younger than the gateway's budget is left alone whoever asks: its first call may be under way.
    """
    policy, unknown = rules.policy, attempt.unknown
    if unknown is None:
        ask_at, reason = attempt.attempted_at + policy.gateway_budget, "answer_awaited"
    else:
        ask_at, reason = unknown.ask_again_at, "outcome_unknown"
        if not unknown.case_opened:
            soonest = carrier_reclaims_at(card) - policy.case_before_reclaim_days * DAY
            case_at = min(attempt.attempted_at + policy.case_after, soonest)
            if at >= case_at:
                return CaseOpened(about=attempt.attempt_id, reason="outcome_unknown", at=at)
            ask_at = ask_at if at >= ask_at else min(ask_at, case_at)
    if at < ask_at:
        return Wait(ask_at, reason)
    key_is_known = at < attempt.attempted_at + policy.key_lifetime
    return AskCharge(attempt, "asked_again" if key_is_known and _still_wanted(card, attempt, rules) else "looked_up")


def _still_wanted(card: Askable, attempt: Attempt, rules: Rules) -> bool:
    """Whether it may be sent again, since it might charge for the first time."""
    if attempt.look_up_only or rules.charging_stopped:
        return False
    return card.held_since is None and is_kept(card)


def not_answered(attempt: Attempt, term_number: int, reason: str, policy: Policy, at: datetime) -> ChargeOutcomeUnknown:
    """The gateway gave no definite answer."""
    asked = (attempt.unknown.asked if attempt.unknown else 0) + 1
    return ChargeOutcomeUnknown(
        attempt_id=attempt.attempt_id,
        term_number=term_number,
        reason=reason,
        asked=asked,
        ask_again_at=at + patience(policy, asked, attempt.attempted_at, at),
        at=at,
    )


def patience(policy: Policy, asked: int, sent_at: datetime, at: datetime) -> timedelta:
    """How long to wait after having asked so often, of what was first sent at `sent_at`."""
    if at >= sent_at + policy.key_lifetime:
        return policy.look_up_every
    waits = policy.ask_again_after
    return waits[min(asked, len(waits)) - 1]
