"""An attempt: one charge with one key, from its intent until its outcome is known.

Intent before effect: the attempt is a fact before the gateway hears of it. One attempt is open for each purpose at
most: while nobody knows the outcome of one for the renewal, no other attempt is made and no deadline passes; one of
unknown outcome for a top-up keeps no renewal waiting, and no deadline.
"""

from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.event import Event
from engine.card.term import AttemptReason, Renewal, without
from engine.errors import CorruptHistoryError
from engine.money import Money
from engine.value import Value

CLOSED_KEPT = 20
"""How many declined attempts a card remembers, and how many that never happened: a late success is given back.

That of an older one is found in the card's history, which costs a read of all of it (recall.py).
"""

OutcomeSource = Literal["sent", "asked_again", "looked_up", "resolved", "late"]
"""How an outcome became known: by the first call, by the same key again, by a look-up, from a person, after the end."""


# Facts


class ChargeAttempted(Event, kw_only=True):
    """We decided to ask a payment method for money; committed before the gateway hears of it.

    `attempt_id` is the idempotency key. `number` counts attempts for the term, or for the top-up if that is what it
    is for; `rung` counts the rungs of the ladder. `from_balance` is reserved in addition. `limits_edition` names the
    network limits that allowed it; `follows_decline` says that they count it, `last_rung` that no rung comes after it.
    `page_until`: we do not ask, the holder pays on the provider's page, which is open until then.
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
    page_until: Instant | None = None


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
    """Nobody can say whether money moved; until it is known nothing else is attempted for the same purpose."""

    attempt_id: UUID
    term_number: int
    reason: str
    asked: int
    ask_again_at: Instant


class ChargePending(Event, kw_only=True):
    """The gateway accepted the charge, and will know its outcome later; until then it is looked up once a day.

    `gateway_ref` is its name for the charge. Nothing else is attempted for the same purpose meanwhile.
    """

    attempt_id: UUID
    term_number: int
    gateway_ref: str
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
    reserve_taken: int = 0
    """Minor units of the reserve that left the balance meanwhile: it does not pay for its renewal any more."""
    fingerprint: str | None = None
    unknown: Unknown | None = None
    """None until a question about it had no definite answer."""
    pending_ref: str | None = None
    """The gateway's name for the charge, once it has said that its outcome comes later."""
    page_until: Instant | None = None
    """The end of the provider's page on which the holder pays it; None: it is sent by us."""
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
    """The open attempts, one for each purpose at most, and what is remembered of earlier ones."""

    open: Attempt | None = None
    """For the renewal; only this one may have reserved a part of the balance."""
    top_up: Attempt | None = None
    """For the top-up under way."""
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
        page_until=fact.page_until,
    )
    if fact.top_up is not None:
        return replace(attempts, top_up=attempt)
    return replace(attempts, open=attempt, made=fact.number)


def method_tried(renewal: Renewal, fact: ChargeAttempted) -> Renewal:
    """The method is tried in this pass, or begins a new one."""
    return _passed(replace(renewal, withheld=None), fact.rung, fact.at, (fact.method_id,))


def method_withheld(renewal: Renewal, fact: ChargeWithheld) -> Renewal:
    """The method counts as tried, unless a network limit allows it later: then it is tried in the same pass."""
    allowed_later = fact.until is not None and fact.limits_edition is not None
    tried = () if allowed_later else (fact.method_id,)
    return _passed(replace(renewal, withheld=fact.reason), fact.rung, fact.at, tried)


def _passed(renewal: Renewal, rung: int, at: datetime, tried: tuple[str, ...]) -> Renewal:
    if rung == renewal.rung:
        return replace(renewal, tried=(*renewal.tried, *tried), request_open=False)
    return replace(renewal, rung=rung, rung_at=at, tried=tried, soon=(), outside_ladder=None, request_open=False)


