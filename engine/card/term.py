"""Terms: the one that runs, the renewal that offers the next one, its price, and what its payment means."""

from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant, Term, local_date, start_of_day, term_after, term_from
from engine.card.consent import AutoRenewEnabled, Consent, HasConsent, PeriodChanged, agreed_on
from engine.card.custody import HasCustody
from engine.card.deadlines import HasTerm, opening_of, opens_at
from engine.card.event import Event
from engine.catalogue import Period
from engine.errors import CorruptHistoryError
from engine.money import Money
from engine.policy import Policy
from engine.rules import Rules
from engine.value import Value

AttemptReason = Literal[
    "renewal_opened", "next_method", "next_rung", "soon", "new_method", "new_terms", "holder_asked", "top_up", "on_page"
]
"""Why an attempt was made; only `renewal_opened` and `next_rung` begin a rung."""


# Facts


class RenewalStarted(Event, kw_only=True):
    """The next term was offered at this price; it stays so until paid or given up.

    `reactivation_fee` comes on top if the service is off by then.
    """

    term_number: int
    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    policy_version: str
    reactivation_fee: Money | None = None


class CardRenewed(Event, kw_only=True):
    """The next term is paid and begins where the last one ended, or on the day of payment after a lapse.

    `attempt_id` and `method_id` are None when the balance paid for all of it.
    """

    term: Term
    months: Period
    price: Money
    anchor_day: int
    attempt_id: UUID | None
    from_balance: int = 0
    reactivation_fee: Money | None = None
    method_id: str | None = None


class Reinstated(Event, kw_only=True):
    """A suspended card was paid; the service is on again."""

    term_number: int


# State


class Renewal(Value):
    """The next term on offer, unpaid, since `offered_at`; and the passes over the payment methods made for it."""

    months: Period
    price: Money
    offered_at: Instant
    reactivation_fee: Money | None = None
    stale: bool = False
    """Consent changed since: nothing more is attempted at this price."""
    rung: int = 0
    """Rungs begun so far; a pass that the holder asked for is none."""
    rung_at: Instant | None = None
    tried: tuple[str, ...] = ()
    """Methods tried in this pass."""
    soon: tuple[str, ...] = ()
    """Methods that had their quick second try in this rung."""
    outside_ladder: AttemptReason | None = None
    """Why a pass outside of the ladder is under way: its tries have that reason; None: there is none."""
    is_over: bool = False
    """The pass that the holder asked for ahead of time came to nothing: it is offered anew when the renewal opens."""
    request_open: bool = False
    """The holder asked to be charged, and nothing was tried since."""
    withheld: str | None = None
    """Why the last try was not made, if nothing was tried since, nor the holder notified of a failure."""
    first_failed_at: Instant | None = None
    """Of the first rung."""
    last_code: str | None = None
    declines: int = 0
    declines_notified: int | None = None
    """How many declines there were at the last notice of a failed payment; None: there was no notice yet."""


class HasRenewal(HasTerm, Protocol):
    """A card with its running term, its anchor day and the renewal on offer."""

    @property
    def anchor_day(self) -> int: ...

    @property
    def renewal(self) -> Renewal | None: ...


class Renewable(HasRenewal, HasCustody, Protocol):
    """What payment of a term reads of a card."""


class Offerable(Renewable, HasConsent, Protocol):
    """What an offer of the next term reads of a card."""


# Fold


def offered(renewal: Renewal | None, fact: RenewalStarted) -> Renewal:
    """A new offer of the same term keeps the ladder's counters."""
    if renewal is None:
        return Renewal(fact.months, fact.price, fact.at, fact.reactivation_fee)
    if renewal.is_over:
        renewal = replace(renewal, offered_at=fact.at, outside_ladder=None, request_open=False, tried=(), is_over=False)
    return replace(renewal, months=fact.months, price=fact.price, reactivation_fee=fact.reactivation_fee, stale=False)


def on_offer(renewal: Renewal | None) -> Renewal:
    """The renewal that a charge belongs to; raises CorruptHistoryError where there is none."""
    if renewal is None:
        raise CorruptHistoryError("a charge without a renewal")
    return renewal


def outdated(renewal: Renewal | None, fact: AutoRenewEnabled | PeriodChanged) -> Renewal | None:
    """Consent changed: nothing more is attempted at this price; what is cheaper or shorter is tried at once."""
    if renewal is None:
        return None
    renewal = replace(renewal, stale=True)
    is_less = fact.price.minor < renewal.price.minor or fact.months < renewal.months
    return replace(renewal, outside_ladder="new_terms", tried=()) if is_less and renewal.rung else renewal


def wanted_by_holder(renewal: Renewal | None) -> Renewal | None:
    """The holder asks to be charged now: a pass outside of the ladder begins."""
    if renewal is None:
        return None
    return replace(renewal, outside_ladder="holder_asked", request_open=True, tried=(), withheld=None)


