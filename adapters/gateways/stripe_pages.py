"""Stripe's hosted pages: a holder binds a way to pay, or pays once by a wallet that cannot be saved.

The holder is sent to Stripe and comes back; no script of ours and no card number are involved. What came of it is
fetched: neither the address by which the holder returns nor a notification is believed.
"""

import calendar
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime

from adapters.gateways.pages import Binding, BindingRefused, Bound, HostedPage, ReturnAddresses, Waiting
from adapters.gateways.stripe_amounts import to_stripe
from adapters.gateways.stripe_answers import GENERIC, NOTHING_EXECUTED
from adapters.gateways.stripe_api import OK, REFUSED, StripeApi, failure_of, unexpected
from adapters.gateways.stripe_objects import Customer, Method, PaymentCard, Session, SetupIntent, read
from adapters.gateways.stripe_on_page import SESSIONS, find_session
from adapters.gateways.stripe_token import PAY_NOW, REUSABLE, Token, read_token
from adapters.gateways.stripe_transport import Reply, Unanswered
from engine.card.methods import MethodKind
from engine.errors import GatewayMisuseError
from engine.ports import ChargeRequest
from engine.text import has_card_number

CUSTOMERS = "/v1/customers"
SERVER_ERRORS = 500
_SESSION = "{CHECKOUT_SESSION_ID}"
"""Stripe puts the session's id in its place."""
_KINDS: dict[str, MethodKind] = {"paypal": "paypal", "link": "e_wallet"}
_LOOPBACK = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")


class StripePages:
    """Begins visits to the hosted pages, and says what came of them.

    All calls raise Unanswered where Stripe does not answer as it should, and SettingsError where it refuses our key.
    """

    def __init__(self, api: StripeApi) -> None:
        self._api = api

    async def begin_binding(
        self,
        holder_id: str,
        currency: str,
        back: ReturnAddresses,
        key: str,
        *,
        customer: str | None = None,
        types: Sequence[str] = REUSABLE,
    ) -> HostedPage:
        """A page on which the holder binds a way to pay; the same `key` gives the same page for a day.

        `customer` is the holder's at Stripe if there is one; else one is made.
        """
        parameters: dict[str, object] = {
            "mode": "setup",
            "currency": currency.lower(),
            "customer": customer or await self._new_customer(holder_id),
            "payment_method_types": list(types),
            "metadata": {"holder": holder_id},
            "setup_intent_data": {"metadata": {"holder": holder_id}},
        }
        return await self._begin(parameters, back, key)

    async def binding(self, session_id: str, holder_id: str) -> Binding:
        """What came of a visit, if it was this holder's."""
        expanded = ["customer", "setup_intent.payment_method"]
        session = await self._api.fetch(f"{SESSIONS}/{session_id}", Session, {"expand": expanded})
        if session.livemode is not self._api.livemode:
            raise Unanswered("wrong_mode")
        if session.id != session_id or session.mode != "setup":
            raise Unanswered("answer_is_not_ours")
        customer = session.customer
        if not isinstance(customer, Customer) or customer.metadata.get("holder") != holder_id:
            return BindingRefused("other_holder")
        match session.status:
            case "open":
                return Waiting()
            case "expired":
                return BindingRefused("expired")
            case "complete" if isinstance(session.setup_intent, SetupIntent):
                return _set_up(session.setup_intent, customer, livemode=self._api.livemode)
            case _:
                raise Unanswered("not_understood")

    async def begin_payment(
        self, request: ChargeRequest, what: str, until: datetime, back: ReturnAddresses
    ) -> HostedPage:
        """A page on which the holder pays one attempt, named `what`, by a wallet that cannot be charged later.

        Its key is the attempt's id, as for a charge, so that it is the same page whenever it is begun; Stripe refuses
        to make one less than half an hour before `until`. Raises GatewayMisuseError for that and for the token of a
        method that can be saved, and AmountError.
        """
        token = read_token(request.token)
        if token.type not in PAY_NOW:
            raise GatewayMisuseError(f"{token.type} is charged by us, not paid on a page")
        names = {"card": str(request.card_id), "purpose": request.purpose, "attempt": str(request.attempt_id)}
        price = {
            "currency": request.amount.currency.lower(),
            "unit_amount": to_stripe(request.amount),
            "product_data": {"name": what},
        }
        parameters: dict[str, object] = {
            "mode": "payment",
            "customer": token.customer,
            "payment_method_types": [token.type],
            "line_items": [{"price_data": price, "quantity": 1}],
            "expires_at": int(until.timestamp()),
            "metadata": names,
            "payment_intent_data": {"metadata": names},
        }
        if token.type == "wechat_pay":
            parameters["payment_method_options"] = {"wechat_pay": {"client": "web"}}
        return await self._begin(parameters, back, str(request.attempt_id), lambda: self._made(request, token))

    async def _made(self, request: ChargeRequest, token: Token) -> Session:
        """The open page of an attempt, as it was made; raises GatewayMisuseError where there is none."""
        session = await find_session(self._api, request, token)
        if session is None or session.status != "open":
            raise GatewayMisuseError("Stripe made no page, and will make none under this key")
        return session

    async def end_payment(self, request: ChargeRequest) -> None:
        """Close the page of an attempt if it is open; what became of it is looked up."""
        session = await find_session(self._api, request, read_token(request.token))
        if session is not None and session.status == "open":
            reply = await self._api.post(f"{SESSIONS}/{session.id}/expire", f"{request.attempt_id}:expire", {})
            if reply.status not in (OK, *REFUSED):  # refused: it was paid, or closed by itself, just now
                raise unexpected(reply)

    async def pay_now_token(self, holder_id: str, wallet: str) -> str:
        """A token by which a holder pays now, the same for a day; a customer is made for it.

        Raises GatewayMisuseError for what cannot be paid on the page.
        """
        if wallet not in PAY_NOW:
            raise GatewayMisuseError(f"{wallet} is charged by us, not paid on a page")
        return str(Token(await self._new_customer(holder_id), None, wallet))

    async def _new_customer(self, holder_id: str) -> str:
        """The holder's customer; the same for a day, and a new one after that."""
        reply = await self._api.post(CUSTOMERS, f"customer:{holder_id}", {"metadata": {"holder": holder_id}})
        customer = read(_well(reply).body, Customer)
        if customer.livemode is not self._api.livemode:
            raise Unanswered("wrong_mode")
        if customer.metadata.get("holder") != holder_id:
            raise Unanswered("answer_is_not_ours")
        return customer.id

    async def _begin(
        self,
        parameters: dict[str, object],
        back: ReturnAddresses,
        key: str,
        made: Callable[[], Awaitable[Session]] | None = None,
    ) -> HostedPage:
        joined = "&" if "?" in back.done else "?"
        addresses = {"success_url": f"{back.done}{joined}session_id={_SESSION}", "cancel_url": back.canceled}
        reply = await self._api.post(SESSIONS, key, parameters | addresses)
        session = await made() if made is not None and _is_answered(reply) else read(_well(reply).body, Session)
        if session.livemode is not self._api.livemode:
            raise Unanswered("wrong_mode")
        if session.mode != parameters["mode"] or not (session.url or "").startswith(("https://", *_LOOPBACK)):
            raise Unanswered("not_understood")
        return HostedPage(session.url or "", session.id)


