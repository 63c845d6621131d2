"""What happens on the hosted pages: a method is chosen, the payer confirms or refuses, the session is complete.

Each step looks at the state first, so that a form that is sent twice does one thing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from adapters.gateways.sandbox import paying, payment_intents, setup_intents
from adapters.gateways.sandbox.declines import attach_declined
from adapters.gateways.sandbox.parameters import text
from adapters.gateways.sandbox.payment_methods import attached, find_or_make, token_of
from adapters.gateways.sandbox.record import Entry
from adapters.gateways.sandbox.refusals import RefusedError, invalid
from adapters.gateways.sandbox.tokens import Decline
from adapters.gateways.sandbox.world import World

REFUSED_BY_PAYER = Decline("payment_intent_authentication_failure")
REFUSED_SETUP = Decline("setup_intent_authentication_failure")


class Choice(NamedTuple):
    """A test method that a page offers, by a name that the page explains; `card` is one card, and so is `debit`."""

    name: str
    token: str
    kind: str = "card"
    modes: str = "setup payment"


CHOICES = (
    Choice("card", "pm_sandbox_good_fp4242"),
    Choice("debit", "pm_sandbox_debit_fp4242debit"),
    Choice("card_3ds", "pm_sandbox_authentication_on_setup"),
    Choice("card_refused", "pm_card_chargeDeclinedInsufficientFunds"),
    Choice("card_expired", "pm_card_chargeDeclinedExpiredCard"),
    Choice("card_fails_later", "pm_sandbox_insufficient_funds", modes="setup"),
    Choice("paypal", "pm_sandbox_paypal", "paypal"),
    Choice("paypal_pending", "pm_sandbox_paypal_processing", "paypal", modes="payment"),
    Choice("link", "pm_sandbox_link", "link"),
    Choice("alipay", "pm_sandbox_alipay", "alipay", modes="payment"),
    Choice("wechat_pay", "pm_sandbox_wechat_pay", "wechat_pay", modes="payment"),
)


def choices(session: Entry) -> Sequence[Choice]:
    """What the session's page offers."""
    kinds, mode = session.body["payment_method_types"], session.body["mode"]
    return [one for one in CHOICES if one.kind in kinds and mode in one.modes.split()]


def submit(world: World, session: Entry, name: str) -> Decline | None:
    """Pay or save with the method that was chosen; the decline, if the issuer refuses. Nothing if it is not open."""
    if session.body["status"] != "open" or intent_that_waits(world, session):
        return None
    token = next((one.token for one in choices(session) if one.name == name), None)
    if token is None:
        return Decline("payment_method_not_available")
    return _use(world, session, find_or_make(world, token))


def confirm_page(world: World, raw: dict[str, Any], session_id: str) -> Entry:
    """What Stripe's own page asks of its API, which Stripe's command line does in place of a payer."""
    session = world.find("checkout.session", session_id, "session")
    if session.body["status"] != "open":
        raise invalid(f"This Checkout Session has a status of {session.body['status']}.")
    declined = _use(world, session, find_or_make(world, text(raw.get("payment_method", ""), "payment_method")))
    if declined:
        raise attach_declined(declined)
    return session


def _use(world: World, session: Entry, method: Entry) -> Decline | None:
    """Pay or save with a method; the decline, if the issuer refuses."""
    if session.body["mode"] == "setup":
        intent = world.find("setup_intent", session.body["setup_intent"])
        setup_intents.choose(world, intent, method)
        setup_intents.set_up(world, intent, method)
    else:
        intent = _payment_intent(world, session)
        intent.body["payment_method"] = method.id
        try:
            paying.pay(world, intent, method, off_session=False, error_on_action=False)
        except RefusedError:
            return Decline("payment_method_not_available")
    return _after(world, session, intent, token_of(method).decline)


def _payment_intent(world: World, session: Entry) -> Entry:
    if session.body["payment_intent"]:
        return world.find("payment_intent", session.body["payment_intent"])
    given = {
        "amount": session.body["amount_total"],
        "currency": session.body["currency"],
        "payment_method_types": session.body["payment_method_types"],
        **session.hidden["intent"],
    }
    intent = payment_intents.new(world, given, session.customer)
    intent.hidden["session"] = session.id
    session.body["payment_intent"] = session.parent = intent.id
    world.record.put(session)
    world.emit("payment_intent.created", intent)
    return intent


def intent_that_waits(world: World, session: Entry) -> Entry | None:
    """The session's intent, while it waits for its payer."""
    name = session.body["setup_intent"] or session.body["payment_intent"]
    intent = world.record.get(name) if name else None
    return intent if intent and intent.body["status"] == "requires_action" else None


def act(world: World, intent: Entry, *, agrees: bool) -> Decline | None:
    """The payer agrees to what the intent asks, or refuses; nothing if it does not ask any more."""
    if intent.body["status"] != "requires_action":
        return None
    method = world.find("payment_method", intent.body["payment_method"])
    setup = intent.object == "setup_intent"
    if setup and agrees:
        setup_intents.succeed(world, intent, method)
    elif setup:
        setup_intents.refuse(world, intent, method, REFUSED_SETUP)
    elif agrees:
        paying.settle(world, intent, method)
    else:
        paying.decline(world, intent, method, REFUSED_BY_PAYER, with_charge=False)
    declined = token_of(method).decline if agrees else REFUSED_SETUP if setup else REFUSED_BY_PAYER
    session = world.record.get(intent.hidden.get("session", ""))
    if session and session.body["status"] == "open":
        return _after(world, session, intent, declined)
    return declined if intent.body["status"] == "requires_payment_method" else None


def _after(world: World, session: Entry, intent: Entry, declined: Decline | None) -> Decline | None:
    status = intent.body["status"]
    if status == "requires_payment_method":
        return declined
    if status in ("succeeded", "processing", "requires_capture"):
        _complete(world, session, intent)
    return None


def _complete(world: World, session: Entry, intent: Entry) -> None:
    if session.body["mode"] == "payment":
        session.body["payment_status"] = "paid" if intent.body["status"] == "succeeded" else "unpaid"
    if session.customer and intent.body.get("setup_future_usage"):
        attached(world, world.find("payment_method", intent.body["payment_method"]), session.customer)
    session.body |= {"status": "complete", "url": None}
    world.record.put(session)
    world.emit("checkout.session.completed", session)


def processed(world: World, intent: Entry) -> None:
    """A payment that was processing has ended: its session hears of it."""
    session = world.record.get(intent.hidden.get("session", ""))
    if session is None:
        return
    paid = intent.body["status"] == "succeeded"
    session.body["payment_status"] = "paid" if paid else "unpaid"
    world.record.put(session)
    world.emit(f"checkout.session.async_payment_{'succeeded' if paid else 'failed'}", session)


def way_back(session: Entry) -> str:
    """Where the payer goes after the session is complete."""
    return session.body["success_url"].replace("{CHECKOUT_SESSION_ID}", session.id)


def way_back_of(intent: Entry) -> str | None:
    """Where the payer of an intent goes after acting, with what Stripe adds to the address."""
    url = intent.hidden.get("return_url")
    if not url:
        return None
    failed = intent.body["status"] in ("requires_payment_method", "canceled")
    added = {
        intent.object: intent.id,
        f"{intent.object}_client_secret": intent.body["client_secret"],
        "redirect_status": "failed" if failed else "succeeded",
    }
    return f"{url}{'&' if '?' in url else '?'}{urlencode(added)}"
