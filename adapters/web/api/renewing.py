"""Auto-renewal, renewing now, and the order of payment methods."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from adapters.web.api.asking import CHANNEL, Done, IdempotencyKey, Writing
from adapters.web.api.problems import ProblemError, documented
from adapters.web.api.shapes import Amount
from adapters.web.pages.agreeing import TERMS_VERSION
from engine.card.charge import Due
from engine.card.consent import ShownQuote
from engine.card.methods import METHODS_MAX, NO_NUL
from engine.catalogue import Period
from engine.commands import EnableAutoRenew, OrderPaymentMethods, RemovePaymentMethod, RenewNow, SwitchOffAutoRenew

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
TERMS_MOST = 100_000
"""A number that no term reaches; longer ones are refused before they are compared."""
renewing = APIRouter(tags=["renewal"])
_WRITES = documented(400, 404, 409, 413)


class AutoRenewal(BaseModel):
    """Consent: the period, and all that the holder was shown of `/quotes` when agreeing."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "months": 12,
                    "price": {"amount_minor": 7680, "currency": "CNY"},
                    "reactivation_fee": {"amount_minor": 500, "currency": "CNY"},
                    "catalogue_version": "2026-01",
                    "terms_version": "2026-11",
                }
            ]
        },
    )

    months: Period
    price: Amount
    reactivation_fee: Amount | None = None
    catalogue_version: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
    terms_version: str


class Renewal(BaseModel):
    """What the holder agreed to pay for: `due` of the card as it was shown."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"term_number": 2, "amount": {"amount_minor": 7680, "currency": "CNY"}}]},
    )

    term_number: Annotated[int, Field(ge=1, le=TERMS_MOST)]
    amount: Amount


class Order(BaseModel):
    """All methods of the card in the order in which they are charged; `balance_first`: the balance before them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"method_ids": ["pm-1", "pm-2"], "balance_first": True}]}
    )

    method_ids: Annotated[tuple[Name, ...], Field(max_length=METHODS_MAX)]
    balance_first: bool


@renewing.put("/cards/{card_id}/auto-renewal", responses=_WRITES)
async def switch_on(asked: Writing, key: IdempotencyKey, card_id: UUID, body: AutoRenewal) -> Done:
    """Switch auto-renewal on, or change the period from the next term on; needs `cards:write`.

    A card whose term has lapsed is charged at once. `price_changed`: today's quote is another; show it and ask again.
    """
    if body.terms_version != TERMS_VERSION:
        raise ProblemError(422, "invalid", f"the terms in force are {TERMS_VERSION}", "body.terms_version")
    fee = body.reactivation_fee
    command = EnableAutoRenew(
        command_id=asked.command_id(key),
        card_id=card_id,
        months=body.months,
        terms_version=body.terms_version,
        channel=CHANNEL,
        shown=ShownQuote(body.price.money, body.catalogue_version, None if fee is None else fee.money),
    )
    return await asked.do(command)


@renewing.delete("/cards/{card_id}/auto-renewal", responses=_WRITES)
async def switch_off(asked: Writing, key: IdempotencyKey, card_id: UUID) -> Done:
    """Switch auto-renewal off; a charge that is under way still counts; needs `cards:write`."""
    reason = "operator" if asked.bearer.holder_id is None else "holder"
    return await asked.do(SwitchOffAutoRenew(command_id=asked.command_id(key), card_id=card_id, reason=reason))


@renewing.post("/cards/{card_id}/renewals", status_code=202, responses=_WRITES)
async def renew_now(asked: Writing, key: IdempotencyKey, card_id: UUID, body: Renewal) -> Done:
    """Charge for that term at once; the card and its history tell what became of it; needs `cards:write`.

    `already_paid_ahead`: it was paid meanwhile. `price_changed`: something else is due; show it and ask again.
    """
    shown = Due(term_number=body.term_number, amount=body.amount.money)
    return await asked.do(RenewNow(command_id=asked.command_id(key), card_id=card_id, shown=shown))


@renewing.put("/cards/{card_id}/methods/order", responses=_WRITES)
async def order_methods(asked: Writing, key: IdempotencyKey, card_id: UUID, body: Order) -> Done:
    """Choose what is charged first; needs `cards:write`."""
    command = OrderPaymentMethods(
        command_id=asked.command_id(key),
        card_id=card_id,
        method_ids=body.method_ids,
        balance_first=body.balance_first,
    )
    return await asked.do(command)


@renewing.delete("/cards/{card_id}/methods/{method_id}", responses=_WRITES)
async def remove_method(
    asked: Writing,
    key: IdempotencyKey,
    card_id: UUID,
    method_id: Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL)],
) -> Done:
    """Remove a payment method; needs `cards:write`."""
    command = RemovePaymentMethod(command_id=asked.command_id(key), card_id=card_id, method_id=method_id)
    return await asked.do(command)
