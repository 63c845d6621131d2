"""What a payment service provider promises, as data: decisions depend on this, and on nothing else of a provider."""

from datetime import timedelta

from engine.value import Value


class Provider(Value):
    """What a decision has to know of a payment service provider; the defaults are Stripe's promises.

    Stripe keeps idempotency keys for at least 24 hours (docs.stripe.com, idempotent requests); one hour of them is
    kept as a margin. Its lists are complete within hours; a day is our own choice.
    """

    name: str = "stripe"
    key_lifetime: timedelta | None = timedelta(hours=23)
    """How long after it was first sent a key is certainly known; after that only look up. None: for ever."""
    never_happened_after: timedelta = timedelta(hours=24)
    """A charge missing from the provider's list so long after it was last sent never happened."""
