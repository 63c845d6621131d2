"""How holders are reminded of their payment methods, periods and reasons: by what they know themselves."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from markupsafe import Markup

from adapters.notices.reasons import GROUPS, Group
from adapters.web.voice import Voice
from engine.card.methods import PaymentMethod
from engine.card.on_page import wallet_named
from engine.catalogue import PERIODS, Period, Plan

BRANDS: Mapping[str, str] = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "unionpay": "UnionPay",
    "jcb": "JCB",
    "discover": "Discover",
    "diners": "Diners Club",
}


def method_name(method: PaymentMethod | None, say: Voice) -> Markup:
    """`Visa ending 4242`, `PayPal`; None is a method that is not bound any more."""
    if method is None:
        return say("a method that has been removed")
    name = _brand(method, say)
    return say("%(brand)s ending %(last4)s", brand=name, last4=method.last4) if method.last4 else name


def dated_method_name(method: PaymentMethod, say: Voice) -> Markup:
    """`Visa ending 4242, valid to 05/2028`: as one checks it before agreeing."""
    name = method_name(method, say)
    if method.expires_on is None:
        return name
    return say("%(method)s, valid to %(month)s", method=name, month=f"{method.expires_on:%m/%Y}")


def named(
    methods: Iterable[PaymentMethod], say: Voice, name: Callable[[PaymentMethod, Voice], Markup] = method_name
) -> list[tuple[PaymentMethod, Markup]]:
    """Methods that are shown together, each with its name; those of the same name with their kinds, too."""
    pairs = [(one, name(one, say)) for one in methods]
    often = Counter(text for _, text in pairs)
    return [(one, text if often[text] == 1 else _of_kind(one, text, say)) for one, text in pairs]


def _of_kind(method: PaymentMethod, name: Markup, say: Voice) -> Markup:
    kind = kind_name(method.kind, say)
    return name if name == kind else say("%(method)s (%(kind)s)", method=name, kind=kind)


def short_method_name(method: PaymentMethod | None, say: Voice) -> Markup:
    """`Visa 4242` where there is little room."""
    if method is None or not method.last4:
        return method_name(method, say)
    return Markup("%s %s") % (_brand(method, say), method.last4)


def wallet_name(brand: str, say: Voice) -> Markup:
    """A wallet that pays on the provider's page."""
    match brand:
        case "alipay":
            return say("Alipay")
        case "wechat_pay":
            return say("WeChat Pay")
        case _:
            return kind_name("e_wallet", say)


def _brand(method: PaymentMethod, say: Voice) -> Markup:
    if wallet_named(method.method_id) is not None:
        return wallet_name(method.brand or "", say)
    if method.brand is not None and method.brand.lower() in BRANDS:
        return Markup(BRANDS[method.brand.lower()])  # noqa: S704 (our own names)
    return kind_name(method.kind, say)


def kind_name(kind: str, say: Voice) -> Markup:
    """A kind of payment method."""
    match kind:
        case "credit_card":
            return say("Credit card")
        case "debit_card":
            return say("Debit card")
        case "paypal":
            return say("PayPal")
        case _:
            return say("E-wallet")


def plan_name(plan: Plan | None, name: str, say: Voice) -> str:
    """What the catalogue calls a plan in this language; its key where the catalogue has it no more."""
    if plan is None:
        return name
    return plan.name["zh" if say.language == "zh-CN" else "en"]


def every(months: int, say: Voice) -> Markup:
    """`Every month`, `Every 12 months`."""
    return say("Every month") if months == 1 else say("Every %(count)s months", count=months)


def length(months: int, say: Voice) -> Markup:
    """`1 month`, `12 months`."""
    return say.many("%(count)s month", "%(count)s months", months)


def is_period(text: str) -> Period | None:
    """The period that a form names; None for anything else."""
    return next((one for one in PERIODS if str(one) == text), None)


def reason(code: str | None, say: Voice) -> Markup | None:
    """Why a payment was declined, where a holder may know that; None where only that it failed is said."""
    group = GROUPS.get(code or "")
    if group is None:
        return None
    said: Mapping[Group, Markup] = {
        "funds": say("insufficient funds"),
        "limit": say("a limit of the account was reached"),
        "expired": say("the card has expired, or its expiry date is wrong"),
        "details": say("its details are no longer right"),
        "confirm": say("the bank wants you to confirm it yourself"),
        "not_approved": say("the payment was not approved in the app"),
        "unfit": say("this method cannot be used for this payment"),
        "currency": say("it cannot pay in this currency"),
        "pin": say("the bank asked for a PIN"),
        "withdrawn": say("you withdrew the permission at your bank"),
        "not_valid": say("the permission to charge is no longer valid"),
    }
    return said[group]
