"""Small bugs in what is decided for a card, each as what is to be put where; mutants.py sows them."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from engine import decisions
from engine.card import charging, consent, custody, dunning, evolve, evolve_payments, lapse, outcomes, refunds, terms
from engine.card import next as following
from engine.card.ids import derived_id
from engine.card.payments import ChargeAttempted
from engine.card.step import Wait
from engine.declines import Consequence
from engine.ports import Declined
from tests.simulation import world

DAY = timedelta(days=1)

Change = tuple[Any, str, Any]
"""Where, what, and what to put there."""


def policy(**fields: object) -> list[Change]:
    return [(world, "POLICIES", tuple(one.model_copy(update=fields) for one in world.POLICIES))]


def changing_nothing(_card, _fact):
    return {}


def attempt_id_without_number() -> list[Change]:
    return [(charging, "derived_id", lambda card_id, purpose: derived_id(card_id, purpose.rsplit(":", 1)[0]))]


def key_sent_for_a_month() -> list[Change]:
    return policy(key_lifetime=30 * DAY)


def lapsing_while_unknown() -> list[Change]:
    real = following._asking

    def asking(card, attempt, rules, at):
        step = real(card, attempt, rules, at)
        lapsing = lapse.lapse(card, rules.policy, at) if isinstance(step, Wait) else step
        return lapsing if isinstance(lapsing, tuple) else step

    return [(following, "_asking", asking)]


def unknown_moves_no_deadline() -> list[Change]:
    return [(outcomes, "_held_up", lambda *_: ())]


def lateness_moves_no_deadline() -> list[Change]:
    return [(decisions, "held_up", lambda *_: ())]


def stop_moves_no_deadline() -> list[Change]:
    return [(evolve._CHANGES, evolve.events.DeadlinesMoved, lambda *_: {"blocked_since": None})]


def refund_forgotten() -> list[Change]:
    real = outcomes._too_much
    return [(outcomes, "_too_much", lambda *args, **named: real(*args, **named)[:1])]


def rung_a_day_early() -> list[Change]:
    real = dunning._next_rung_at

    def next_rung_at(card, renewal, policy):
        at = real(card, renewal, policy)
        return at - DAY if at and renewal.rung else at

    return [(dunning, "_next_rung_at", next_rung_at)]


def rung_gap_ignored() -> list[Change]:
    return policy(ladder_gap=timedelta(0))


def rungs_after_the_last_day() -> list[Change]:
    real = dunning.last_day
    return [(dunning, "last_day", lambda card: real(card) + 2 * DAY)]


def anchor_day_lost() -> list[Change]:
    real = terms.term_after
    return [(terms, "term_after", lambda last, months, _, zone: real(last, months, last.ends_on.day, zone))]


def late_payer_pays_for_the_past() -> list[Change]:
    real = terms.renewed

    def renewed(card, renewal, attempt_id, from_balance, at):
        facts = real(card, renewal, attempt_id, from_balance, at)
        past = terms.term_after(card.term, renewal.months, card.anchor_day, card.zone)
        return (*facts[:-1], replace(facts[-1], term=past))

    return [(outcomes, "renewed", renewed), (charging, "renewed", renewed)]


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
    return [(evolve._CHANGES, evolve.events.AutoRenewSwitchedOff, changing_nothing)]


def sent_again_after_switch_off() -> list[Change]:
    return [(following, "_still_wanted", lambda *_: True)]


def hold_ignored() -> list[Change]:
    return [(evolve._CHANGES, evolve.events.CardHeld, changing_nothing)]


def stop_ignored() -> list[Change]:
    real = following.charge_renewal
    return [
        (following, "charge_renewal", lambda card, rules, at: real(card, replace(rules, charging_stopped=False), at))
    ]


def balance_not_released() -> list[Change]:
    real = evolve_payments._renewal_failed

    def renewal_failed(card, attempt, fact):
        return {name: value for name, value in real(card, attempt, fact).items() if name != "balance"}

    return [(evolve_payments, "_renewal_failed", renewal_failed)]


def balance_spent_twice() -> list[Change]:
    real = evolve_payments._attempted

    def attempted(card, fact):
        changes = real(card, fact)
        return changes if fact.top_up else {name: value for name, value in changes.items() if name != "balance"}

    return [(evolve._CHANGES, ChargeAttempted, attempted)]


def second_attempt_while_unknown() -> list[Change]:
    real = following._asking

    def asking(card, attempt, rules, at):
        step = real(card, attempt, rules, at)
        if attempt.asked and attempt.top_up is None and isinstance(step, Wait) and card.auto_renew is not None:
            trying = following.charge_renewal(replace(card, open_attempt=None), rules, at)
            return trying if isinstance(trying, tuple) else step
        return step

    return [(following, "_asking", asking)]


def time_out_is_a_decline() -> list[Change]:
    def unknown(card, attempt, reason, policy, at):
        verdict = outcomes.verdict_on("try_again_later")
        decline = outcomes._Decline(Declined(code="try_again_later"), verdict, "sent")
        return outcomes._failed(card, attempt, decline, policy, at)

    return [(outcomes, "_unknown", unknown)]


def never_happened_too_soon() -> list[Change]:
    return policy(key_lifetime=timedelta(minutes=1), never_happened_after=timedelta(0))


def never_is_retried() -> list[Change]:
    real = outcomes.verdict_on

    def verdict_on(*codes):
        verdict = real(*codes)
        return verdict._replace(consequence=Consequence.RETRY) if verdict.consequence == "never" else verdict

    return [(outcomes, "verdict_on", verdict_on)]


def ended_methods_tried() -> list[Change]:
    return [(dunning, "usable_methods", lambda card: list(card.methods))]


def advice_delay_ignored() -> list[Change]:
    return [(dunning, "ready_methods", lambda card, _: dunning.usable_methods(card))]


def fee_forgotten() -> list[Change]:
    return [(charging, "amount_due", lambda _, renewal: renewal.price)]


def price_before_its_day() -> list[Change]:
    def agreed(consent, _):
        return consent.announced[-1] if consent.announced else consent

    return [(terms, "_agreed", agreed)]


def suspended_a_day_early() -> list[Change]:
    real = lapse.suspends_at
    return [(lapse, "suspends_at", lambda card: real(card) - DAY)]


def given_up_a_day_early() -> list[Change]:
    real = lapse.reclaims_at
    return [(lapse, "reclaims_at", lambda card: real(card) - DAY)]


def topped_up_every_hour() -> list[Change]:
    return policy(top_up_gap=timedelta(hours=1))


def hold_forgets_the_stop() -> list[Change]:
    real = custody.moved

    def moved(card, reason, since, policy, at):
        return real(card, reason, card.held_since or since, policy, at)

    return [(custody, "moved", moved)]


def trouble_counted_twice() -> list[Change]:
    def moves(card, fact):
        return {"moved": card.moved + fact.by, "blocked_since": None}

    return [(evolve._CHANGES, evolve.events.DeadlinesMoved, moves)]


def trouble_of_a_paid_time_counted() -> list[Change]:
    return [(lapse, "opens_at", lambda *_: world.BEGIN - 999 * DAY)]


def sent_again_after_removal() -> list[Change]:
    return [(evolve, "unwanted", lambda *_: {}), (evolve_payments, "unwanted", lambda *_: {})]


def limit_eats_the_rung() -> list[Change]:
    real = evolve_payments._tried

    def tried(card, fact):
        return real(card, replace(fact, limits_edition=None) if fact.limits_edition else fact)

    return [(evolve_payments, "_tried", tried)]


def refunded_top_up_kept() -> list[Change]:
    return [(refunds, "_off_balance", lambda *_: ())]


def grace_without_days() -> list[Change]:
    real = lapse.lapse

    def lapsing(card, policy, at):
        keep = card.keep if card.keep.grace_days else replace(card.keep, grace_days=1)
        return real(replace(card, keep=keep), policy, at)

    return [(following, "lapse", lapsing)]


def early_notice_of_a_price() -> list[Change]:
    real = consent.announce_price_change

    def announce(card, catalogue, *, version, at):
        facts = real(card, catalogue, version=version, at=at)
        return tuple(replace(one, applies_from=one.applies_from - 30 * DAY) for one in facts)

    return [(consent, "announce_price_change", announce)]
