"""The balance: top-ups, and the standing order for them."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from adapters.web.api.asking import Done, IdempotencyKey, Writing
from adapters.web.api.problems import ProblemError, documented
from adapters.web.api.shapes import Amount
from adapters.web.pages.paying import UNITS_MOST
from engine.commands import SetAutoTopUp, TopUp
from engine.money import Money, exponent

topping_up = APIRouter(tags=["balance"])
_WRITES = documented(400, 404, 409, 413)
_FIFTY = {"amount_minor": 5000, "currency": "CNY"}


class NewTopUp(BaseModel):
    """How much is charged onto the balance."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"amount": _FIFTY}]})

    amount: Amount


class StandingOrder(BaseModel):
    """Below `threshold` the balance gets `amount`."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"threshold": _FIFTY, "amount": _FIFTY}]})

    threshold: Amount
    amount: Amount


def bounded(amount: Amount, field: str) -> Money:
    """The amount, up to what holders' pages take too; raises ProblemError."""
    money = amount.money
    if money.minor > UNITS_MOST * 10 ** exponent(money.currency):
        message = f"at most {UNITS_MOST} {money.currency} at a time"
        raise ProblemError(422, "amount_too_large", message, f"body.{field}")
    return money


@topping_up.post("/cards/{card_id}/top-ups", status_code=202, responses=_WRITES)
async def top_up(asked: Writing, key: IdempotencyKey, card_id: UUID, body: NewTopUp) -> Done:
    """Charge money onto the balance; the card and its history tell what became of it; needs `cards:write`."""
    return await asked.do(
        TopUp(command_id=asked.command_id(key), card_id=card_id, amount=bounded(body.amount, "amount"))
    )


@topping_up.put("/cards/{card_id}/auto-top-up", responses=_WRITES)
async def set_auto_top_up(asked: Writing, key: IdempotencyKey, card_id: UUID, body: StandingOrder) -> Done:
    """Top up by itself whenever the balance is low; needs `cards:write`."""
    command = SetAutoTopUp(
        command_id=asked.command_id(key),
        card_id=card_id,
        threshold=bounded(body.threshold, "threshold"),
        amount=bounded(body.amount, "amount"),
    )
    return await asked.do(command)


@topping_up.delete("/cards/{card_id}/auto-top-up", responses=_WRITES)
async def stop_auto_top_up(asked: Writing, key: IdempotencyKey, card_id: UUID) -> Done:
    """End the standing order; needs `cards:write`."""
    return await asked.do(SetAutoTopUp(command_id=asked.command_id(key), card_id=card_id))
