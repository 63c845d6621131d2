"""What a payment service provider promises, as data: decisions depend on this, and on nothing else of a provider."""

from collections.abc import Mapping
from datetime import time, timedelta

from msgspec import field

from engine.value import Value


class NoticeWindow(Value):
    """A charge has to be announced through the provider first, and is made only some days later."""

    days_before: int
    """So many whole days lie between the announcement and the first day of the charge."""
    days_open: int
    """On so many days, from that first one on, the charge may be made."""
    opens_at: time
    closes_at: time
    """Announcements and charges are taken between these times of the provider's day."""


class MethodPromise(Value):
    """What a provider promises of a kind of payment method; the defaults are those of a payment card."""

    reusable: bool = True
    """Whether it may be saved and charged while the holder is away; else it pays now, on the provider's page."""
    notice: NoticeWindow | None = None
    """None: it may be charged without an announcement."""
    greatest: Mapping[str, int] = {}
    """By currency, the most minor units that one charge may take; a currency that is not here has no such limit."""


CARD_LIKE = MethodPromise()
PAY_NOW_ONLY = MethodPromise(reusable=False)


def stripe_methods() -> Mapping[str, MethodPromise]:
    """Stripe saves neither Alipay nor WeChat Pay: no setup mode, no subscriptions (docs.stripe.com/payments/alipay)."""
    return {"alipay": PAY_NOW_ONLY, "wechat_pay": PAY_NOW_ONLY}


class Provider(Value):
    """What a decision has to know of a payment service provider; the defaults are Stripe's promises.

    Stripe keeps idempotency keys for at least 24 hours (docs.stripe.com, idempotent requests); one hour of them is
    kept as a margin. Its lists are complete within hours; a day is our own choice.
    """

    name: str = "stripe"
    key_lifetime: timedelta | None = timedelta(hours=23)
    """How long after it was first sent a key is certainly known; after that only look up. None: for ever."""
    page_lifetime: timedelta = timedelta(minutes=35)
    """How long after its attempt was recorded the holder may pay on a page: at Stripe half an hour at least from when
    the page is made (docs.stripe.com, Checkout Session, `expires_at`), for which the rest is left."""
    never_happened_after: timedelta = timedelta(hours=24)
    """A charge missing from the provider's list so long after it was last sent never happened."""
    methods: Mapping[str, MethodPromise] = field(default_factory=stripe_methods)
    """By brand, or by kind; what is not here is like a payment card."""

    def promises(self, kind: str, brand: str | None) -> MethodPromise:
        """What is promised of a payment method of this kind and brand."""
        by_brand = self.methods.get(brand) if brand is not None else None
        return by_brand or self.methods.get(kind, CARD_LIKE)
