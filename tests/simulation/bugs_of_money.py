"""More small bugs for the engine, of money that goes back: each as what is to be put where, as in bugs.py."""

from msgspec.structs import replace

from engine import decisions
from engine.card import (
    balance,
    charge,
    custody,
    decline,
    disputes,
    ending,
    giving_back,
    lapse,
    outcomes,
    refunding,
    undoing,
)
from engine.card import evolve as whole
from engine.card import next as following
from engine.card.attempt import open_attempts
from engine.card.balance import BalanceCredited
from engine.card.consent import AutoRenewSwitchedOff
from engine.commands import ConfirmReclaim, OrderPaymentMethods, TopUp
from engine.money import Money
from engine.store import streams
from tests.simulation import holders, lives, world
from tests.simulation.bugs import Change
from tests.simulation.random_commands import disputing_top_up, undoing_term


def late_success_after_a_decline_ignored() -> list[Change]:
    """The card forgets its declined attempts, and nobody looks for them in its history."""
    real = outcomes.closed_attempt

    def forgotten(attempts, attempt_id):
        found = real(attempts, attempt_id)
        return None if found is not None and found.happened else found

    return [(outcomes, "closed_attempt", forgotten), (streams, "failed_in", lambda *_: None)]


def amount_that_nobody_takes_holds() -> list[Change]:
    """Many payment methods are asked for what the gateway calls too small, and such a top-up is an alarm."""
    small = [
        (lives, "_BEHAVIOURS", (("good", 60.0), ("hard", 40.0))),
        (lives, "_HARD", (("amount_too_small", None, None),)),
    ]
    return [*small, (decline, "OF_THE_AMOUNT", frozenset())]


def page_sent() -> list[Change]:
    real = decisions.about_charge

    def about_charge(stream, card, attempt, learned, *rest):
        learned = learned if attempt.page_until is None else "asked_again"
        return real(stream, card, replace(attempt, page_until=None), learned, *rest)

    return [(decisions, "about_charge", about_charge)]


def page_keeps_nothing_waiting() -> list[Change]:
    real = following._must_be_known_first

    def must_be_known_first(card):
        attempt = card.attempts.open
        return real(card) and (attempt is None or attempt.page_until is None)

    return [(following, "_must_be_known_first", must_be_known_first)]


def page_uses_up_a_try() -> list[Change]:
    real = decline._not_paid

    def not_paid(*about):
        first, *rest = real(*about)
        return replace(first, happened=True, counts=True), *rest

    return [(decline, "_not_paid", not_paid)]


def reserve_not_owed() -> list[Change]:
    return [(where, "balance_owed", _free_balance) for where in (custody, lapse)]


def _free_balance(card):
    return Money(minor=card.balance.minor, currency=card.custody.currency)


def remainder_too_small() -> list[Change]:
    return [(charge, "_from_balance", lambda card, due, _: min(card.balance.minor, due.minor))]


def balance_lets_the_number_go() -> list[Change]:
    """In a world in which everybody has a balance that is not spent first, and most charges are declined."""
    real, new_card = charge._last_resort, holders.Holders.new_card

    def last_resort(card, *args):
        return real(replace(card, balance=replace(card.balance, minor=0)), *args)

    def with_balance(self, slot, generation, at):
        life, commands = new_card(self, slot, generation, at)
        return life, [*commands, TopUp(**life.ids(), amount=Money(minor=5000, currency=life.currency))]

    def token(_, unique, **__):
        return f"sim:flaky:70+insufficient_funds:{unique}"

    return [
        (charge, "_last_resort", last_resort),
        (holders.Holders, "new_card", with_balance),
        (lives, "_token", token),
    ]


def balance_spent_though_not_first() -> list[Change]:
    return [(charge, "charge_instant", lambda *_: world.BEGIN)]


def attempts_of_an_undone_term_from_1() -> list[Change]:
    """In a world in which most terms that are paid ahead are undone soon after."""
    real, reaction = undoing.undone, holders.Holders.reaction

    def refunding(self, life, row, rows):
        return reaction(self, life, row, rows) if row.topic != "card_renewed.v1" else [undoing_term(life, rows)]

    def undone(card, fact):
        return {**real(card, fact), "attempts": replace(card.attempts, made=0)}

    return [
        (undoing, "undone", undone),
        (holders.Holders, "reaction", refunding),
        (world, "REACTED_TO", holders.REACTED_TO | {"card_renewed.v1"}),
    ]


