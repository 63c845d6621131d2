"""What a new payment method would be charged at once: decided by the engine, on a card to which one was added."""

from adapters.web.pages.ahead import next_payment
from adapters.web.pages.portal import Held
from engine.card.evolve import replay
from engine.card.methods import PaymentMethod, PaymentMethodBound
from engine.money import Money
from engine.outlook import outlook

_ADDED = PaymentMethod(method_id="added", kind="credit_card", token="added")  # noqa: S106 (nothing is charged by it)


def charged_by_adding(held: Held) -> Money | None:
    """What is charged to a method as soon as it is added; None where nothing is."""
    card = held.card
    if card.consent is None or card.renewal is None:
        return None
    after = replay(card, card.card_id, (PaymentMethodBound(method=_ADDED, at=held.at),))
    payment = next_payment(after, outlook(after, held.rules, held.at))
    if payment is None or payment.at > held.at or payment.method is None:
        return None
    return payment.amount if payment.method.method_id == _ADDED.method_id else None
