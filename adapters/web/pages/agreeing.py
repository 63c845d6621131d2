"""What a holder agrees to on the way to auto-renewal: the price as it was shown, and what follows from it."""

from typing import Any, NamedTuple
from uuid import UUID

from markupsafe import Markup

from adapters.web.pages.ahead import Coming, coming_up, next_payment, source
from adapters.web.pages.draft import Draft
from adapters.web.pages.lifeline import lifeline
from adapters.web.pages.portal import Held
from adapters.web.voice import Voice
from engine.card.card import Card
from engine.card.consent import ShownQuote, enable_auto_renew
from engine.card.evolve import replay
from engine.card.methods import order_payment_methods
from engine.catalogue import Quote
from engine.commands import EnableAutoRenew, OrderPaymentMethods
from engine.errors import Refused
from engine.money import Money
from engine.outlook import outlook

TERMS_VERSION = "2026-11"
"""The text of the terms that holders agree to: templates/terms.html."""
CHANNEL = "web"


class Preview(NamedTuple):
    """What follows from agreeing: the card after it, and what will happen."""

    coming: tuple[Coming, ...]
    line: tuple[Any, ...]
    first: Any
    source: Markup | None
    is_today: bool
    is_now: bool
    """It is charged as soon as the holder agrees."""


def quote_of(held: Held, draft: Draft) -> Quote | None:
    """Today's quote, if it is the one that was shown."""
    for one in held.quotes():
        fee = one.reactivation_fee.minor if one.reactivation_fee else None
        if (one.months, one.price.minor, one.catalogue_version, fee) == draft[:4]:
            return one
    return None


def preview_of(held: Held, draft: Draft, quote: Quote, say: Voice) -> Preview | None:
    """What will happen after the holder agrees: decided by the same functions, on a card that agreed."""
    try:
        after = _agreed(held, draft, quote)
    except Refused:
        return None
    foreseen = outlook(after, held.rules, held.at)
    payment = next_payment(after, foreseen)
    today = payment is not None and held.day_of(payment.at) == held.today
    now = payment is not None and payment.at <= held.at
    line = lifeline(after, "active", foreseen, say, held.at)
    coming = coming_up(after, "active", foreseen, say)
    return Preview(coming, line, payment, source(payment, say) if payment else None, today, now)


def commands_of(held: Held, draft: Draft, command_id: UUID) -> tuple[OrderPaymentMethods, EnableAutoRenew]:
    """What the holder's consent is executed as.

    The order comes first: a card whose service is off is charged as soon as it is agreed to, and by no other method.
    """
    card_id, currency = held.card_id, held.card.custody.currency
    fee = None if draft.fee is None else Money(minor=draft.fee, currency=currency)
    quote = ShownQuote(Money(minor=draft.price, currency=currency), draft.version, fee)
    return (
        OrderPaymentMethods(
            command_id=f"web:{command_id}:order",
            card_id=card_id,
            method_ids=draft.order,
            balance_first=draft.balance_first,
        ),
        EnableAutoRenew(
            command_id=f"web:{command_id}",
            card_id=card_id,
            months=draft.months,
            terms_version=TERMS_VERSION,
            channel=CHANNEL,
            shown=quote,
        ),
    )


def _agreed(held: Held, draft: Draft, quote: Quote) -> Card:
    card = held.card
    at = {"at": held.at}
    ordered = order_payment_methods(card, method_ids=draft.order, balance_first=draft.balance_first, **at)
    after = replay(card, card.card_id, ordered) if ordered else card
    agreed = enable_auto_renew(
        after,
        held.rules.catalogue,
        months=quote.months,
        terms_version=TERMS_VERSION,
        channel=CHANNEL,
        shown=_shown_quote(quote),
        **at,
    )
    return (replay(after, card.card_id, agreed) if agreed else after) or card


def _shown_quote(quote: Quote) -> ShownQuote:
    return ShownQuote(quote.price, quote.catalogue_version, quote.reactivation_fee)