def undone_though_money_is_left() -> list[Change]:
    real = ending.find_payment
    return [(ending, "find_payment", lambda *args: replace(real(*args), refunded=real(*args).amount.minor))]


def undone_term_stays_on() -> list[Change]:
    real = giving_back.undo_term

    def undo_term(card, **about):
        return tuple(fact for fact in real(card, **about) if not isinstance(fact, AutoRenewSwitchedOff))

    return [(giving_back, "undo_term", undo_term)]


def refunded_top_up_kept() -> list[Change]:
    return [(where, "debit_balance", lambda *_: ()) for where in (giving_back, disputes)]


def reserved_money_kept() -> list[Change]:
    real = giving_back.debit_balance

    def debit_balance(card, *args):
        return real(replace(card, attempts=replace(card.attempts, open=None)), *args)

    return [(where, "debit_balance", debit_balance) for where in (giving_back, disputes)]


def refunded_and_disputed_kept() -> list[Change]:
    real = giving_back.debit_balance

    def debit_balance(card, before, after, reason, at):
        return real(card, before, after, reason, at) if before.top_up is not None else ()

    return [(where, "debit_balance", debit_balance) for where in (giving_back, disputes)]


def dispute_of_the_method_id() -> list[Change]:
    real = whole._disputed
    return [(whole, "_disputed", lambda card, fact: real(card, replace(fact, instrument=None)))]


def dispute_beyond_the_charge_refused() -> list[Change]:
    return [(disputes, "DISPUTED_MOST", 1)]


def won_money_kept_from_the_balance() -> list[Change]:
    real = disputes.record_dispute_won

    def record_dispute_won(card, recall, **about):
        return tuple(fact for fact in real(card, recall, **about) if not isinstance(fact, BalanceCredited))

    return [(disputes, "record_dispute_won", record_dispute_won)]


def unknown_top_up_keeps_renewal_waiting() -> list[Change]:
    return [(following, "_must_be_known_first", lambda card: bool(open_attempts(card.attempts)))]


def spent_money_comes_back_with_its_term() -> list[Change]:
    """In a world in which whoever pays from the balance disputes the top-up, and the carrier takes the number."""

    def give_back_terms(card, numbers, at):
        forgotten = replace(card, balance=replace(card.balance, clawed_back=()))
        return balance.give_back_terms(forgotten, numbers, at)

    return [*_disputed_and_lost(), *((where, "give_back_terms", give_back_terms) for where in (lapse, undoing))]


def _disputed_and_lost() -> list[Change]:
    reaction, new_card = holders.Holders.reaction, holders.Holders.new_card

    def reacting(self, life, row, rows):
        if row.topic != "card_renewed.v1":
            return reaction(self, life, row, rows)
        return [*disputing_top_up(life, rows), ConfirmReclaim(**life.ids())]

    def with_balance(self, slot, generation, at):
        life, commands = new_card(self, slot, generation, at)
        order = OrderPaymentMethods(**life.ids(), method_ids=life.method_ids(), balance_first=True)
        return life, [*commands, order, TopUp(**life.ids(), amount=Money(minor=5000, currency=life.currency))]

    return [
        (holders.Holders, "reaction", reacting),
        (holders.Holders, "new_card", with_balance),
        (world, "REACTED_TO", holders.REACTED_TO | {"card_renewed.v1"}),
    ]


def term_for_what_is_left_of_its_reserve() -> list[Change]:
    """In a world in which each charge is paid in part by a top-up, and whoever waits for an outcome disputes that."""
    real, new_card, reaction = outcomes._paid, holders.Holders.new_card, holders.Holders.reaction

    def with_balance(self, slot, generation, at):
        life, commands = new_card(self, slot, generation, at)
        order = OrderPaymentMethods(**life.ids(), method_ids=life.method_ids(), balance_first=True)
        return life, [*commands, order, TopUp(**life.ids(), amount=Money(minor=100, currency=life.currency))]

    def reacting(self, life, row, rows):
        is_unknown = row.topic == "charge_outcome_unknown.v1"
        return disputing_top_up(life, rows) if is_unknown else reaction(self, life, row, rows)

    def paid(card, attempt, *args, **said):
        return real(card, replace(attempt, reserve_taken=0), *args, **said)

    return [
        (outcomes, "_paid", paid),
        (holders.Holders, "new_card", with_balance),
        (holders.Holders, "reaction", reacting),
    ]


def disputed_refund_asked_for() -> list[Change]:
    return [(refunding, "_exceeds", lambda *_: False)]
