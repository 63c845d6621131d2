"""Small bugs sown into the engine on purpose: each must be found by the checker in a small world, and quickly."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import uuid5

from adapters.simulation import memory, world
from adapters.simulation.checker.checking import Violation
from adapters.simulation.faults import Level
from adapters.simulation.run import run_plan
from adapters.simulation.world import Plan
from engine import deciding, dunning, limits, notices, store
from engine.card import charging, consent, custody, evolve, evolve_payments, lapse, outcomes, refunds, terms
from engine.card import next as following
from engine.card.payments import ChargeAttempted
from engine.card.state import changed
from engine.card.step import Wait
from engine.declines import CONSEQUENCES, Consequence
from engine.ports import Declined
from engine.recorder import Answers

DAY = timedelta(days=1)
SEEDS_MOST = 8

Change = tuple[Any, str, Any]
"""Where, what, and what to put there."""


@dataclass(frozen=True)
class Mutant:
    """A bug, and the kind of world in which it shows soonest; seed after seed is lived through until it does."""

    name: str
    changes: Callable[[], list[Change]]
    cards: int = 30
    years: float = 0.4
    level: Level = "high"
    harsh: bool = False

    def plan(self, seed: int) -> Plan:
        return Plan(seed, self.cards, self.years, self.level, harsh=self.harsh, born_within_days=5)

    def hunt(self) -> "Hunt":
        """Live until the first violation."""
        attempts = 0
        with sown(self.changes()):
            for seed in range(1, SEEDS_MOST + 1):
                outcome = run_plan(self.plan(seed), first_only=True)
                attempts += outcome.attempts
                if outcome.violations:
                    return Hunt(attempts, outcome.violations[0])
        return Hunt(attempts, None)


class Hunt(NamedTuple):
    """After how many attempts a mutant was found, and by what."""

    attempts: int
    found: Violation | None


@contextmanager
def sown(changes: list[Change]) -> Iterator[None]:
    with ExitStack() as stack:
        for where, what, put in changes:
            if isinstance(where, dict):
                stack.enter_context(patch.dict(where, {what: put}))
            else:
                stack.enter_context(patch.object(where, what, put))
        yield


def policy(**fields: object) -> list[Change]:
    return [(world, "POLICIES", tuple(one.model_copy(update=fields) for one in world.POLICIES))]


def changing_nothing(_card, _fact):
    return {}


def attempt_id_without_number() -> list[Change]:
    return [(charging, "uuid5", lambda space, name: uuid5(space, name.rsplit(":", 1)[0]))]


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
    return [(deciding, "held_up", lambda *_: ())]


def stop_moves_no_deadline() -> list[Change]:
    return [(evolve._CHANGES, evolve.events.DeadlinesMoved, lambda *_: {"blocked_since": None})]


def limits_not_enforced() -> list[Change]:
    return [(limits.LimitBook, "_limited", lambda *_: None)]


def limit_counts_one_day() -> list[Change]:
    return [(limits, "RULES", tuple(rule._replace(window=DAY / 2) for rule in limits.RULES))]


def never_does_not_block() -> list[Change]:
    class Forgetful(set):
        def update(self, *_):
            pass

    real = limits.LimitBook.__init__

    def init(self):
        real(self)
        self.blocked = Forgetful()

    return [(limits.LimitBook, "__init__", init), (limits, "effects_of", limits.effects_of)]


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
        return (*facts[:-1], facts[-1].model_copy(update={"term": past}))

    return [(outcomes, "renewed", renewed), (charging, "renewed", renewed)]


def wakes_never_after_unknown() -> list[Change]:
    real = deciding.wakes_at

    def wakes_at(step, at):
        return None if isinstance(step, Wait) and step.reason == "outcome_unknown" else real(step, at)

    return [(deciding, "wakes_at", wakes_at)]


def wakes_a_year_late() -> list[Change]:
    real = deciding.wakes_at

    def wakes_at(step, at):
        until = real(step, at)
        return until + 365 * DAY if until and isinstance(step, Wait) and step.reason == "term_ends" else until

    return [(deciding, "wakes_at", wakes_at)]


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


def notices_doubled() -> list[Change]:
    real = following.payment_failed
    return [(following, "payment_failed", lambda *args: real(*args) * 2)]


def failure_told_after_each_method() -> list[Change]:
    real = following.charge_renewal

    def charge_renewal(card, rules, at):
        step = real(card, rules, at)
        told = card.renewal is not None and card.renewal.declines and isinstance(step, tuple)
        first = following.payment_failed(card, Wait(at, "told"), at) if told else ()
        return step if not first else (*step, *first)

    return [(following, "charge_renewal", charge_renewal)]


def second_attempt_while_unknown() -> list[Change]:
    real = following._asking

    def asking(card, attempt, rules, at):
        step = real(card, attempt, rules, at)
        if attempt.asked and attempt.top_up is None and isinstance(step, Wait) and card.auto_renew is not None:
            trying = following.charge_renewal(changed(card, {"open_attempt": None}), rules, at)
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


def command_memory_off() -> list[Change]:
    recorder = memory.MemoryRecorder
    return [(recorder, "recall", lambda *_: {}), (recorder, "_repeated", lambda *_: set())]


def versions_not_compared() -> list[Change]:
    real = memory.MemoryRecorder._append

    def append(self, events, besides, starts):
        return real(self, events, besides, dict.fromkeys(starts, 10**9))

    return [(memory.MemoryRecorder, "_append", append)]


def append_lost_but_acknowledged() -> list[Change]:
    real = memory.MemoryRecorder._append

    def append(self, events, besides, starts):
        lost = self.position % 50 == 49
        return Answers(frozenset(), {}) if lost else real(self, events, besides, starts)

    return [(memory.MemoryRecorder, "_append", append)]


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


def event_ids_not_compared() -> list[Change]:
    return [(store.Store, "_ours", lambda *_: frozenset())]


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
        return real(card, fact.model_copy(update={"limits_edition": None}) if fact.limits_edition else fact)

    return [(evolve_payments, "_tried", tried)]


def refunded_top_up_kept() -> list[Change]:
    return [(refunds, "_off_balance", lambda *_: ())]


def grace_without_days() -> list[Change]:
    real = lapse.lapse

    def lapsing(card, policy, at):
        keep = card.keep.model_copy(update={"grace_days": 1}) if not card.keep.grace_days else card.keep
        return real(changed(card, {"keep": keep}), policy, at)

    return [(following, "lapse", lapsing)]


def secrets_told() -> list[Change]:
    return [(notices, "SHOWN_CODES", CONSEQUENCES.keys())]


def notice_key_used_again() -> list[Change]:
    real = world.notice_of
    return [(world, "notice_of", lambda one: replace(real(one), key=f"{one.card_id}:{real(one).kind}"))]


def suspension_told_to_nobody() -> list[Change]:
    return [(notices._TOLD, evolve.events.Suspended, None)]


def early_notice_of_a_price() -> list[Change]:
    real = consent.announce_price_change

    def announce(card, catalogue, *, version, at):
        facts = real(card, catalogue, version=version, at=at)
        return tuple(one.model_copy(update={"applies_from": one.applies_from - 30 * DAY}) for one in facts)

    return [(consent, "announce_price_change", announce)]


def sent_however_long_it_lay() -> list[Change]:
    return [(deciding.Question, "put_at", lambda question, _: question)]


MUTANTS = (
    Mutant("attempt id without its number", attempt_id_without_number),
    Mutant("a key is sent again for a month", key_sent_for_a_month),
    Mutant("lapses while the outcome is unknown", lapsing_while_unknown),
    Mutant("an unknown outcome moves no deadline", unknown_moves_no_deadline),
    Mutant("our own outage moves no deadline", lateness_moves_no_deadline),
    Mutant("no deadline is ever moved", stop_moves_no_deadline),
    Mutant("network limits are not enforced", limits_not_enforced, harsh=True),
    Mutant("network limits look back half a day", limit_counts_one_day, harsh=True),
    Mutant("a never code blocks nobody else", never_does_not_block, cards=100),
    Mutant("late success is not refunded", refund_forgotten, cards=200),
    Mutant("rungs a day early", rung_a_day_early),
    Mutant("rung gap ignored", rung_gap_ignored, harsh=True),
    Mutant("rungs after the last day", rungs_after_the_last_day, cards=60, years=0.5, harsh=True),
    Mutant("anchor day lost", anchor_day_lost),
    Mutant("late payers pay for the past", late_payer_pays_for_the_past),
    Mutant("never wakes after an unknown outcome", wakes_never_after_unknown),
    Mutant("wakes a year late at the end of the term", wakes_a_year_late),
    Mutant("switch-off ignored", switch_off_ignored),
    Mutant("sent again after the switch-off", sent_again_after_switch_off, cards=300, level="high"),
    Mutant("hold ignored", hold_ignored),
    Mutant("the operator's stop ignored", stop_ignored),
    Mutant("reserved balance not released", balance_not_released),
    Mutant("balance not reserved", balance_spent_twice),
    Mutant("notices doubled", notices_doubled),
    Mutant("failure told while the next method is charged", failure_told_after_each_method),
    Mutant("second attempt while the first is unknown", second_attempt_while_unknown),
    Mutant("a time-out counts as a decline", time_out_is_a_decline),
    Mutant("never happened is said too soon", never_happened_too_soon),
    Mutant("command memory off", command_memory_off),
    Mutant("stream versions not compared", versions_not_compared),
    Mutant("appends lost but acknowledged", append_lost_but_acknowledged),
    Mutant("never codes are retried", never_is_retried, harsh=True),
    Mutant("ended methods are tried", ended_methods_tried),
    Mutant("advice delays ignored", advice_delay_ignored),
    Mutant("reactivation fee forgotten", fee_forgotten),
    Mutant("announced price charged before its day", price_before_its_day),
    Mutant("suspended a day early", suspended_a_day_early),
    Mutant("given up a day early", given_up_a_day_early),
    Mutant("automatic top-ups every hour", topped_up_every_hour),
    Mutant("a hold within the operator's stop forgets the stop", hold_forgets_the_stop, cards=200),
    Mutant("our trouble counts twice", trouble_counted_twice, cards=100),
    Mutant("our trouble counts while the term is paid", trouble_of_a_paid_time_counted),
    Mutant("sent again after the removal of the method", sent_again_after_removal, cards=300),
    Mutant("a limit of minutes eats a whole rung", limit_eats_the_rung, cards=100, harsh=True),
    Mutant("a top-up that went back stays on the balance", refunded_top_up_kept, cards=100),
    Mutant("grace for a card without days of grace", grace_without_days),
    Mutant("holders learn of codes that are not for them", secrets_told),
    Mutant("the key of a notice is used again", notice_key_used_again),
    Mutant("nobody is told of a suspension", suspension_told_to_nobody),
    Mutant("a price is announced too late", early_notice_of_a_price),
    Mutant("a charge is sent however long it lay", sent_however_long_it_lay),
)


def told() -> Iterator[str]:
    """The table of all mutants as Markdown, row by row: what each is found by, and after how many attempts."""
    yield "| sown bug | found as | after attempts |"
    yield "|---|---|---|"
    for mutant in MUTANTS:
        hunt = mutant.hunt()
        yield f"| {mutant.name} | {hunt.found.kind if hunt.found else 'NOT FOUND'} | {hunt.attempts:,} |"


if __name__ == "__main__":
    for line in told():
        print(line, flush=True)  # noqa: T201 (it is asked for on the command line)
