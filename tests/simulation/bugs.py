"""Small bugs for the engine, each as what is to be put where; mutants.py sows them."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from engine import decisions, networks
from engine.calendar import local_date
from engine.card import (
    asking,
    attempt,
    charge,
    deadlines,
    decline,
    dunning,
    gap,
    hold,
    lapse,
    methods,
    outcomes,
    term,
    top_ups,
)
from engine.card import (
    evolve as whole,
)
from engine.card import next as following
from engine.card.hold import CardHeld
from engine.card.wait import Wait
from engine.declines import Consequence
from engine.ports import Declined
from tests.simulation import world

DAY = timedelta(days=1)

Change = tuple[Any, str, Any]
"""Where, what, and what to put there."""


def policy(**fields: object) -> list[Change]:
    return [(world, "POLICIES", tuple(one.model_copy(update=fields) for one in world.POLICIES))]


def ignoring(kind: type) -> Change:
    real = whole._evolve
    return whole, "_evolve", lambda card, fact: card if isinstance(fact, kind) else real(card, fact)


def attempt_id_without_number() -> list[Change]:
    return [
        (charge, "attempt_id_of", lambda card, purpose, method_id, _: gap.attempt_id_of(card, purpose, method_id, 1))
    ]


def provider(**fields: object) -> list[Change]:
    return [(world, "PROVIDER", replace(world.PROVIDER, **fields))]


def key_sent_for_a_month() -> list[Change]:
    return provider(key_lifetime=30 * DAY)


def lapsing_while_unknown() -> list[Change]:
    real = following.ask_about

    def asking(card, attempt, rules, at):
        step = real(card, attempt, rules, at)
        lapsing = lapse.lapse(card, rules.policy, at) if isinstance(step, Wait) else step
        return lapsing if isinstance(lapsing, tuple) else step

    return [(following, "ask_about", asking)]


def unknown_moves_no_deadline() -> list[Change]:
    return [(decline, "move_for_unknown", lambda *_: ())]


def lateness_moves_no_deadline() -> list[Change]:
    return [(decisions, "move_for_late_wake", lambda *_: ())]


def stop_moves_no_deadline() -> list[Change]:
    return [(deadlines, "moved", lambda before, _: replace(before, blocked_since=None))]


def refund_forgotten() -> list[Change]:
    real = outcomes._too_much
    return [(outcomes, "_too_much", lambda *args, **named: real(*args, **named)[:1])]


def rung_a_day_early() -> list[Change]:
    real = dunning._next_rung_at

    def next_rung_at(card, renewal, last, policy):
        at = real(card, renewal, last, policy)
        return at - DAY if at and renewal.rung else at

    return [(dunning, "_next_rung_at", next_rung_at)]


def rung_gap_ignored() -> list[Change]:
    return policy(ladder_gap=timedelta(0))


def rungs_after_the_last_day() -> list[Change]:
    real = dunning.last_day
    return [(dunning, "last_day", lambda card: real(card) + 2 * DAY)]


def no_rung_on_the_last_day() -> list[Change]:
    real = dunning._next_rung_at

    def next_rung_at(card, renewal, last, policy):
        at = real(card, renewal, last, policy)
        return None if at and local_date(at, card.term.zone) >= last else at

    return [(dunning, "_next_rung_at", next_rung_at)]


def anchor_day_lost() -> list[Change]:
    real = term.term_after
    return [(term, "term_after", lambda last, months, _, zone: real(last, months, last.ends_on.day, zone))]


def late_payer_pays_for_the_past() -> list[Change]:
    real = term.renewed

    def renewed(card, renewal, policy, at, **how):
        facts = real(card, renewal, policy, at, **how)
        past = term.term_after(card.term, renewal.months, card.anchor_day, card.custody.zone)
        return (*facts[:-1], replace(facts[-1], term=past))

    return [(outcomes, "renewed", renewed), (charge, "renewed", renewed)]


def wakes_never_after_unknown() -> list[Change]:
    real = decisions.wakes_at

    def wakes_at(step, at):
        return None if isinstance(step, Wait) and step.reason == "outcome_unknown" else real(step, at)

    return [(decisions, "wakes_at", wakes_at)]


def wakes_a_year_late() -> list[Change]:
    real = decisions.wakes_at

    def wakes_at(step, at):
        until = real(step, at)
        return until + 365 * DAY if until and isinstance(step, Wait) and step.reason == "term_ends" else until

    return [(decisions, "wakes_at", wakes_at)]


def switch_off_ignored() -> list[Change]:
    return [(whole, "_switched_off", lambda card: card)]


def sent_again_after_switch_off() -> list[Change]:
    return [(asking, "_still_wanted", lambda *_: True)]


def hold_ignored() -> list[Change]:
    return [ignoring(CardHeld)]


def stop_ignored() -> list[Change]:
    real = following.charge_renewal
    return [
        (following, "charge_renewal", lambda card, rules, at: real(card, replace(rules, charging_stopped=False), at))
    ]


def balance_not_released() -> list[Change]:
    real = whole._failed
    return [(whole, "_failed", lambda card, fact: replace(real(card, fact), balance=card.balance))]


def balance_spent_twice() -> list[Change]:
    real = whole._attempted
    return [(whole, "_attempted", lambda card, fact: replace(real(card, fact), balance=card.balance))]


def second_attempt_while_unknown() -> list[Change]:
    real = following.ask_about

    def asking(card, attempt, rules, at):
        step = real(card, attempt, rules, at)
        if attempt.unknown and attempt.top_up is None and isinstance(step, Wait) and card.consent is not None:
            trying = following.charge_renewal(replace(card, attempts=replace(card.attempts.made, open=None)), rules, at)
            return trying if isinstance(trying, tuple) else step
        return step

    return [(following, "ask_about", asking)]


def time_out_is_a_decline() -> list[Change]:
    def unknown(card, attempt, reason, policy, at):
        verdict = outcomes.verdict_on("try_again_later")
        declined = decline.Decline(Declined(code="try_again_later"), verdict, "sent")
        return decline.charge_failed(card, attempt, declined, policy, at)

    return [(outcomes, "_unknown", unknown)]


def asked_once_a_day() -> list[Change]:
    return policy(ask_again_after=(timedelta(minutes=5), timedelta(hours=1), DAY))


def never_happened_too_soon() -> list[Change]:
    return provider(key_lifetime=timedelta(minutes=1), never_happened_after=timedelta(0))


def never_is_retried() -> list[Change]:
    real = outcomes.verdict_on

    def verdict_on(*codes):
        verdict = real(*codes)
        return verdict._replace(consequence=Consequence.RETRY) if verdict.consequence == "never" else verdict

    return [(outcomes, "verdict_on", verdict_on)]


def ended_methods_tried() -> list[Change]:
    return [(where, "usable_methods", lambda card: list(card.methods.bound)) for where in (dunning, methods)]


def advice_delay_ignored() -> list[Change]:
    everything = (dunning, "ready_methods", lambda card, *_, **__: methods.usable_methods(card))
    return [everything, (networks.LimitBook, "_delays", lambda *_: [])]


def fee_forgotten() -> list[Change]:
    return [(charge, "amount_due", lambda _, renewal: renewal.price)]


def suspended_a_day_early() -> list[Change]:
    real = lapse.suspends_at
    return [(lapse, "suspends_at", lambda card: real(card) - DAY)]


def given_up_a_day_early() -> list[Change]:
    real = lapse.reclaims_at
    return [(lapse, "reclaims_at", lambda card: real(card) - DAY)]


def topped_up_every_hour() -> list[Change]:
    return [(top_ups, "_pause", lambda *_: timedelta(hours=1))]


def hold_forgets_the_stop() -> list[Change]:
    real = hold.move_deadlines

    def move_deadlines(card, reason, since, open_since, at):
        return real(card, reason, card.held_since or since, open_since, at)

    return [(hold, "move_deadlines", move_deadlines)]


def trouble_counted_twice() -> list[Change]:
    def moved(before, fact):
        return replace(before, moved_by=before.moved_by + fact.by, blocked_since=None)

    return [(deadlines, "moved", moved)]


def trouble_of_a_paid_time_counted() -> list[Change]:
    return [(where, "open_since", lambda *_: world.BEGIN - 999 * DAY) for where in (decline, following, hold)]


def sent_again_after_removal() -> list[Change]:
    return [(attempt, "unwanted", lambda attempts, *_: attempts)]


def limit_eats_the_rung() -> list[Change]:
    real = attempt.method_withheld
    return [(attempt, "method_withheld", lambda renewal, fact: real(renewal, replace(fact, limits_edition=None)))]


def grace_without_days() -> list[Change]:
    real = lapse.lapse

    def lapsing(card, policy, at):
        keep = card.deadlines.keep
        granted = keep if keep.grace_days else replace(keep, grace_days=1)
        return real(replace(card, deadlines=replace(card.deadlines, keep=granted)), policy, at)

    return [(following, "lapse", lapsing)]