def outcome_unknown(attempts: Attempts, fact: ChargeOutcomeUnknown | ChargePending) -> Attempts:
    """The open attempt is asked about again."""
    attempt = open_attempt_of(attempts, fact.attempt_id)
    case_opened = attempt.unknown is not None and attempt.unknown.case_opened
    pending_ref = fact.gateway_ref if isinstance(fact, ChargePending) else attempt.pending_ref
    unknown = Unknown(fact.asked, fact.ask_again_at, case_opened)
    return _changed(attempts, replace(attempt, unknown=unknown, pending_ref=pending_ref))


def case_opened(attempts: Attempts, attempt_id: UUID) -> Attempts:
    """A person investigates the open attempt too."""
    attempt = open_attempt_of(attempts, attempt_id)
    if attempt.unknown is None:
        raise CorruptHistoryError(f"attempt {attempt.attempt_id}: a case without an unknown outcome")
    return _changed(attempts, replace(attempt, unknown=replace(attempt.unknown, case_opened=True)))


def unwanted(attempts: Attempts, method_id: str | None = None) -> Attempts:
    """The open attempts, those of that method (None: of any), are looked up from now on, and not sent again."""
    for attempt in open_attempts(attempts):
        if method_id in (None, attempt.method_id):
            attempts = _changed(attempts, replace(attempt, look_up_only=True))
    return attempts


def disputed(attempts: Attempts, instrument: str) -> Attempts:
    """The open attempts that charge what was disputed are looked up from now on, and not sent again."""
    for attempt in open_attempts(attempts):
        if attempt.instrument == instrument:
            attempts = _changed(attempts, replace(attempt, look_up_only=True))
    return attempts


def open_attempts(attempts: Attempts) -> tuple[Attempt, ...]:
    """The attempts whose outcomes are awaited: that for the renewal first."""
    if attempts.top_up is None:
        return () if attempts.open is None else (attempts.open,)
    return (attempts.top_up,) if attempts.open is None else (attempts.open, attempts.top_up)


def open_attempt(attempts: Attempts, attempt_id: UUID) -> Attempt | None:
    """The open attempt of that id, whatever it is for; None where there is none."""
    for one in open_attempts(attempts):
        if one.attempt_id == attempt_id:
            return one
    return None


def closed_attempt(attempts: Attempts, attempt_id: UUID) -> ClosedAttempt | None:
    """The attempt of that id that was closed as not charged, as far as the card remembers it."""
    return next((one for one in attempts.closed if one.attempt_id == attempt_id), None)


def open_attempt_of(attempts: Attempts, attempt_id: UUID) -> Attempt:
    """The open attempt of that id; raises CorruptHistoryError where there is none."""
    attempt = open_attempt(attempts, attempt_id)
    if attempt is None:
        raise CorruptHistoryError("an outcome without an open attempt")
    return attempt


def attempt_ended(attempts: Attempts, attempt: Attempt) -> Attempts:
    """The outcome of the open attempt is known."""
    return replace(attempts, open=None) if attempt.top_up is None else replace(attempts, top_up=None)


def _changed(attempts: Attempts, attempt: Attempt) -> Attempts:
    return replace(attempts, open=attempt) if attempt.top_up is None else replace(attempts, top_up=attempt)


def reserve_debited(attempts: Attempts, minor: int) -> Attempts:
    """So much less of the balance is reserved with the open attempt."""
    if not minor:
        return attempts
    attempt = attempts.open
    if attempt is None:
        raise CorruptHistoryError("a reserve without an open attempt")
    from_balance, taken = attempt.from_balance - minor, attempt.reserve_taken + minor
    return replace(attempts, open=replace(attempt, from_balance=from_balance, reserve_taken=taken))


def not_tried(renewal: Renewal | None, method_id: str) -> Renewal | None:
    """The method may be tried in this pass again: what it was charged paid for nothing, and goes back."""
    return None if renewal is None else replace(renewal, tried=without(renewal.tried, method_id))


def soon_again(renewal: Renewal, method_id: str) -> Renewal:
    """The method may be tried once more in this pass, shortly."""
    return replace(renewal, soon=(*renewal.soon, method_id), tried=without(renewal.tried, method_id))
