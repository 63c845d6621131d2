"""Why a payment was tried on the day on which it was tried, in the holder's words."""

from markupsafe import Markup

from adapters.web.voice import Voice
from engine.card.attempt import ChargeAttempted


def why_then(attempt: ChargeAttempted, say: Voice) -> Markup:
    """Why it was tried on that day."""
    match attempt.reason:
        case "renewal_opened":
            return say("We begin some days before the term ends, so that there is time to try again.")
        case "next_method":
            return say("The method before it could not pay, so the next one was tried at once.")
        case "next_rung":
            return say("This was a planned retry after the first failed payment.")
        case "soon":
            return say("The first try met a temporary problem, so we tried once more.")
        case "new_method":
            return say("You added or updated a payment method while a payment was due.")
        case "new_terms":
            return say("You chose another period while a payment was due.")
        case "holder_asked" | "on_page":
            return say("You asked for it.")
        case "top_up":
            return say("It was for a top-up of the balance.")
