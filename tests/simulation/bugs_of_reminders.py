"""Small bugs of reminders: forgotten, late, wrong, doubled, not waited for."""

from msgspec.structs import replace

from engine import notices
from engine.card import asked_ahead, charge, deadlines, outcomes, reminders, term
from engine.card import next as following
from engine.commands import RenewNow
from tests.simulation import holders, world
from tests.simulation.bugs import DAY, Change


def reminder_forgotten() -> list[Change]:
    return [(reminders, "_renewal_ahead", lambda *_: None), *notice_not_waited_for()]


def far_reminder_forgotten() -> list[Change]:
    return [(reminders, "_renewal_far_ahead", lambda *_: None)]


def lapse_told_to_nobody() -> list[Change]:
    return [(reminders, "_lapse_ahead", lambda *_: None)]


def reminder_a_day_late() -> list[Change]:
    real = reminders.notice_due_at
    return [(reminders, "notice_due_at", lambda card, rules: real(card, rules) + DAY)]


def notice_not_waited_for() -> list[Change]:
    return [(charge, "charged_from", lambda _card, opening, _rules: opening)]


def reminder_of_another_price() -> list[Change]:
    return [(reminders, "price_ahead", lambda _, consent, __: consent.price)]


def reminders_doubled() -> list[Change]:
    real = following.reminders

    def doubled(card, rules, at):
        found = real(card, rules, at)
        return found * 2 if isinstance(found, tuple) else found

    return [(following, "reminders", doubled)]


def late_notice_moves_no_deadline() -> list[Change]:
    return [(reminders, "move_deadlines_by_all", lambda *_: ())]


def moved_days_kept_quiet() -> list[Change]:
    return [(deadlines, "end_notified", lambda before: before)]


def failure_told_without_the_fee() -> list[Change]:
    return [(reminders, "_amount_due_at", lambda card, renewal, _: term.amount_due(card, renewal))]


def failure_told_with_an_early_next_try() -> list[Change]:
    real = following.payment_failed

    def payment_failed(*about):
        return tuple(replace(one, next_try_at=one.next_try_at and one.next_try_at - DAY) for one in real(*about))

    return [(following, "payment_failed", payment_failed)]


def failure_notice_without_next_try() -> list[Change]:
    return [(notices, "_reminder", _without(notices._reminder, "next_try_at"))]


def receipt_notice_without_its_charge() -> list[Change]:
    return [(notices, "_renewed", _without(notices._renewed, "attempt_id", "method_id"))]


def _without(real, *names):
    return lambda fact: {name: value for name, value in real(fact).items() if name not in names}


def nobody_is_told_that_nothing_was_tried() -> list[Change]:
    """In a world in which all ask to be charged ahead of time, and ask again when nothing comes of it."""
    new_card, reaction, ended = holders.Holders.new_card, holders.Holders.reaction, "renewal_request_ended.v1"

    def impatient(self, slot, generation, at):
        life, commands = new_card(self, slot, generation, at)
        return life, [*commands, RenewNow(**life.ids())]

    def reacting(self, life, row, rows):
        return [RenewNow(**life.ids())] if row.topic == ended else reaction(self, life, row, rows)

    return [
        (asked_ahead, "_not_tried", lambda *_: None),
        (holders.Holders, "new_card", impatient),
        (holders.Holders, "reaction", reacting),
        (world, "REACTED_TO", holders.REACTED_TO | {ended}),
    ]


def receipt_of_no_method() -> list[Change]:
    real = outcomes.renewed

    def renewed(card, renewal, policy, at, **how):
        *others, fact = real(card, renewal, policy, at, **how)
        return *others, replace(fact, method_id=None)

    return [(outcomes, "renewed", renewed)]
