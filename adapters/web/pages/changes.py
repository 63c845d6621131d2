"""What changed about a card without money moving, in the holder's words."""

from markupsafe import Markup

from adapters.web.voice import Voice
from engine.money import Money


def held(by: str, say: Voice) -> Markup:
    """Why a card was put on hold, as far as its holder has to know."""
    if by == "alarm":
        return say("A payment could not be made as ordered. The card is on hold, and nothing is charged meanwhile.")
    return say("The card was put on hold. Nothing is charged meanwhile.")


def switched_off(why: str, say: Voice) -> Markup:
    """Who turned auto-renewal off."""
    match why:
        case "holder":
            return say("You turned off auto-renewal.")
        case "mandate_withdrawn":
            return say("Auto-renewal went off, because your bank withdrew the permission to charge.")
        case _:
            return say("Auto-renewal was turned off by our support.")


def standing_order(threshold: Money | None, amount: Money | None, say: Voice) -> Markup:
    """The standing order for top-ups, or that there is none any more."""
    if threshold is None or amount is None:
        return say("You turned off automatic top-up.")
    values = {"threshold": say.money(threshold), "amount": say.money(amount)}
    return say("You set automatic top-up: below %(threshold)s, %(amount)s is added.", **values)