def _is_answered(reply: Reply) -> bool:
    """Whether Stripe says the same for a day: an error, or that the page was asked for otherwise, to come back to."""
    if reply.status in REFUSED:
        return failure_of(reply).type == "idempotency_error"
    return reply.status >= SERVER_ERRORS and reply.replayed


def _well(reply: Reply) -> Reply:
    """The reply if all went well; raises GatewayMisuseError, with a code, for a request that is called wrong.

    One that was not executed, as another one with its key is under way, is not: it raises Unanswered.
    """
    if reply.status in REFUSED:
        failure = failure_of(reply)
        if failure.code in NOTHING_EXECUTED:
            raise Unanswered(NOTHING_EXECUTED[failure.code])
        raise GatewayMisuseError(f"Stripe refuses our page: {failure.code or failure.type} {failure.param or ''}")
    if reply.status != OK:
        raise unexpected(reply)
    return reply


def _set_up(setup: SetupIntent, customer: Customer, *, livemode: bool) -> Binding:
    if setup.livemode is not livemode:
        raise Unanswered("wrong_mode")
    method = setup.payment_method
    if setup.status == "processing":
        return Waiting()
    if setup.status != "succeeded" or not isinstance(method, Method):
        failure = setup.last_setup_error
        return BindingRefused((failure and (failure.decline_code or failure.code)) or GENERIC)
    if method.livemode is not livemode:
        raise Unanswered("wrong_mode")
    return bound_of(method, customer.id)


def bound_of(method: Method, customer_id: str) -> Bound | BindingRefused:
    """A saved method as we keep it; raises Unanswered for a card that expires in no month."""
    token = Token(customer_id, method.id, method.type)
    if method.type not in REUSABLE or method.customer != customer_id:
        return BindingRefused("not_usable")
    if has_card_number(str(token)):
        return BindingRefused("card_number")
    card = method.card
    if card is None:
        return Bound(str(token), _KINDS.get(method.type, "e_wallet"), brand=method.type)
    kind: MethodKind = "debit_card" if card.funding in ("debit", "prepaid") else "credit_card"
    return Bound(str(token), kind, card.brand, card.last4, _last_day(card), card.fingerprint)


def _last_day(card: PaymentCard) -> date:
    try:
        return date(card.exp_year, card.exp_month, calendar.monthrange(card.exp_year, card.exp_month)[1])
    except (ValueError, IndexError):
        raise Unanswered("not_understood") from None
