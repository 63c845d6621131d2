"""Amounts as Stripe counts them, which is not always in ISO 4217's minor units.

Source: docs.stripe.com/currencies (zero-decimal, three-decimal, special cases), read in November 2026. HUF and TWD are
special for payouts alone; charges in them have two decimals.
"""

from engine.errors import BaohaoError
from engine.money import Money, exponent

_WHOLE = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
"""Charged in whole units; of these ISO 4217 has two decimals for MGA."""
_THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""Charged in thousandths, the last digit being 0."""
_WHOLE_SENT_AS_HUNDREDTHS = frozenset({"ISK", "UGX"})
"""Whole units only, but for compatibility the API wants two decimals, always 00: 5 ISK are 500."""
_USUAL_DECIMALS = 2


class AmountError(BaohaoError):
    """The amount cannot be charged through Stripe; the message says why."""


def to_stripe(money: Money) -> int:
    """The amount as Stripe's API wants it; raises AmountError for one that it cannot express."""
    decimals, iso = _decimals(money.currency), exponent(money.currency)
    if decimals >= iso:
        amount = money.minor * 10 ** (decimals - iso)
    else:
        amount, rest = divmod(money.minor, 10 ** (iso - decimals))
        if rest:
            raise AmountError(f"{money.minor} {money.currency} minor are no whole units, which Stripe charges")
    if money.currency in _THOUSANDTHS and amount % 10:
        raise AmountError(f"{money.minor} {money.currency} minor do not end with 0, as Stripe wants it")
    return amount


def from_stripe(amount: int, currency: str) -> Money:
    """What the API's amount is in minor units; raises AmountError for one that is none of its currency."""
    code = currency.upper()
    decimals, iso = _decimals(code), exponent(code)
    if decimals <= iso:
        return Money(minor=amount * 10 ** (iso - decimals), currency=code)
    minor, rest = divmod(amount, 10 ** (decimals - iso))
    if rest:
        raise AmountError(f"{amount} is no amount of {code}")
    return Money(minor=minor, currency=code)


def _decimals(currency: str) -> int:
    if currency in _WHOLE:
        return 0
    if currency in _THOUSANDTHS:
        return 3
    if currency in _WHOLE_SENT_AS_HUNDREDTHS or exponent(currency) == _USUAL_DECIMALS:
        return _USUAL_DECIMALS
    raise AmountError(f"Stripe does not charge {currency}")
