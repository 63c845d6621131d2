"""Paying once on the provider's page, by a wallet that cannot be saved: the next term now, or a top-up."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from adapters.gateways.pages import ReturnAddresses
from adapters.page_payments import begun_by, on_page
from adapters.web.api.asking import Asked, IdempotencyKey, Writing
from adapters.web.api.problems import AGAIN_AFTER_S, ProblemError, documented
from adapters.web.api.renewing import Renewal
from adapters.web.api.topping_up import NewTopUp, bounded
from adapters.web.pages.on_page import PAID
from engine.card.charge import Due
from engine.card.methods import NO_NUL
from engine.commands import RenewNow, TopUp
from engine.errors import BaohaoError

log = structlog.get_logger()

paying_on_page = APIRouter(tags=["renewal", "balance"])
_WRITES = documented(400, 404, 409, 413)


class _OnPage(BaseModel):
    wallet: Annotated[str, Field(min_length=1, max_length=40, pattern=NO_NUL, examples=["alipay"])]
    return_url: Annotated[str, Field(pattern=r"^https://[!-z|~]+$", max_length=500)] | None = None


class RenewalOnPage(_OnPage, Renewal):
    """What the holder agreed to pay for, by which wallet, and where the holder comes back to (null: to our pages)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"wallet": "alipay", "term_number": 2, "amount": {"amount_minor": 7680, "currency": "CNY"}},
            ]
        },
    )


class TopUpOnPage(_OnPage, NewTopUp):
    """How much the holder pays onto the balance, by which wallet, and where the holder comes back to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"wallet": "wechat_pay", "amount": {"amount_minor": 5000, "currency": "CNY"}}],
        },
    )


class OpenPage(BaseModel):
    """Open `url` in the holder's browser; what is not paid until `open_until` is over, and uses nothing up."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "attempt_id": "1d2b6b0e-6a57-5c86-8f3c-0f6a5a9d2c01",
                    "url": "https://checkout.stripe.com/c/pay/cs_test_a1b2c3",
                    "open_until": "2026-11-29T04:35:00Z",
                }
            ]
        }
    )

    attempt_id: UUID
    url: str
    open_until: datetime


@paying_on_page.post("/cards/{card_id}/renewals/on-page", responses=_WRITES)
async def renew_on_page(asked: Writing, key: IdempotencyKey, card_id: UUID, body: RenewalOnPage) -> OpenPage:
    """Let the holder pay that term on the provider's page; needs `cards:write`.

    The same key and body give the same page while it is open. `not_paid_on_page`: the wallet pays nothing there.
    `charge_under_way`: another payment is open. `page_over`: it was paid, or is closed.
    """
    shown = Due(term_number=body.term_number, amount=body.amount.money)
    return await _begin(asked, RenewNow(command_id=asked.command_id(key), card_id=card_id, shown=shown), body)


@paying_on_page.post("/cards/{card_id}/top-ups/on-page", responses=_WRITES)
async def top_up_on_page(asked: Writing, key: IdempotencyKey, card_id: UUID, body: TopUpOnPage) -> OpenPage:
    """Let the holder pay a top-up on the provider's page; needs `cards:write`; as for renewals."""
    amount = bounded(body.amount, "amount")
    return await _begin(asked, TopUp(command_id=asked.command_id(key), card_id=card_id, amount=amount), body)


async def _begin(asked: Asked, command: RenewNow | TopUp, body: _OnPage) -> OpenPage:
    """Record what is to be paid, then open its page."""
    payments, card_id = asked.portal.page_payments, command.card_id
    held = await asked.card(card_id)
    if payments is None:
        raise ProblemError(409, "no_hosted_pages", "the payment provider has no pages on which one pays")
    if wait_s := asked.portal.provider_pace.wait_s(asked.bearer.token_id):
        raise ProblemError(429, "too_many_requests", f"wait {wait_s} s", wait_s=wait_s)
    home = f"{asked.portal.origin}/cards/{card_id}"
    back = ReturnAddresses(body.return_url or f"{home}{PAID}", body.return_url or home)
    try:
        wallet = await payments.wallet(held.card.custody.holder_id, body.wallet)
    except BaohaoError as error:
        raise _unavailable(card_id, error) from None
    begun = begun_by(await asked.facts_of(command.model_copy(update={"on_page": wallet})))
    try:
        page = await payments.open(card_id, back, attempt_id=begun)
    except BaohaoError as error:
        raise _unavailable(card_id, error) from None
    attempt = on_page((await asked.card(card_id)).card)
    if page is None or attempt is None or attempt.page_until is None or attempt.attempt_id != begun:
        raise ProblemError(409, "page_over", "it was paid, or its page is closed; begin anew with another key")
    return OpenPage(attempt_id=attempt.attempt_id, url=page.address, open_until=attempt.page_until)


def _unavailable(card_id: UUID, error: BaohaoError) -> ProblemError:
    log.warning("page.not_opened", card_id=str(card_id), error=str(error))
    detail = "the payment provider does not answer; ask again with the same Idempotency-Key"
    return ProblemError(503, "unavailable", detail, wait_s=AGAIN_AFTER_S)
