"""Bugs sown into the engine on purpose: each must be found by the checker in a small world, and quickly.

`python -m tests.simulation.mutants` prints the table of them.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from unittest.mock import patch

from tests.simulation import bugs
from tests.simulation import bugs_around_cards as around
from tests.simulation import bugs_of_consent as consenting
from tests.simulation import bugs_of_money as money
from tests.simulation import bugs_of_reminders as reminding
from tests.simulation.bugs import Change
from tests.simulation.checker.findings import Violation
from tests.simulation.faults import Level
from tests.simulation.run import run_plan
from tests.simulation.world import Plan

SEEDS_MOST = 8


@dataclass(frozen=True)
class Mutant:
    """A bug, and the kind of world in which it shows; seed after seed is lived through until it does."""

    name: str
    changes: Callable[[], list[Change]]
    cards: int = 30
    years: float = 0.4
    level: Level = "high"
    harsh: bool = False
    soon: tuple[int, int] | None = None
    """Seed and cards of a small world in which it showed soon when that was searched for; it is lived through first."""
    born_within_days: int = 5
    pages: float = 0.0
    """As of the plan."""
    slow: bool = False
    """It takes seconds to be found, so only `--slow` looks for it."""

    def plans(self) -> Iterator[Plan]:
        """The worlds in their order."""
        seeds = [(seed, self.cards) for seed in range(1, SEEDS_MOST + 1)]
        for seed, cards in [self.soon, *seeds] if self.soon else seeds:
            yield Plan(
                seed,
                cards,
                self.years,
                self.level,
                harsh=self.harsh,
                born_within_days=self.born_within_days,
                pages=self.pages,
            )

    def hunt(self) -> "Hunt":
        """Live until the first violation."""
        attempts = 0
        with sown(self.changes()):
            for plan in self.plans():
                outcome = run_plan(plan, first_only=True)
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


MUTANTS = (
    Mutant("attempt id without its number", bugs.attempt_id_without_number),
    Mutant("a key is sent again for a month", bugs.key_sent_for_a_month),
    Mutant("lapses while the outcome is unknown", bugs.lapsing_while_unknown),
    Mutant("an unknown outcome moves no deadline", bugs.unknown_moves_no_deadline),
    Mutant("our own outage moves no deadline", bugs.lateness_moves_no_deadline),
    Mutant("no deadline is ever moved", bugs.stop_moves_no_deadline),
    Mutant("network limits are not enforced", around.limits_not_enforced, harsh=True),
    Mutant("network limits look back half a day", around.limit_counts_one_day, harsh=True),
    Mutant(
        "a limit full of open tries is the holder's affair",
        around.open_tries_are_the_holders_affair,
        harsh=True,
        soon=(3, 30),
        slow=True,
    ),
    Mutant("early rungs use up the limit", around.early_rungs_use_up_the_limit, harsh=True, slow=True),
    Mutant("what a limit forbids is called delayed by advice", around.limit_called_advice, harsh=True),
    Mutant("advice delays one method only", around.advice_binds_one_method, cards=200, soon=(10, 50)),
    Mutant(
        "advice ends with a clock that was ahead",
        around.advice_ends_with_a_clock_that_was_ahead,
        cards=150,
        years=0.6,
        harsh=True,
        soon=(16, 150),
        born_within_days=60,
        slow=True,
    ),
    Mutant("a never code blocks nobody else", around.never_does_not_block, cards=100),
    Mutant("late success is not refunded", bugs.refund_forgotten, cards=200),
    Mutant("rungs a day early", bugs.rung_a_day_early),
    Mutant("rung gap ignored", bugs.rung_gap_ignored, harsh=True),
    Mutant(
        "rungs after the last day",
        bugs.rungs_after_the_last_day,
        cards=60,
        years=0.6,
        level="none",
        harsh=True,
        soon=(4, 25),
    ),
    Mutant("no rung on the last day", bugs.no_rung_on_the_last_day, cards=60, years=0.6, harsh=True, soon=(1, 25)),
    Mutant("anchor day lost", bugs.anchor_day_lost),
    Mutant("late payers pay for the past", bugs.late_payer_pays_for_the_past),
    Mutant(
        "late payers pay for two terms within days", consenting.late_payer_pays_twice, cards=100, harsh=True, slow=True
    ),
    Mutant(
        "who asked early is not told that nothing was tried",
        reminding.nobody_is_told_that_nothing_was_tried,
        cards=100,
        soon=(2, 100),
    ),
    Mutant("what was asked for early never ends", consenting.request_never_ends, cards=100, soon=(6, 25)),
    Mutant("never wakes after an unknown outcome", bugs.wakes_never_after_unknown),
    Mutant("wakes a year late at the end of the term", bugs.wakes_a_year_late),
    Mutant("switch-off ignored", bugs.switch_off_ignored),
    Mutant("sent again after the switch-off", bugs.sent_again_after_switch_off, cards=400, years=0.15, soon=(1, 50)),
    Mutant("hold ignored", bugs.hold_ignored),
    Mutant(
        "a released card is charged although nobody confirmed the number",
        around.charged_though_nobody_confirmed,
        cards=100,
        soon=(5, 25),
    ),
    Mutant(
        "charged past the carrier's date unless it was held",
        around.charged_past_the_carriers_date,
        cards=100,
        soon=(5, 25),
    ),
    Mutant("the operator's stop ignored", bugs.stop_ignored),
    Mutant("reserved balance not released", bugs.balance_not_released, soon=(6, 30)),
    Mutant("balance not reserved", bugs.balance_spent_twice),
    Mutant("notices doubled", around.notices_doubled),
    Mutant("failure told while the next method is charged", around.failure_told_after_each_method),
    Mutant("second attempt while the first is unknown", bugs.second_attempt_while_unknown),
    Mutant("a time-out counts as a decline", bugs.time_out_is_a_decline),
    Mutant("a gateway that was down is asked a day later", bugs.asked_once_a_day),
    Mutant("never happened is said too soon", bugs.never_happened_too_soon),
    Mutant("command memory off", around.command_memory_off),
    Mutant("stream versions not compared", around.versions_not_compared),
    Mutant("appends lost but acknowledged", around.append_lost_but_acknowledged),
    Mutant("never codes are retried", bugs.never_is_retried, harsh=True),
    Mutant("ended methods are tried", bugs.ended_methods_tried),
    Mutant("advice delays ignored", bugs.advice_delay_ignored, soon=(3, 25)),
    Mutant("reactivation fee forgotten", bugs.fee_forgotten),
    Mutant("announced price charged before its day", consenting.price_before_its_day),
    Mutant("suspended a day early", bugs.suspended_a_day_early),
    Mutant("given up a day early", bugs.given_up_a_day_early),
    Mutant("automatic top-ups every hour", bugs.topped_up_every_hour, cards=100, soon=(4, 25)),
    Mutant("a top-up of an amount that nobody takes holds its card", money.amount_that_nobody_takes_holds, cards=100),
    Mutant("a hold within the operator's stop forgets the stop", bugs.hold_forgets_the_stop, cards=200, soon=(11, 25)),
    Mutant("our trouble counts twice", bugs.trouble_counted_twice, cards=100, soon=(4, 25)),
    Mutant("our trouble counts while the term is paid", bugs.trouble_of_a_paid_time_counted),
    Mutant(
        "sent again after the removal of the method", bugs.sent_again_after_removal, cards=400, years=0.3, soon=(2, 50)
    ),
    Mutant("a limit of minutes eats a whole rung", bugs.limit_eats_the_rung, cards=60, harsh=True, soon=(4, 25)),
    Mutant("a top-up that went back stays on the balance", money.refunded_top_up_kept, cards=100, slow=True),
    Mutant("what is reserved stays though its top-up went back", money.reserved_money_kept, cards=400, soon=(2, 50)),
    Mutant(
        "a refund onto the balance stays though the charge is disputed",
        money.refunded_and_disputed_kept,
        cards=200,
        years=0.6,
        soon=(42, 50),
    ),
    Mutant("a disputed card with new details is charged", money.dispute_of_the_method_id, cards=200, slow=True),
    Mutant("a dispute that exceeds its charge is refused", money.dispute_beyond_the_charge_refused, cards=100),
    Mutant(
        "a dispute that is won gives the balance nothing back",
        money.won_money_kept_from_the_balance,
        cards=200,
        soon=(4, 50),
    ),
    Mutant(
        "what was spent and went back comes back with its term", money.spent_money_comes_back_with_its_term, cards=60
    ),
    Mutant(
        "a term is given for what is left of its reserve",
        money.term_for_what_is_left_of_its_reserve,
        cards=100,
        soon=(33, 60),
    ),
    Mutant(
        "a refund is asked for though its charge is disputed", money.disputed_refund_asked_for, cards=100, soon=(4, 25)
    ),
    Mutant("a success after a decline is ignored", money.late_success_after_a_decline_ignored, cards=100, soon=(4, 25)),
    Mutant(
        "of a card that is given up the reserve is not owed",
        money.reserve_not_owed,
        cards=1000,
        years=0.25,
        soon=(10, 100),
    ),
    Mutant("the balance leaves less than the gateway charges", money.remainder_too_small, cards=200, soon=(4, 50)),
    Mutant("a term that is undone counts its attempts from 1", money.attempts_of_an_undone_term_from_1, cards=60),
    Mutant("a term is undone, and auto-renewal stays on", money.undone_term_stays_on, cards=100, soon=(1, 25)),
    Mutant(
        "a term is undone though money of its charge is left",
        money.undone_though_money_is_left,
        cards=200,
        soon=(36, 50),
    ),
    Mutant("the balance lets the number go", money.balance_lets_the_number_go, cards=100, soon=(1, 25)),
    Mutant(
        "the balance is spent early though it is not first",
        money.balance_spent_though_not_first,
        cards=200,
        soon=(4, 50),
    ),
    Mutant(
        "an unknown top-up keeps the renewal waiting",
        money.unknown_top_up_keeps_renewal_waiting,
        cards=400,
        soon=(21, 50),
    ),
    Mutant("grace for a card without days of grace", bugs.grace_without_days),
    Mutant("holders learn of codes that are not for them", around.secrets_told),
    Mutant("the key of a notice is used again", around.notice_key_used_again),
    Mutant("nobody is told of a suspension", around.suspension_told_to_nobody),
    Mutant("who switched off is told of a failed top-up", around.withdrawn_top_up_told, cards=600, slow=True),
    Mutant("a price is announced too late", consenting.early_notice_of_a_price),
    Mutant("a price is announced without the market's days", consenting.market_days_ignored, cards=60, level="low"),
    Mutant("a fee is charged that nobody agreed to", consenting.fee_of_the_catalogue),
    Mutant("an announced price cannot be taken back", consenting.announced_for_ever, cards=60, years=0.9, soon=(3, 25)),
    Mutant("agreed at a lower price, charged the old one", consenting.agreed_again_in_vain),
    Mutant("another price is agreed to than was shown", consenting.quote_not_compared),
    Mutant(
        "off and on forgets an announced price",
        consenting.raise_forgotten_by_off_and_on,
        cards=100,
        years=0.9,
        soon=(4, 50),
        slow=True,
    ),
    Mutant("a charge is sent however long it lay", around.sent_however_long_it_lay),
    Mutant(
        "a charge is sent though the clock went back", around.sent_though_the_clock_went_back, cards=300, soon=(3, 50)
    ),
    Mutant("sent again though a clock was ahead", around.clock_ahead_forgotten, cards=200, soon=(1, 50)),
    Mutant("a failed card is acknowledged without being parked", around.failed_cards_not_parked, slow=True),
    Mutant("a failed card is parked without another try", around.failed_cards_not_retried),
    Mutant("a time-out is not recorded", around.time_out_not_recorded, slow=True),
    Mutant(
        "answers beyond the first three of a batch are dropped", around.answers_of_a_batch_dropped, cards=100, slow=True
    ),
    Mutant("commands are recorded as done by the system", around.commands_done_by_the_system),
    Mutant("the reminder of a charge is forgotten", reminding.reminder_forgotten),
    Mutant(
        "the reminder weeks before a charge is forgotten", reminding.far_reminder_forgotten, level="low", soon=(3, 30)
    ),
    Mutant("nobody is told that the service will end", reminding.lapse_told_to_nobody, cards=100),
    Mutant("the reminder of a charge comes a day late", reminding.reminder_a_day_late),
    Mutant("a charge does not wait for its notice", reminding.notice_not_waited_for, cards=100, slow=True),
    Mutant("a reminder does not know the announced price", reminding.reminder_of_another_price, cards=100),
    Mutant("reminders doubled", reminding.reminders_doubled),
    Mutant(
        "a late notice moves no deadline", reminding.late_notice_moves_no_deadline, cards=100, soon=(9, 25), slow=True
    ),
    Mutant("days that moved are kept quiet", reminding.moved_days_kept_quiet),
    Mutant("a failure is told without the fee of the next try", reminding.failure_told_without_the_fee, soon=(3, 25)),
    Mutant("a failure is told with a next try a day early", reminding.failure_told_with_an_early_next_try),
    Mutant("the notice of a failure names no next try", reminding.failure_notice_without_next_try),
    Mutant("a receipt names no method", reminding.receipt_of_no_method),
    Mutant("the notice of a receipt names no charge", reminding.receipt_notice_without_its_charge),
    Mutant("what is paid on a page is sent", money.page_sent, pages=0.5),
    Mutant("an open page keeps nothing waiting", money.page_keeps_nothing_waiting, pages=0.5),
    Mutant("a page that nobody paid uses up a try", money.page_uses_up_a_try, pages=0.5),
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
