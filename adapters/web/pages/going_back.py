"""Money that goes back to the holder, in the holder's words."""

from markupsafe import Markup

from adapters.web.voice import Voice
from engine.card.card import Card
from engine.card.refunds import RefundFailed, RefundReason, RefundReturned, RefundStarted
from engine.money import Money


def on_its_way(card: Card, say: Voice) -> Markup | None:
    """What is on its way back of payments that paid for nothing; None where nothing is.

    Not what a person has to give back another way, nor what the support gives back of a payment that was good.
    """
    for_nothing = {one.attempt_id for one in card.payments if one.goes_back}
    minor = sum(one.amount.minor for one in card.refunds if one.attempt_id in for_nothing and not one.refused)
    if not minor:
        return None
    amount = say.money(Money(minor=minor, currency=card.custody.currency))
    return say(
        "%(amount)s goes back to you; with some banks that takes days. Please wait for it before you pay again.",
        amount=amount,
    )


def said(fact: RefundStarted | RefundFailed | RefundReturned, say: Voice) -> Markup | None:
    """What a refund's fact tells its holder; None where nothing was left to go back."""
    match fact:
        case RefundStarted(amount=amount, reason=reason):
            return _begun(say.money(amount), reason, say) if amount.minor else None
        case RefundFailed():
            return say("The refund was not accepted. Our support returns the money another way.")
        case RefundReturned(amount=amount):
            back = say.money(amount)
            return say("The refund of %(amount)s came back. Our support returns it another way.", amount=back)


def _begun(amount: Markup, reason: RefundReason, say: Voice) -> Markup:
    match reason:
        case "late_success":
            return say("%(amount)s was taken after the payment had been given up. It goes back to you.", amount=amount)
        case "card_closed":
            return say("The card is closed, so %(amount)s goes back to you.", amount=amount)
        case "number_reclaimed":
            return say("The number is gone, so %(amount)s goes back to you.", amount=amount)
        case "term_not_covered":
            return say("%(amount)s did not cover the term any more. It goes back to you.", amount=amount)
        case "dispute_won" | "operator":
            return say("%(amount)s goes back to you.", amount=amount)
