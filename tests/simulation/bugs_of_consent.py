"""Small bugs in what is agreed to and announced, and in what is charged ahead of time or late."""

from msgspec.structs import replace

from engine.card import announcing, charge, consent, term
from engine.card import next as following
from engine.errors import Refused
from tests.simulation.bugs import DAY, Change


def price_before_its_day() -> list[Change]:
    def agreed(consent, announced, _):
        return announced[-1] if announced else consent

    return [(term, "agreed_on", agreed)]


def early_notice_of_a_price() -> list[Change]:
    real = announcing.announce_price_change

    def announce(card, catalogue, **of):
        facts = real(card, catalogue, **of)
        return tuple(replace(one, applies_from=one.applies_from - 300 * DAY) for one in facts)

    return [(announcing, "announce_price_change", announce)]


def market_days_ignored() -> list[Change]:
    """Only the plan's own notice days count."""
    real = announcing.announce_price_change

    def announce(card, catalogue, **of):
        return real(card, catalogue, **of | {"market_days": 0})

    return [(announcing, "announce_price_change", announce)]


def fee_of_the_catalogue() -> list[Change]:
    """The fee is that of the catalogue on the day of the offer, whatever the holder agreed to."""
    real = charge.offer

    def offer(card, agreed, rules, at):
        custody, day = card.custody, term.local_date(at, card.term.zone)
        try:
            fee = rules.catalogue.quote(custody.plan, custody.currency, agreed.months, day).reactivation_fee
        except Refused:
            fee = None
        return replace(real(card, agreed, rules, at), reactivation_fee=fee)

    return [(charge, "offer", offer)]


def announced_for_ever() -> list[Change]:
    """What was announced cannot be taken back."""
    real = consent.announced
    return [
        (consent, "announced", lambda before, fact, given: real(before, replace(fact, replaces_later=False), given))
    ]


def agreed_again_in_vain() -> list[Change]:
    """Who agrees to a lower price for the same period keeps the old one."""
    return [(consent, "_agreed_again", lambda *_: None)]


def quote_not_compared() -> list[Change]:
    """The holder is charged today's price, whatever was shown."""
    real = consent._quote
    return [(consent, "_quote", lambda card, catalogue, months, _, at: real(card, catalogue, months, None, at))]


def raise_forgotten_by_off_and_on() -> list[Change]:
    return [(consent, "still_announced", lambda *_: ())]


def request_never_ends() -> list[Change]:
    """What was asked for ahead of time goes on with the next method that is bound, or the next top-up."""
    return [(following, "end_request", lambda *_: ())]


def late_payer_pays_twice() -> list[Change]:
    return [(term, "_is_late", lambda _, late, __, at: late.ends_at <= at)]