def method_added(renewal: Renewal | None, method_id: str) -> Renewal | None:
    """A new or updated method is tried at once, once the ladder has begun; ahead of it nobody asked for that."""
    if renewal is None or not renewal.rung:
        return renewal
    return replace(renewal, outside_ladder="new_method", tried=without(renewal.tried, method_id))


def asked_on_page(renewal: Renewal) -> Renewal:
    """The holder pays on the provider's page: no pass begins; ahead of the opening it is offered for that alone."""
    return renewal if renewal.rung or renewal.outside_ladder is not None else replace(renewal, outside_ladder="on_page")


def request_over(renewal: Renewal | None) -> Renewal | None:
    """Nothing more is tried before the renewal opens; what happened so far still counts."""
    return None if renewal is None else replace(renewal, is_over=True, request_open=False, withheld=None)


def failure_notified(renewal: Renewal | None) -> Renewal | None:
    """The holder is notified of the failures so far."""
    return None if renewal is None else replace(renewal, declines_notified=renewal.declines, withheld=None)


def without(method_ids: tuple[str, ...], method_id: str) -> tuple[str, ...]:
    """All but that one."""
    return tuple(one for one in method_ids if one != method_id)


# Decisions


def open_since(card: HasRenewal, policy: Policy) -> datetime:
    """Since when, or from when on, the renewal is open: from the policy's day, or since it was offered if earlier.

    A renewal that the holder asked for ahead of its day and that came to nothing has not opened it.
    """
    renewal, opening = card.renewal, opens_at(card, policy)
    if renewal is not None and (renewal.rung > 0 or renewal.outside_ladder is None):
        return min(opening, renewal.offered_at)  # it is open, whatever the policy says of later ones
    return opening


def offer(card: Offerable, consent: Consent, rules: Rules, at: datetime) -> RenewalStarted:
    """The next term at the price and fee that the holder agreed to, or was notified of in time.

    What counts is the local day on which the renewal opens, however late we come to it.
    """
    today = local_date(min(at, opens_at(card, rules.policy)), card.term.zone)
    price = agreed_on(consent, card.announced, today)
    return RenewalStarted(
        term_number=card.term.number + 1,
        months=consent.months,
        price=price.price,
        saving=price.saving,
        catalogue_version=price.catalogue_version,
        policy_version=rules.policy.version,
        reactivation_fee=price.reactivation_fee,
        at=at,
    )


def price_ahead(card: Offerable, consent: Consent, policy: Policy) -> Money:
    """What the next term costs as it is offered, or will be when the renewal opens."""
    if card.renewal is not None and not card.renewal.stale:
        return card.renewal.price
    return agreed_on(consent, card.announced, local_date(opens_at(card, policy), card.term.zone)).price


def amount_due(card: HasCustody, renewal: Renewal) -> Money:
    """What the term costs now: the reactivation fee comes on top where the service is off."""
    fee = renewal.reactivation_fee
    return renewal.price + fee if fee is not None and card.status == "suspended" else renewal.price


def renewed(
    card: Renewable,
    renewal: Renewal,
    policy: Policy,
    at: datetime,
    *,
    from_balance: int,
    attempt_id: UUID | None = None,
    method_id: str | None = None,
) -> tuple[Reinstated | CardRenewed, ...]:
    """The next term: after the last one, or from the day of payment when the service was off or it is paid too late.

    Nobody pays for time without service (decisions: "late payment restarts the term?"), nor for two terms at once.
    """
    months, anchor_day, zone = renewal.months, card.anchor_day, card.custody.zone
    term = term_after(card.term, months, anchor_day, zone)
    if card.status == "suspended" or _is_late(card.card_id, term, policy, at):
        starts_on = max(local_date(at, zone), card.term.ends_on)  # after a move westwards it may be the day before
        starts_at, anchor_day = max(start_of_day(starts_on, zone), card.term.ends_at), starts_on.day
        term = term_from(term.number, starts_on, months, anchor_day, zone, starts_at)
    fact = CardRenewed(
        term=term,
        months=months,
        price=renewal.price,
        anchor_day=anchor_day,
        attempt_id=attempt_id,
        from_balance=from_balance,
        reactivation_fee=renewal.reactivation_fee if card.status == "suspended" else None,
        method_id=method_id,
        at=at,
    )
    if card.status == "suspended":
        return Reinstated(term_number=term.number, at=at), fact
    return (fact,)


def _is_late(card_id: UUID, term: Term, policy: Policy, at: datetime) -> bool:
    """Whether a term is paid after it began, and the renewal of the one after it would soon be open, or is already."""
    return at >= term.starts_at and at > opening_of(card_id, term, policy) - timedelta(policy.late_restart_days)
