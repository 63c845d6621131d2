"""What became of a payment on Stripe's page: its Checkout Session says whether the page is open, and who paid on it.

The session is found by the attempt that its metadata name: nobody keeps its id.
"""

from adapters.gateways.stripe_answers import Wanted, state_of, unclear
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_objects import Intent, Session
from adapters.gateways.stripe_token import Token
from adapters.gateways.stripe_transport import Unanswered
from engine.ports import Answer, ChargeRequest, Declined, NotFound, Pending

SESSIONS = "/v1/checkout/sessions"
PAGE_CLOSED = "page_closed"
"""Our own code for a page on which nobody can pay any more, and nobody did."""


async def find_session(api: StripeApi, request: ChargeRequest, token: Token) -> Session | None:
    """The session of an attempt; None where its page was never made. Raises as StripeApi.fetch."""
    found = await api.list_all(SESSIONS, Session, {"customer": token.customer, "expand": ["data.payment_intent"]})
    ours = [one for one in found if (one.metadata or {}).get("attempt") == str(request.attempt_id)]
    if any(one.livemode is not api.livemode for one in ours):
        raise Unanswered("wrong_mode")
    return min(ours, key=_certainty, default=None)


async def look_up_page(api: StripeApi, request: ChargeRequest, token: Token, about: Wanted) -> Answer:
    """What became of an attempt that its holder pays on the page; raises as `find_session`."""
    session = await find_session(api, request, token)
    if session is None:
        return NotFound()
    intent = session.payment_intent
    if isinstance(intent, str):
        raise Unanswered("not_understood")
    state = None if intent is None else state_of(intent, request, about)
    if state is not None and intent is not None and not _may_be_paid_yet(intent):
        return unclear("requires_action") if state == "requires_action" else state
    match session.status:
        case "open":
            return Pending(attempt_id=request.attempt_id, gateway_ref=session.id)
        case "expired" | "complete" if session.status == "expired" or intent is not None:
            return Declined(code=PAGE_CLOSED)
        case _:
            raise Unanswered("not_understood")


def _may_be_paid_yet(intent: Intent) -> bool:
    """Whether it is the session that says whether anything more can come of it."""
    return intent.status in ("requires_action", "requires_confirmation", "requires_payment_method")


def _certainty(session: Session) -> int:
    """Of several sessions of one attempt, which there should not be, the one on which money was taken comes first."""
    intent = session.payment_intent
    if isinstance(intent, Intent) and intent.status in ("succeeded", "processing"):
        return 0
    return 1 if session.status == "open" else 2
