"""The shapes of answers: money in minor units, times in ISO 8601; never a method's token or fingerprint."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from adapters.web.pages.standing import Standing
from engine.card.methods import MethodKind
from engine.money import Money

AMOUNT_MOST_MINOR = 1_000_000_000


class Amount(BaseModel):
    """An amount of money; 800 CNY minor units are ¥8.00."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"amount_minor": 800, "currency": "CNY"}]}
    )

    amount_minor: Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MOST_MINOR)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    @property
    def money(self) -> Money:
        """As the engine has it."""
        return Money(minor=self.amount_minor, currency=self.currency)


class ShownAmount(BaseModel):
    """An amount of money of ours; a balance may be below nothing."""

    amount_minor: int
    currency: str


def amount(money: Money) -> ShownAmount:
    """An amount as it is answered."""
    return ShownAmount(amount_minor=money.minor, currency=money.currency)


def maybe_amount(money: Money | None) -> ShownAmount | None:
    """The same where there may be none."""
    return None if money is None else amount(money)


class Term(BaseModel):
    """The term that is paid: local days in the card's zone, `ends_on` is the first day after it."""

    number: int
    starts_on: date
    ends_on: date
    zone: str


class Method(BaseModel):
    """A way to pay; `stopped`: not charged any more before the holder changes something."""

    method_id: str
    kind: MethodKind
    brand: str | None
    last4: str | None
    expires_on: date | None
    stopped: bool


class Due(BaseModel):
    """A term, by its number, and what it costs if the holder pays for it now."""

    term_number: int
    amount: ShownAmount


class NextPayment(BaseModel):
    """The next payment for a term: `from_method` is charged to `method_id` (null: the balance pays for all of it)."""

    at: datetime
    total: ShownAmount
    from_balance: ShownAmount
    from_method: ShownAmount
    method_id: str | None


class Consent(BaseModel):
    """What the holder agreed to: auto-renewal is on."""

    months: int
    price: ShownAmount
    saving: ShownAmount
    reactivation_fee: ShownAmount | None
    catalogue_version: str
    given_at: datetime


class AutoTopUp(BaseModel):
    """The standing order: below `threshold` the balance gets `amount`."""

    threshold: ShownAmount
    amount: ShownAmount


class Reminder(BaseModel):
    """The holder is reminded of something."""

    type: Literal["reminder"] = "reminder"
    at: datetime
    about: str


class Payment(BaseModel):
    """Money is taken for the next term."""

    type: Literal["payment"] = "payment"
    at: datetime
    total: ShownAmount
    from_balance: ShownAmount
    method_id: str | None


class TermBegins(BaseModel):
    """The next term is paid, and begins on `starts_on`."""

    type: Literal["term_begins"] = "term_begins"
    at: datetime
    starts_on: date
    ends_on: date


class GraceBegins(BaseModel):
    """The paid term ends unpaid; service stays on until `service_off_on`."""

    type: Literal["grace_begins"] = "grace_begins"
    at: datetime
    service_off_on: date


class ServiceOff(BaseModel):
    """Service goes off; the number is kept until `number_lost_on`."""

    type: Literal["service_off"] = "service_off"
    at: datetime
    number_lost_on: date


class NumberLost(BaseModel):
    """The carrier takes the number back."""

    type: Literal["number_lost"] = "number_lost"
    at: datetime


FutureEvent = Annotated[
    Reminder | Payment | TermBegins | GraceBegins | ServiceOff | NumberLost, Field(discriminator="type")
]

_PRICE = {"amount_minor": 7680, "currency": "CNY"}
_NOTHING = {"amount_minor": 0, "currency": "CNY"}
_METHOD = {
    "method_id": "pm-1",
    "kind": "credit_card",
    "brand": "visa",
    "last4": "4242",
    "expires_on": "2028-05-31",
    "stopped": False,
}
_LISTED = {
    "card_id": "6f1c2a50-3f0e-4d26-9d3b-0d7c1a4c9b11",
    "holder_id": "h-1",
    "number": "+85255500142",
    "plan": "keep-basic",
    "standing": "active",
    "term": {"number": 0, "starts_on": "2026-01-09", "ends_on": "2027-01-09", "zone": "Asia/Hong_Kong"},
    "balance": {"amount_minor": 0, "currency": "CNY"},
    "auto_renewal_months": 12,
    "service_off_at": "2027-02-07T16:00:00Z",
    "number_lost_at": "2027-04-08T16:00:00Z",
}


class ListedCard(BaseModel):
    """A card in a list; the deadlines are those of the term that is paid, and null once the number is gone."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LISTED]})

    card_id: UUID
    holder_id: str
    number: str | None
    plan: str
    standing: Standing
    term: Term
    balance: ShownAmount
    auto_renewal_months: int | None
    service_off_at: datetime | None
    number_lost_at: datetime | None


class CardPage(BaseModel):
    """A page of cards in the order of their ids; `next` is null on the last one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"cards": [_LISTED], "next": "NmYxYzJhNTA"}]})

    cards: list[ListedCard]
    next: str | None


class ShownCard(ListedCard):
    """A card with all that is known of it; `version` grows with each change.

    `outlook` is what will happen by itself if every payment succeeds, up to the next payment or the loss of the number.
    `due` is what the next term costs if the holder pays for it now (null: auto-renewal is off).
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_LISTED,
                    "version": 7,
                    "next_payment": {
                        "at": "2027-01-06T02:11:00Z",
                        "total": _PRICE,
                        "from_balance": _NOTHING,
                        "from_method": _PRICE,
                        "method_id": "pm-1",
                    },
                    "due": {"term_number": 2, "amount": _PRICE},
                    "outlook": [{"type": "reminder", "at": "2026-12-09T02:11:00Z", "about": "renewal_far_ahead"}],
                    "methods": [_METHOD],
                    "balance_first": False,
                    "consent": {
                        "months": 12,
                        "price": _PRICE,
                        "saving": {"amount_minor": 1920, "currency": "CNY"},
                        "reactivation_fee": _NOTHING,
                        "catalogue_version": "2026-01",
                        "given_at": "2026-11-29T04:00:00Z",
                    },
                    "auto_top_up": {"threshold": _PRICE, "amount": _PRICE},
                }
            ]
        }
    )

    version: int
    next_payment: NextPayment | None
    due: Due | None
    outlook: list[FutureEvent]
    methods: list[Method]
    balance_first: bool
    consent: Consent | None
    auto_top_up: AutoTopUp | None


class ShownQuote(BaseModel):
    """What a period costs today, and what it saves against paying monthly."""

    months: int
    price: ShownAmount
    saving: ShownAmount
    reactivation_fee: ShownAmount | None
    catalogue_version: str


class Quotes(BaseModel):
    """Today's prices, to be shown before asking for consent; `terms_version` is the text of the terms at `/terms`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "quotes": [
                        {
                            "months": 12,
                            "price": _PRICE,
                            "saving": {"amount_minor": 1920, "currency": "CNY"},
                            "reactivation_fee": _NOTHING,
                            "catalogue_version": "2026-01",
                        }
                    ],
                    "terms_version": "2026-11",
                }
            ]
        }
    )

    quotes: list[ShownQuote]
    terms_version: str
