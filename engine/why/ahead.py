"""What happens next to a card, and when: from the wake time of its last fact and the card after it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, assert_never

from engine.calendar import local_date
from engine.card.attempt import open_attempts
from engine.card.card import Card
from engine.card.consent import Consent
from engine.card.deadlines import DAY, carrier_reclaims_at, last_day, reclaims_at, suspends_at
from engine.card.doubt import is_in_doubt
from engine.card.methods import usable_methods
from engine.card.on_page import surely_closed_at
from engine.card.waking import Deferred, Replanned
from engine.policy import REMINDER_RULES
from engine.reasons import PlanReason, WaitReason, is_plan_reason
from engine.why.phrases import clock, ordinal
from engine.why.story import Sentence, Story

NOTICE_DAYS = min(rule.ahead_days for rule in REMINDER_RULES.values())
"""So many days before a renewal opens its holder is notified of it, or more."""

_AheadReason = Literal[PlanReason, "case"]
"""Why a card wakes: what it waits for, what is due at once, or that a case for a person falls due."""


def ahead(story: Story, place: int) -> Sentence:
    """What happens next, as of the fact at `place`."""
    recorded, card = story.records[place], story.cards[place]
    if recorded.wake_at is None:
        return story.sentence(f"Next, nothing happens by itself{_for_good(card)}.", place)
    if recorded.wake_at <= recorded.fact.at:
        return story.sentence("Next, at once: what falls due after this is decided.", place)
    fact = recorded.fact
    if isinstance(fact, Deferred | Replanned):
        what = _stored_reason(fact.reason, card)
    else:
        what = " or ".join(_phrase(one, card) for one in _reasons(card, recorded.wake_at))
    return story.sentence(f"Next, on {clock(recorded.wake_at, story.zone)} ({story.zone}): {what}.", place)


def _for_good(card: Card) -> str:
    if card.status in ("reclaimed", "closed"):
        return f", since the card is {card.status}"
    if card.held_since is not None:
        return ", since the card is held"
    return " before a person said that the number still exists" if is_in_doubt(card) else ""


def _reasons(card: Card, wake_at: datetime) -> tuple[_AheadReason, ...]:
    """Why the card wakes at `wake_at`; several reasons where only the policy could decide between them."""
    if any(not one.refused and (one.unknown is None or one.unknown.ask_again_at == wake_at) for one in card.refunds):
        return ("refund_awaited",)
    if card.held_since is not None and wake_at == carrier_reclaims_at(card):
        return ("held",)
    attempts = open_attempts(card.attempts)
    if any(one.unknown is not None and one.unknown.ask_again_at == wake_at for one in attempts):
        return ("outcome_unknown",)
    if any(one.unknown is None and one.page_until is None for one in attempts):
        return ("answer_awaited",)
    closes = [surely_closed_at(one.page_until) for one in attempts if one.unknown is None and one.page_until]
    if wake_at in closes:
        return ("page_open",)
    if card.attempts.open is not None:
        return ("case",)
    deadline = _deadlines(card).get(wake_at)
    if deadline is not None:
        return (deadline,)
    if card.deadlines.blocked_since is not None:
        return (card.deadlines.blocked_by,)
    reasons: list[_AheadReason] = [reason for reason, possible in _possible(card, wake_at).items() if possible]
    if any(one.unknown is not None and not one.unknown.case_opened for one in attempts):
        reasons.append("case")
    return tuple(reasons) or ("due",)


def _deadlines(card: Card) -> Mapping[datetime, WaitReason]:
    if card.status == "suspended":
        return {reclaims_at(card): "reclaim"}
    if not card.deadlines.keep.grace_days:
        return {suspends_at(card): "term_ends"}
    grace: dict[datetime, WaitReason] = {suspends_at(card): "grace_ends"}
    if card.status == "active":
        grace[card.term.ends_at] = "term_ends"
    return grace


def _possible(card: Card, wake_at: datetime) -> Mapping[WaitReason, bool]:
    renewal, consent, balance = card.renewal, card.consent, card.balance
    order = card.top_ups.standing_order
    delayed = wake_at in _delays_within_pass(card).values()
    on, awaits = consent is not None, _notice_is_awaited(card, wake_at)
    return {
        "renewal_opens": consent is not None
        and (renewal is None or renewal.is_over)
        and _may_open(card, consent, wake_at),
        "notice_awaited": awaits,
        "method_delayed": on and delayed,
        "next_rung": on
        and renewal is not None
        and not renewal.is_over
        and not delayed
        and not awaits
        and tries_left(card),
        "balance_pays": on and renewal is not None and not tries_left(card) and balance.minor >= renewal.price.minor,
        "reminder": _may_remind(card, wake_at),
        "top_up_gap": on and order is not None and balance.minor < order.threshold.minor,
    }


def tries_left(card: Card) -> bool:
    """Whether the ladder has a rung to come: a method to charge, and a day left before the number is lost."""
    rung_at = card.renewal.rung_at if card.renewal else None
    return bool(usable_methods(card)) and (rung_at is None or local_date(rung_at, card.term.zone) < last_day(card))


def _delays_within_pass(card: Card) -> Mapping[str, datetime]:
    if card.renewal is None or card.renewal.is_over:
        return {}
    tried = card.renewal.tried
    waiting = [one.method_id for one in usable_methods(card) if one.method_id not in tried]
    return {one: card.methods.not_before[one] for one in waiting if one in card.methods.not_before}


def _may_remind(card: Card, wake_at: datetime) -> bool:
    if card.status == "suspended":
        whole_days = (reclaims_at(card) - wake_at) % DAY == timedelta(0)  # as the last reminder is due
        return whole_days and "last_chance" not in card.reminded
    if card.consent is None:
        lately = wake_at >= card.term.ends_at - (NOTICE_DAYS + 1) * DAY
        return lately and card.status == "active" and "lapse_ahead" not in card.reminded
    if card.renewal is not None and card.renewal.rung:
        return False
    method = next(iter(usable_methods(card)), None)
    expires_on = method.expires_on if method else None
    expiry = method is not None and expires_on is not None and expires_on < card.term.ends_on
    return expiry or ("renewal_ahead" not in card.reminded and wake_at <= card.term.ends_at - NOTICE_DAYS * DAY)


def _may_open(card: Card, consent: Consent, wake_at: datetime) -> bool:
    """Whether the renewal may open then: not before the holder was notified of it, or agreed to it shortly before."""
    notified = "renewal_ahead" in card.reminded or wake_at - consent.given_at <= (NOTICE_DAYS + 1) * DAY
    return notified or wake_at > card.term.ends_at - NOTICE_DAYS * DAY  # in older logs nobody was


def _notice_is_awaited(card: Card, wake_at: datetime) -> bool:
    """Whether the holder was notified of the charge, some whole days before, and nothing is charged before that."""
    notified_at = card.reminded.get("renewal_ahead")
    unbegun = card.consent is not None and card.renewal is not None and not card.renewal.rung
    return unbegun and notified_at is not None and (wake_at - notified_at) % DAY == timedelta(0)


def _rung(card: Card) -> str:
    rung = card.renewal.rung + 1 if card.renewal else 1
    return f"the {ordinal(rung)} (rung {rung})"


def _term_ends(card: Card) -> str:
    then = "grace begins" if card.deadlines.keep.grace_days else "the service is suspended"
    return f"the term ends and {then}, unless the next one is paid"


def _delayed(card: Card) -> str:
    waiting = _delays_within_pass(card)
    first = min(waiting, key=lambda one: waiting[one], default="a method")
    return f"{first} may be tried again"


def _stored_reason(reason: str, card: Card) -> str:
    """The phrase for a stored reason; one that is not written any more is shown as it is."""
    return _phrase(reason, card) if is_plan_reason(reason) else reason.replace("_", " ")


def _phrase(reason: _AheadReason, card: Card) -> str:  # noqa: C901, PLR0911, PLR0912 (one case per reason)
    match reason:
        case "renewal_opens":
            return f"the renewal of the term that ends on {card.term.ends_on} opens"
        case "next_rung":
            return _rung(card)
        case "balance_pays":
            return "the balance pays if it is enough, before the number is lost"
        case "method_delayed" | "soon":
            return _delayed(card)
        case "due":
            return "what has fallen due is decided"
        case "term_ends":
            return _term_ends(card)
        case "grace_ends":
            return "grace ends and the service is suspended, unless the next term is paid"
        case "reclaim":
            return "the number is lost, unless the next term is paid"
        case "reminder":
            return "a reminder to the holder falls due"
        case "notice_awaited":
            return "the holder has known of the charge for long enough, and it is made"
        case "page_open":
            return "the provider's page is closed, and the gateway is asked whether the holder paid on it"
        case "answer_awaited":
            return "the gateway is asked what became of the open attempt"
        case "outcome_unknown":
            return "the gateway is asked again about the attempt of unknown outcome"
        case "case":
            return "the attempt of unknown outcome becomes a case for a person"
        case "charge_pending":
            return "the gateway is asked about the charge that it accepted, or it becomes a case for a person"
        case "refund_awaited":
            return "the gateway is asked about the refund"
        case "charging_stopped":
            return "it is looked at again whether charging is still stopped"
        case "gateway_down":
            return "it is looked at again whether the gateway answers"
        case "open_tries":
            return "it is looked at again whether the network limit is still full of tries of unknown outcome"
        case "top_up_gap":
            return "an automatic top-up may be made again"
        case "restored":
            return "the gateway is asked again what it charged before the database was restored"
        case "held":
            return "it becomes a case for a person whether the number still exists, unless the hold is lifted before"
        case (
            "auto_renew_off" | "no_try_left" | "number_lost" | "number_in_doubt" | "reclaimed" | "closed"
        ):  # no instant to wait for
            return reason.replace("_", " ")
        case _:
            assert_never(reason)
