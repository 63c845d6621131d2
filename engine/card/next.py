"""The one question that time asks of a card: what is to be done now, or until when is there nothing to do, and why."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.card.asked_ahead import end_request
from engine.card.asking import AskCharge, ask_about
from engine.card.attempt import CaseOpened, ChargeAttempted, open_attempts
from engine.card.card import Card
from engine.card.charge import charge_renewal, withheld_by_limit
from engine.card.custody import is_kept
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved, move_deadlines, reclaims_at
from engine.card.doubt import delayed_since, is_in_doubt, may_be_lost, number_case, while_held
from engine.card.evolve import evolve
from engine.card.facts import CardFact, CardFacts
from engine.card.gap import ListCharges, open_gap
from engine.card.lapse import lapse
from engine.card.methods import ready_methods
from engine.card.refunding import AskRefund, ask_for_refunds
from engine.card.reminders import ReminderDue, payment_failed, reminders
from engine.card.term import CardRenewed, open_since
from engine.card.top_ups import TopUpStarted, charge_top_up
from engine.card.wait import Wait, earliest
from engine.card.waking import Deferred
from engine.networks import Limited
from engine.policy import Policy
from engine.rules import Rules

Step = CardFacts | AskCharge | AskRefund | ListCharges | Wait
QuestionOrWait = AskCharge | AskRefund | ListCharges | Wait
"""What remains when no facts are due."""
NO_LIMITS: Mapping[str, Limited] = {}


def next_step(card: Card, rules: Rules, at: datetime) -> Step:
    """Facts to append, a question to the gateway, or a wait; the same result for the same arguments."""
    gap = open_gap(card, rules)
    if gap is not None:
        return ListCharges(gap)
    held = while_held(card, at) if card.held_since is not None and is_kept(card) else None
    if isinstance(held, CaseOpened):
        return (held,)
    asking = _ask(card, rules, at)
    if asking is not None and not isinstance(asking, Wait):
        return (asking,) if isinstance(asking, CaseOpened) else asking
    if asking is not None and _must_be_known_first(card):
        return earliest(asking, held)
    if card.status in ("reclaimed", "closed"):
        return earliest(Wait(None, card.status), asking)
    if held is not None:
        return earliest(held, asking)
    if is_in_doubt(card):
        return earliest(Wait(None, "number_in_doubt"), asking)
    step = _charge_or_lapse(card, rules, at, asking)
    return (number_case(card, at),) if _would_charge(card, step) and may_be_lost(card, at) else step


def _ask(card: Card, rules: Rules, at: datetime) -> CaseOpened | AskRefund | AskCharge | Wait | None:
    """Ask about a refund or an open attempt, or until when there is nothing to ask; None if nothing is awaited."""
    awaited = open_attempts(card.attempts)
    if not awaited and not card.refunds:  # most cards, most of the time
        return None
    refunding = ask_for_refunds(card, rules.policy, at)
    asked = (ask_about(card, one, rules, at) for one in awaited)
    waits: list[Wait] = []
    for one in (refunding, *asked):
        if one is not None and not isinstance(one, Wait):
            return one
        if one is not None:
            waits.append(one)
    return earliest(*waits) if waits else None


def _must_be_known_first(card: Card) -> bool:
    """Whether nothing else is done before an attempt's outcome is known.

    A top-up is waited for until its first answer, but not while the holder pays it on the provider's page.
    """
    top_up = card.attempts.top_up
    if card.attempts.open is not None or top_up is None:
        return card.attempts.open is not None
    return top_up.unknown is None and top_up.page_until is None


def _would_charge(card: Card, step: CardFacts | Wait) -> bool:
    """Whether it charges or spends the balance, announces that to the holder, or is kept from it by us."""
    if isinstance(step, Wait):
        return card.deadlines.blocked_since is not None
    return any(
        isinstance(one, ChargeAttempted | CardRenewed | TopUpStarted | ChargingBlocked)
        or (isinstance(one, ReminderDue) and one.kind == "renewal_ahead")
        for one in step
    )


def _charge_or_lapse(card: Card, rules: Rules, at: datetime, asking: Wait | None) -> CardFacts | Wait:
    blocked_since = card.deadlines.blocked_since
    if blocked_since is not None and (card.consent is None or not rules.charging_stopped):  # the block is over
        return _unblocked(card, blocked_since, rules.policy, at)
    topping_up = charge_top_up(card, rules, at) if card.attempts.top_up is None else None
    if topping_up is not None and not isinstance(topping_up, Wait):
        return topping_up
    charging = charge_renewal(card, rules, at)
    if not isinstance(charging, Wait):
        return charging
    notice = payment_failed(card, charging, rules.policy, at)
    if notice:
        return notice
    if charging.blocks_lapse:
        return earliest(charging, topping_up, asking)
    ended = end_request(card, charging, rules.policy, at)
    if ended:
        return ended
    lapsing = lapse(card, rules.policy, at)
    if not isinstance(lapsing, Wait):
        return lapsing
    reminding = reminders(card, rules, at)
    if reminding is not None and not isinstance(reminding, Wait):
        return reminding
    return earliest(charging, lapsing, topping_up, reminding, asking)


def advance(
    card: Card, rules: Rules, at: datetime, limited: Mapping[str, Limited] = NO_LIMITS
) -> tuple[Card, CardFacts, QuestionOrWait]:
    """Take every step that is due at `at`: the card after them, their facts, and what remains.

    `limited` holds the methods (by id) that the network limits forbid to try now. Where a limit is full of open tries
    only, and there is nothing else to try, the card is blocked; one that was so already is left as it was.
    """
    facts: list[CardFact] = []
    waiting: tuple[Card, int] | None = None  # the card that waits for open tries, and how many facts made it
    while True:
        step = next_step(card, rules, at)
        if not isinstance(step, tuple):
            return card, tuple(facts), step
        if waits_for_open_tries(card):
            waiting = card, len(facts)
        for fact in step:
            if isinstance(fact, ChargeAttempted) and fact.method_id in limited:
                if _must_wait(card, fact, limited, at):
                    before, count = waiting or _blocked(card, facts, at)
                    return before, tuple(facts[:count]), _until_next_look(before, rules, at)
                fact = withheld_by_limit(fact, limited[fact.method_id])  # noqa: PLW2901 (it takes the attempt's place)
            card = evolve(card, card.card_id, fact)
            facts.append(fact)


def waits_for_open_tries(card: Card) -> bool:
    """Whether the card is blocked by a network limit that is full of open tries only."""
    return card.deadlines.blocked_since is not None and card.deadlines.blocked_by == "open_tries"


def _must_wait(card: Card, attempt: ChargeAttempted, limited: Mapping[str, Limited], at: datetime) -> bool:
    """Whether only the outcome of open tries can help: no other method of this pass may be tried now."""
    renewal = card.renewal
    if not limited[attempt.method_id].open_only or attempt.top_up is not None or renewal is None:
        return False
    tried = renewal.tried if attempt.rung == renewal.rung else ()
    ready = ready_methods(card, at, last_rung=attempt.last_rung)
    return all(one.method_id in limited or one.method_id in tried for one in ready)


def _blocked(card: Card, facts: list[CardFact], at: datetime) -> tuple[Card, int]:
    fact = ChargingBlocked(reason="open_tries", at=at)
    facts.append(fact)
    return evolve(card, card.card_id, fact), len(facts)


def _until_next_look(card: Card, rules: Rules, at: datetime) -> Wait:
    """The longer it has waited, the later it looks again; what is awaited of the gateway is asked for all the same."""
    policy, asking = rules.policy, _ask(card, rules, at)
    waited = at - (card.deadlines.blocked_since or at)
    pause = min(max(waited, policy.open_tries_recheck), policy.open_tries_recheck_most)
    return earliest(Wait(at + pause, "open_tries", blocks_lapse=True), asking if isinstance(asking, Wait) else None)


def move_for_late_wake(
    card: Card, woken_for: datetime | None, rules: Rules, at: datetime
) -> tuple[DeadlinesMoved, ...]:
    """The deadlines of an unpaid card move by the time for which we were not there to wake it.

    A short time counts only where the number would be lost by it.
    """
    late_after = rules.policy.late_after
    if woken_for is None or (at - woken_for <= late_after and not woken_for < reclaims_at(card) <= at):
        return ()
    waiting = card.consent is not None and is_kept(card)
    if not waiting or card.attempts.open or card.held_since or card.deadlines.blocked_since or is_in_doubt(card):
        return ()
    since = min(woken_for, delayed_since(card, rules, at))
    return move_deadlines(card, "late", since, open_since(card, rules.policy), at)


def wakes_at(step: Step, at: datetime) -> datetime | None:
    """When time has something to ask next: `at` itself if that is now, None if never."""
    return step.until if isinstance(step, Wait) else at


def deferred(step: QuestionOrWait, woken_for: datetime | None, at: datetime) -> tuple[Deferred, ...]:
    """The fact that moves on the wake time of a card that was due but has nothing to do but wait."""
    if not isinstance(step, Wait) or woken_for is None or woken_for > at:
        return ()
    return (Deferred(reason=step.reason, until=step.until, at=at),)


def _unblocked(card: Card, since: datetime, policy: Policy, at: datetime) -> tuple[DeadlinesMoved, ...]:
    """The end of what blocked the card is a fact even if no time was lost."""
    reason = card.deadlines.blocked_by
    none = DeadlinesMoved(reason=reason, by=timedelta(0), at=at)
    return move_deadlines(card, reason, since, open_since(card, policy), at) or (none,)
