"""Requests to Stripe's port, answers, and objects of Stripe's as its API shows them."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen
from uuid import NAMESPACE_OID, uuid5

from msgspec import json

from adapters.gateways.pace import at_once
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_api import StripeApi
from engine.money import Money
from engine.ports import ChargeRequest, RefundRequest

KEY = "sk_test_" + "of_a_test"
BUDGET = timedelta(seconds=5)
NOW = datetime.now(UTC)


def request(name, token, *, minor=990, currency="EUR", at=NOW, gateway_ref=None):
    return ChargeRequest(
        attempt_id=uuid5(NAMESPACE_OID, f"attempt {name}"),
        card_id=uuid5(NAMESPACE_OID, "card"),
        purpose="renewal:7",
        token=token,
        amount=Money(minor=minor, currency=currency),
        attempted_at=at,
        gateway_ref=gateway_ref,
    )


def refund_of(charged, name="refund", *, minor=None):
    return RefundRequest(
        refund_id=uuid5(NAMESPACE_OID, f"{name} of {charged.gateway_ref}"),
        attempt_id=charged.attempt_id,
        card_id=uuid5(NAMESPACE_OID, "card"),
        gateway_ref=charged.gateway_ref,
        amount=Money(minor=minor or charged.amount.minor, currency=charged.amount.currency),
    )


def asked(url, ask, *, budget=BUDGET, livemode=False, key=KEY):
    """What `ask(gateway)` returns, or the list of what each of several returns, on an event loop of its own."""

    async def one():
        gateway = StripeGateway(StripeApi(key, url, at_once, livemode=livemode), budget)
        try:
            return await ask(gateway)
        finally:
            await gateway.close()

    return asyncio.run(one())


def charge(url, wanted, **options):
    return asked(url, lambda gateway: gateway.charge(wanted, NOW), **options)


def look_up(url, wanted, **options):
    return asked(url, lambda gateway: gateway.look_up(wanted, NOW), **options)


def refund(url, wanted, **options):
    return asked(url, lambda gateway: gateway.refund(wanted, NOW), **options)


def look_up_refund(url, wanted, **options):
    return asked(url, lambda gateway: gateway.look_up_refund(wanted, NOW), **options)


def post(url, path, **fields):
    """Do something as a clerk would on the dashboard; returns the object."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with urlopen(Request(f"{url}{path}", urlencode(fields).encode(), headers), timeout=60) as answer:
        return json.decode(answer.read())


def get(url, path):
    with urlopen(Request(f"{url}{path}", headers={"Authorization": f"Bearer {KEY}"}), timeout=60) as answer:
        return json.decode(answer.read())


def intent(wanted, status="succeeded", **changed):
    """A PaymentIntent of a request."""
    amount, currency = wanted.amount.minor, wanted.amount.currency.lower()
    names = {"card": str(wanted.card_id), "purpose": wanted.purpose, "attempt": str(wanted.attempt_id)}
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "livemode": False,
        "amount": amount,
        "amount_received": amount if status == "succeeded" else 0,
        "currency": currency,
        "customer": "cus_1",
        "payment_method": "pm_1",
        "payment_method_types": ["card"],
        "created": int(NOW.timestamp()),
        "status": status,
        "latest_charge": None,
        "metadata": names,
    } | changed


def error(kind="card_error", **fields):
    return {"error": {"type": kind, "message": "a sentence for people"} | fields}
