"""The list of what was charged since an instant, read once for all who ask within a minute.

After a restore every card asks for it with the same instant. Reading it may take longer than one call may; then it is
read on, and whoever asks again finds it.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from adapters.gateways.stripe_amounts import from_stripe
from adapters.gateways.stripe_answers import refunded_minor
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_objects import Charge, Intent
from adapters.gateways.stripe_token import CARD, Token
from adapters.gateways.stripe_transport import Unanswered
from engine.ports import ChargesFound, FoundCharge, ListChargesRequest

INTENTS = "/v1/payment_intents"
KEPT = timedelta(minutes=1)
"""How old a list may be; what was charged in its last hours is not complete anyway."""
TAKEN_MAX = 200_000
"""Charges beyond this are not listed, since they would not fit into memory: some two thousand bytes each."""
READ_WITHIN = timedelta(minutes=10)
"""The longest that reading all pages may take."""


class TakenList:
    """Money that was taken, as Stripe lists it; remembers the last list."""

    def __init__(self, api: StripeApi) -> None:
        self._api = api
        self._since = 0
        self._begun_s = 0.0
        self._reading: asyncio.Task[list[Intent]] | None = None

    async def since(self, request: ListChargesRequest) -> ChargesFound:
        """The charges of a card, or of all, newest first; raises Unanswered, AmountError."""
        intents = await asyncio.shield(self._read(max(0, int(request.since.timestamp()))))
        if any(one.livemode is not self._api.livemode for one in intents):
            raise Unanswered("wrong_mode")
        card = None if request.card_id is None else str(request.card_id)
        ours = [one for one in intents if card is None or one.metadata.get("card") == card]
        return ChargesFound(charges=tuple(charge for one in ours if (charge := _found(one)) is not None))

    async def close(self) -> None:
        """Read no further."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _read(self, since: int) -> "asyncio.Task[list[Intent]]":
        """The reading that is under way or was done lately, or else a new one."""
        loop = asyncio.get_running_loop()
        reading = self._reading
        is_new = since == self._since and loop.time() - self._begun_s < KEPT.total_seconds()
        if reading is not None and since == self._since and (not reading.done() or (is_new and _succeeded(reading))):
            return reading
        self._since, self._begun_s = since, loop.time()
        self._reading = loop.create_task(self._all_pages(since))
        return self._reading

    async def _all_pages(self, since: int) -> list[Intent]:
        async with asyncio.timeout(READ_WITHIN.total_seconds()):
            return await self._all_windows(since)

    async def _all_windows(self, since: int) -> list[Intent]:
        """Window after window, back in time, of what concerns us; raises Unanswered `too_large` beyond TAKEN_MAX."""
        taken: dict[str, Intent] = {}
        created: dict[str, int] = {"gte": since}
        while True:
            parameters = {"created": created, "expand": ["data.latest_charge"]}
            found, goes_on = await self._api.list_newest(INTENTS, Intent, parameters)
            taken |= {one.id: one for one in found if self._concerns_us(one)}
            if not goes_on:
                return list(taken.values())
            oldest = found[-1].created
            if len(taken) > TAKEN_MAX or oldest >= created.get("lte", oldest + 1):  # a second as full as a window
                raise Unanswered("too_large")
            created = {"gte": since, "lte": oldest}  # its second may go on in the next window

    def _concerns_us(self, intent: Intent) -> bool:
        """Whether it took money, or is of the other mode, which spoils the list."""
        return intent.status == "succeeded" or intent.livemode is not self._api.livemode


def _succeeded(reading: "asyncio.Task[list[Intent]]") -> bool:
    return not reading.cancelled() and reading.exception() is None


def _found(intent: Intent) -> FoundCharge | None:
    """The money that a PaymentIntent of ours took; None where it took none, or is not ours."""
    try:
        attempt_id, card_id = UUID(intent.metadata["attempt"]), UUID(intent.metadata["card"])
        purpose = intent.metadata["purpose"]
    except (KeyError, ValueError):
        return None
    charge = intent.latest_charge
    if intent.status != "succeeded" or not isinstance(charge, Charge):
        return None
    kind = intent.payment_method_types[0] if intent.payment_method_types else CARD
    return FoundCharge(
        attempt_id=attempt_id,
        card_id=card_id,
        purpose=purpose,
        token=str(Token(intent.customer or "", intent.payment_method, kind)),
        amount=from_stripe(intent.amount_received, intent.currency),
        refunded_minor=refunded_minor(charge),
        gateway_ref=intent.id,
        charged_at=datetime.fromtimestamp(charge.created, UTC),
    )
