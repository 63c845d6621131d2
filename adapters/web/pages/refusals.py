"""What a holder reads when the engine refuses something."""

from markupsafe import Markup

from adapters.web.voice import Voice
from engine.errors import Refused


def said(refused: Refused, say: Voice) -> Markup:
    """The refusal in the holder's language: result, cause, remedy."""
    match refused.code:
        case "charge_under_way":
            return say("A payment is under way already. Wait for its outcome; we will tell you.")
        case "charging_stopped":
            return say("Payments are stopped for the moment. Nothing was charged. Try again later.")
        case "no_usable_method" | "no_payment_method":
            return say("There is no payment method that can be charged. Add or update one first.")
        case "last_method":
            return say(
                "The only method stays while auto-renewal is on or a payment is under way. "
                "Add another one first, or turn auto-renewal off."
            )
        case "already_paid_ahead":
            return say("The card is paid ahead already. Nothing was charged.")
        case "price_changed":
            return say("What is due has changed since the page was opened. Nothing was charged; look at it again.")
        case "declined_too_often":
            return say("Payments failed too often today. Try again tomorrow, or with another method.")
        case "restored":
            return say("Payments are being checked at the moment. Nothing was charged. Try again tomorrow.")
        case "held" | "number_in_doubt":
            return say("We have to look into this card first. Nothing was charged.")
        case _:
            return _of_amounts_and_methods(refused, say)


def _of_amounts_and_methods(refused: Refused, say: Voice) -> Markup:
    match refused.code:
        case "amount_below_threshold":
            return say("One top-up would not reach that limit. Choose a larger amount.")
        case "not_reusable":
            return say("This method pays only while you are there. For auto-renewal, add another one.")
        case "not_paid_on_page":
            return say("That wallet cannot pay here. Choose another way to pay.")
        case "below_minimum_charge" if refused.least is not None:
            return say(
                "At least %(amount)s can be charged at once. Choose a larger amount.", amount=say.money(refused.least)
            )
        case "above_method_limit":
            return say("That is more than your payment method takes at once. Choose a smaller amount.")
        case "unknown_method":
            return say("That payment method is not with this card any more.")
        case "command_id_reused":
            return say("This form was used already, for something else. Nothing was changed. Open the page again.")
        case "too_many_methods":
            return say("There are as many payment methods as a card can have. Remove one first.")
        case _:
            return say("That is not possible at the moment. Nothing was changed.")
