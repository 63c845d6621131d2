"""How many decimals Stripe's amounts have, and the smallest and largest it charges.

Written apart from the client's own table, so that neither can hide the other's mistake.
Source: docs.stripe.com/currencies (zero-decimal and three-decimal currencies, special cases, minimum and maximum).
"""

from adapters.gateways.sandbox.refusals import RefusedError, unreadable

_NONE = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
_THREE = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
_WHOLE_AS_HUNDREDTHS = frozenset({"isk", "ugx"})
_MINIMUM = dict.fromkeys(("usd", "eur", "jpy", "sgd", "aud", "cad", "chf", "nzd", "brl", "inr"), 50) | {
    "gbp": 30,
    "cny": 350,
    "hkd": 400,
    "dkk": 250,
    "nok": 300,
    "sek": 300,
    "mxn": 1000,
    "pln": 200,
    "myr": 200,
    "thb": 1000,
    "czk": 1500,
    "huf": 17_500,
    "ron": 200,
    "aed": 200,
}
AMOUNT_MAX = 99_999_999


def decimals(currency: str) -> int:
    """The decimals of an amount of the API."""
    return 0 if currency in _NONE else 3 if currency in _THREE else 2


def judge_amount(amount: int, currency: str, param: str = "amount") -> None:
    """Refuse an amount that cannot be charged; raises RefusedError."""
    if amount < 1:
        raise unreadable(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param
        )
    if amount < _MINIMUM.get(currency, 1):
        raise _out_of_range("at least", _MINIMUM[currency], currency, param)
    if amount > AMOUNT_MAX:
        raise _out_of_range("no more than", AMOUNT_MAX, currency, param)
    step = 100 if currency in _WHOLE_AS_HUNDREDTHS else 10 if currency in _THREE else 1
    if amount % step:
        raise unreadable(
            f"Invalid amount: in {currency} it must be a multiple of {step}.", code="invalid_charge_amount", param=param
        )


def _out_of_range(how: str, limit: int, currency: str, param: str) -> RefusedError:
    code = "amount_too_small" if how == "at least" else "amount_too_large"
    return unreadable(f"Amount must be {how} {limit} {currency}.", code=code, param=param)
