"""More small bugs for the engine, of money that goes back: each as what is to be put where, as in bugs.py."""

from msgspec.structs import replace

from engine.card import card as whole
from engine.card import charge, custody, decline, disputes, lapse, refunds
from engine.card import next as following
from engine.card.attempt import open_attempts
from engine.money import Money
from tests.simulation.bugs import Change


def late_success_after_a_decline_ignored() -> list[Change]:
    real = decline.failed

    def failed(attempts, fact):
        after = real(attempts, fact)
        return replace(after, closed=attempts.closed) if fact.happened else after

    return [(decline, "failed", failed)]


def reserve_not_owed() -> list[Change]:
    return [(where, "balance_owed", _free_balance) for where in (custody, lapse)]


def _free_balance(card):
    return Money(minor=card.balance.minor, currency=card.custody.currency)


def remainder_too_small() -> list[Change]:
    return [(charge, "_from_balance", lambda card, due, _: min(card.balance.minor, due.minor))]


def refunded_top_up_kept() -> list[Change]:
    return [(where, "debit_balance", lambda *_: ()) for where in (refunds, disputes)]


def reserved_money_kept() -> list[Change]:
    real = refunds.debit_balance

    def debit_balance(card, *args):
        return real(replace(card, attempts=replace(card.attempts, open=None)), *args)

    return [(where, "debit_balance", debit_balance) for where in (refunds, disputes)]


def refunded_and_disputed_kept() -> list[Change]:
    real = refunds.debit_balance

    def debit_balance(card, before, after, reason, at):
        return real(card, before, after, reason, at) if before.top_up is not None else ()

    return [(where, "debit_balance", debit_balance) for where in (refunds, disputes)]


def dispute_of_the_method_id() -> list[Change]:
    real = whole._disputed
    return [(whole, "_disputed", lambda card, fact: real(card, replace(fact, instrument=None)))]


def won_money_kept_from_the_balance() -> list[Change]:
    return [(disputes, "_back_on_balance", lambda *_: ())]


def unknown_top_up_keeps_renewal_waiting() -> list[Change]:
    return [(following, "_must_be_known_first", lambda card: bool(open_attempts(card.attempts)))]
