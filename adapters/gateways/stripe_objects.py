"""The fields of Stripe's objects that we use, and no others; what does not fit them is not understood.

Read of the API's version 2026-05-27.dahlia. An expandable field is an id, or the object if we asked to expand it.
Texts for people are left out: they repeat what was sent.
"""

from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from adapters.gateways.stripe_transport import Unanswered

T = TypeVar("T")
S = TypeVar("S", bound=Struct)


class Outcome(Struct):
    """How a charge was judged by Radar and the network."""

    type: str | None = None
    reason: str | None = None


class Charge(Struct):
    """One try of a PaymentIntent."""

    id: str
    livemode: bool
    created: int
    amount: int
    currency: str
    amount_refunded: int = 0
    outcome: Outcome | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] = {}


class Failure(Struct):
    """What an error says for programs; also the last error of a PaymentIntent."""

    type: str = ""
    code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_advice_code: str | None = None
    network_decline_code: str | None = None
    param: str | None = None
    charge: str | None = None
    payment_intent: "Intent | None" = None


class Intent(Struct):
    """A PaymentIntent: one attempt of ours."""

    id: str
    object: Literal["payment_intent"]
    livemode: bool
    amount: int
    currency: str
    status: str
    created: int
    amount_received: int = 0
    cancellation_reason: str | None = None
    customer: str | None = None
    payment_method: str | None = None
    payment_method_types: list[str] = []
    latest_charge: Charge | str | None = None
    last_payment_error: Failure | None = None
    metadata: dict[str, str] = {}


class Refund(Struct):
    """A refund; Stripe's refunds do not say whether they are live."""

    id: str
    object: Literal["refund"]
    amount: int
    currency: str
    status: str | None
    payment_intent: str | None = None
    charge: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] | None = None


class PaymentCard(Struct):
    """A payment card, without its number."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int
    funding: str
    fingerprint: str | None = None


class Method(Struct):
    """A PaymentMethod."""

    id: str
    object: Literal["payment_method"]
    livemode: bool
    type: str
    customer: str | None = None
    card: PaymentCard | None = None
    metadata: dict[str, str] | None = None


class SetupIntent(Struct):
    """The setup of a PaymentMethod for later charges."""

    id: str
    object: Literal["setup_intent"]
    livemode: bool
    status: str
    customer: str | None = None
    payment_method: Method | str | None = None
    last_setup_error: Failure | None = None
    metadata: dict[str, str] | None = None


class Customer(Struct):
    """A customer: one holder of ours."""

    id: str
    object: Literal["customer"]
    livemode: bool = False  # a deleted one does not say
    deleted: bool = False
    metadata: dict[str, str] = {}


class Session(Struct):
    """A Checkout Session: one visit to the hosted page."""

    id: str
    object: Literal["checkout.session"]
    livemode: bool
    mode: str
    status: str | None
    url: str | None = None
    customer: Customer | str | None = None
    setup_intent: SetupIntent | str | None = None
    payment_intent: Intent | str | None = None
    metadata: dict[str, str] | None = None


class Dispute(Struct):
    """A dispute of a charge."""

    id: str
    object: Literal["dispute"]
    livemode: bool
    amount: int
    currency: str
    status: str
    charge: str
    payment_intent: str | None = None


class Page(Struct, Generic[T]):
    """One page of a list."""

    object: Literal["list"]
    data: list[T]
    has_more: bool


class ErrorBody(Struct):
    """The body of every answer that is no 2xx."""

    error: Failure


_DECODERS: dict[object, msgspec.json.Decoder[Struct]] = {}


def read(body: bytes, kind: type[S]) -> S:
    """The body as one of these objects; raises Unanswered `not_understood`."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind)
    try:
        return decoder.decode(body)  # pyright: ignore[reportReturnType] (the decoder of this kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Unanswered("not_understood") from None
