"""Binding a way to pay: the holder is sent to the provider's page, and what came of it is asked for."""

from hashlib import sha256
from typing import Annotated, Literal
from uuid import UUID

import structlog
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from adapters.bindings import WITH_CARD, Bindings, begin_binding
from adapters.gateways.pages import HostedPages, ReturnAddresses
from adapters.web.api.asking import Asked, IdempotencyKey, Reading, Writing
from adapters.web.api.problems import AGAIN_AFTER_S, ProblemError, documented
from adapters.web.bindings import CANCELED, DONE
from engine.card.methods import NO_NUL
from engine.errors import BaohaoError

log = structlog.get_logger()

binding = APIRouter(tags=["payment methods"])
_KNOWN = """
    SELECT CASE WHEN outcome IS NULL THEN 'waiting' WHEN outcome IN ('bound', 'renewed') THEN 'bound' ELSE 'refused' END
    FROM bindings WHERE session_id = %s AND card_id = %s
"""
State = Literal["waiting", "bound", "refused"]
_UNKNOWN = documented(404, unknown="binding")
_EXAMPLE: dict[str, JsonValue] = {"binding_id": "cs_test_a1b2c3", "state": "waiting"}


class NewBinding(BaseModel):
    """Where the holder comes back to, with `session_id` added, which is the binding's id; null: to a page of ours."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"return_url": "https://shop.example/cards"}]}
    )

    return_url: Annotated[str, Field(pattern=r"^https://[!-z|~]+$", max_length=500)] | None = None


class ShownBinding(BaseModel):
    """What came of it: `bound` is a method of the card now; `refused`: nothing was bound or charged, begin again."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    binding_id: str
    state: State


class BegunBinding(ShownBinding):
    """Open `url` in the holder's browser: the provider's page takes the details, which we never see."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_EXAMPLE, "url": "https://checkout.stripe.com/c/pay/cs_test_a1b2c3"}]}
    )

    url: str


@binding.post("/cards/{card_id}/bindings", responses=documented(400, 404, 409, 413))
async def begin(asked: Writing, key: IdempotencyKey, card_id: UUID, body: NewBinding) -> BegunBinding:
    """Begin to bind a payment method to a card; needs `cards:write`.

    The same key and body give the same page for a day. `no_hosted_pages`: the provider has none.
    """
    held = await asked.card(card_id)
    pages = _pages_of(asked)
    if wait_s := asked.portal.provider_pace.wait_s(asked.bearer.token_id):
        raise ProblemError(429, "too_many_requests", f"wait {wait_s} s", wait_s=wait_s)
    origin = asked.portal.origin
    back = ReturnAddresses(body.return_url or f"{origin}{DONE}", body.return_url or f"{origin}{CANCELED}")
    named = sha256(f"{asked.command_id(key)} {card_id} {body.return_url}".encode()).hexdigest()
    try:
        async with asked.portal.pool.connection() as connection:
            page = await begin_binding(pages, connection, held.card, back, f"bind:{named}")
    except BaohaoError as error:
        log.warning("binding.not_begun", card_id=str(card_id), error=str(error))
        detail = "the payment provider does not answer; ask again with the same Idempotency-Key"
        raise ProblemError(503, "unavailable", detail, wait_s=AGAIN_AFTER_S) from None
    log.info("api.done", command="BeginBinding", card_id=str(card_id), token=asked.bearer.name)
    return BegunBinding(binding_id=page.session_id, state="waiting", url=page.address)


@binding.get("/cards/{card_id}/bindings/{binding_id}", responses=_UNKNOWN)
async def show_binding(
    asked: Reading,
    card_id: UUID,
    binding_id: Annotated[str, Path(min_length=1, max_length=200, pattern=NO_NUL)],
) -> ShownBinding:
    """How far it is: the provider is asked, as long as it waits, but not too often; needs `cards:read`."""
    await asked.card(card_id)
    async with asked.portal.pool.connection() as connection:
        row = await (await connection.execute(_KNOWN, (binding_id, card_id))).fetchone()
    if row is None:
        raise ProblemError(404, "unknown_binding", "the card has no such binding")
    state, bindings = row[0], asked.portal.bindings
    if state == "waiting" and bindings is not None and not asked.portal.provider_pace.wait_s(asked.bearer.token_id):
        state = await _completed(bindings, binding_id)
    return ShownBinding(binding_id=binding_id, state=state)


async def _completed(bindings: Bindings, session_id: str) -> State:
    try:
        outcome = await bindings.complete(session_id)
    except BaohaoError as error:
        log.warning("binding.waits", error=str(error))
        return "waiting"
    if outcome in WITH_CARD:
        return "bound"
    return "refused" if outcome == "refused" else "waiting"


def _pages_of(asked: Asked) -> HostedPages:
    if asked.portal.hosted is None:
        raise ProblemError(409, "no_hosted_pages", "the payment provider has no pages on which methods are bound")
    return asked.portal.hosted
