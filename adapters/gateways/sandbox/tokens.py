"""The test methods of the sandbox: a token says what kind of method it is, and how it behaves when it is charged.

Stripe's published test tokens stand here by name. The sandbox adds one for each code, which can be attached:

    pm_sandbox_good                            the money moves
    pm_sandbox_<code>[_<advice>][_<network>]   attaches, then declines with these codes; `__` leaves the advice out
    pm_sandbox_flaky_<percent>[_<code>…]       declines with that probability
    pm_sandbox_until_<day>[_<code>…]           declines before that UTC day, 2027-03-01 for instance, then good
    pm_sandbox_processing[_<code>…]            stays processing for a while, then succeeds or declines
    pm_sandbox_authentication[_on_setup]       the holder must be there: always, or only where it was not set up
    pm_sandbox_paypal…, _link…, _alipay, _wechat_pay   the same with a wallet: pm_sandbox_paypal_processing

A token of the sandbox's that ends in `_fp` and letters or digits has the fingerprint of that ending; without it each
attached method has its own. Stripe's tokens have one fingerprint each, as its test cards do.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Literal, NamedTuple

from adapters.gateways.behaviour import GOOD, Behaviour
from engine.declines import CONSEQUENCES

Authentication = Literal["never", "always", "unless_set_up", "on_setup"]
_WALLETS = ("paypal", "link", "alipay", "wechat_pay", "sepa_debit")
_FIELD_CODES = frozenset(
    {
        *("expired_card", "incorrect_cvc", "invalid_cvc", "incorrect_number", "invalid_number", "incorrect_zip"),
        *("incorrect_address", "invalid_expiry_month", "invalid_expiry_year", "processing_error"),
        "authentication_required",
    }
)
"""Declines that are an error code themselves; any other is `card_declined` with a decline code."""
WALLET_CODES = (
    *("payment_method_customer_decline", "payment_method_provider_decline", "payment_method_provider_timeout"),
    *("payment_method_not_available", "payment_method_unactivated", "payment_intent_payment_attempt_failed"),
    *("payment_intent_payment_attempt_expired", "payment_intent_authentication_failure", "billing_invalid_mandate"),
    *("payment_intent_mandate_invalid", "debit_not_authorized", "refer_to_customer"),
    "setup_intent_authentication_failure",
)
"""Declines that come as an error code alone."""
REQUEST_CODES = (
    *("payment_method_unexpected_state", "payment_method_currency_mismatch", "payment_method_unsupported_type"),
    *("payment_intent_incompatible_payment_method", "amount_too_small", "amount_too_large", "invalid_charge_amount"),
    *("charge_exceeds_source_limit", "livemode_mismatch", "testmode_charges_only"),
)
"""Codes of a request that was refused, before anything was charged."""
_CODES = sorted((*CONSEQUENCES, *WALLET_CODES, *REQUEST_CODES), key=len, reverse=True)
_ADVICE_WORDS = ("confirm_card_data", "do_not_try_again", "try_again_later")
CODE_OF_NONE = "generic_decline"


class Decline(NamedTuple):
    """The codes of a decline."""

    code: str
    advice: str | None = None
    network_advice: str | None = None
    network: str | None = None

    @property
    def error_code(self) -> str:
        """What stands in `code`."""
        return self.code if self.code in _FIELD_CODES or self.is_of_wallet else "card_declined"

    @property
    def decline_code(self) -> str | None:
        """What stands in `decline_code`."""
        return None if self.is_of_wallet else self.code

    @property
    def is_of_wallet(self) -> bool:
        """Whether the code stands alone."""
        return self.code in WALLET_CODES


class TokenMethod(NamedTuple):
    """What a token stands for."""

    token: str
    kind: str = "card"
    brand: str = "visa"
    funding: str = "credit"
    last4: str = "4242"
    decline: Decline | None = None
    attaches: bool = True
    decides: Behaviour = GOOD
    processing: bool = False
    authentication: Authentication = "never"
    risk: Literal["normal", "elevated", "highest"] = "normal"
    blocked: bool = False
    after: Literal["", "dispute", "inquiry", "two_disputes", "fraud_warning", "pending_refund", "failed_refund"] = ""
    dispute_reason: str = "fraudulent"
    fingerprint_of: str | None = None
    """What determines the fingerprint; None: each attached method has its own."""


def _declining(method: TokenMethod, decline: Decline, percent: int = 100, good_from: date = date.max) -> TokenMethod:
    return method._replace(decline=decline, decides=Behaviour(decline.code, percent, good_from))


def _published() -> Iterator[TokenMethod]:
    brands = (
        *(("visa", "credit", "4242"), ("visa_debit", "debit", "5556"), ("mastercard", "credit", "4444")),
        *(("mastercard_debit", "debit", "3222"), ("mastercard_prepaid", "prepaid", "5100"), ("amex", "credit", "8431")),
        *(("discover", "credit", "9424"), ("diners", "credit", "3237"), ("jcb", "credit", "0505")),
        *(("unionpay", "credit", "0005"), ("us", "credit", "4242")),
    )
    for name, funding, last4 in brands:
        brand = "visa" if name == "us" else name.partition("_")[0]
        yield TokenMethod(f"pm_card_{name}", brand=brand, funding=funding, last4=last4)
    declining = (
        *(("ChargeDeclined", "generic_decline", "0002"), ("InsufficientFunds", "insufficient_funds", "9995")),
        *(("LostCard", "lost_card", "9987"), ("StolenCard", "stolen_card", "9979")),
        *(("VelocityLimitExceeded", "card_velocity_exceeded", "6975"), ("ExpiredCard", "expired_card", "0069")),
        *(("IncorrectCvc", "incorrect_cvc", "0127"), ("ProcessingError", "processing_error", "0119")),
        ("Fraudulent", "fraudulent", "0019"),
    )
    for name, code, last4 in declining:
        ending = "" if name == "ChargeDeclined" else name
        for begin in ("pm_card_chargeDeclined", "pm_card_visa_chargeDeclined"):
            yield _declining(TokenMethod(begin + ending, last4=last4, attaches=False), Decline(code))
    yield _declining(TokenMethod("pm_card_chargeCustomerFail", last4="0341"), Decline("generic_decline"))
    for name, last4 in (("radarBlock", "0101"), ("riskLevelHighest", "4954")):
        blocked = TokenMethod(f"pm_card_{name}", last4=last4, blocked=True, risk="highest")
        yield _declining(blocked, Decline("fraudulent"))
    yield TokenMethod("pm_card_riskLevelElevated", last4="9235", risk="elevated")
    yield TokenMethod("pm_card_createDispute", last4="0259", after="dispute")
    yield TokenMethod(
        "pm_card_createDisputeProductNotReceived",
        last4="2685",
        after="dispute",
        dispute_reason="product_not_received",
    )
    yield TokenMethod("pm_card_createDisputeInquiry", last4="1976", after="inquiry")
    yield TokenMethod("pm_card_createMultipleDisputes", last4="0002", after="two_disputes")
    yield TokenMethod("pm_card_createIssuerFraudRecord", last4="5423", after="fraud_warning")
    yield TokenMethod("pm_card_pendingRefund", last4="7726", after="pending_refund")
    yield TokenMethod("pm_card_refundFail", last4="5126", after="failed_refund")
    yield TokenMethod("pm_card_bypassPending", last4="0077")
    yield TokenMethod("pm_card_authenticationRequired", last4="3184", authentication="always")
    yield TokenMethod("pm_card_authenticationRequiredOnSetup", last4="3155", authentication="unless_set_up")
    yield TokenMethod("pm_card_authenticationRequiredSetupForOffSession", last4="3184", authentication="on_setup")
    name = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
    yield _declining(TokenMethod(name, last4="9995", authentication="always"), Decline("insufficient_funds"))
    yield TokenMethod("pm_card_threeDSecure2Required", last4="3220", authentication="always")
    yield TokenMethod("pm_card_threeDSecureRequired", last4="3063", authentication="always")


PUBLISHED = {one.token: one._replace(fingerprint_of=one.token) for one in _published()}

_LAST4_BY_CODE = {one.decline.code: one.last4 for one in reversed(PUBLISHED.values()) if one.decline}
"""Those of Stripe's test cards, so that what declines is told from what does not."""
_LAST4_ASKING = PUBLISHED["pm_card_authenticationRequiredOnSetup"].last4


@lru_cache(maxsize=65_536)
def method_of(token: str) -> TokenMethod | None:
    """The test method of a token; None for what is no token."""
    if published := PUBLISHED.get(token):
        return published
    if token.startswith("pm_sandbox_"):
        return _of_sandbox(token)
    return None


def _of_sandbox(token: str) -> TokenMethod | None:
    rest, _, seed = token.removeprefix("pm_sandbox_").partition("_fp")
    method = TokenMethod(token, fingerprint_of=f"fp{seed}" if seed else None)
    wallet = next((name for name in _WALLETS if rest == name or rest.startswith(f"{name}_")), None)
    if wallet:
        method = method._replace(kind=wallet)
        rest = rest.removeprefix(wallet).removeprefix("_") or "good"
    return _behaving(method, rest)


def _behaving(method: TokenMethod, rest: str) -> TokenMethod | None:
    if rest == "good":
        return method
    if rest == "debit":
        return method._replace(funding="debit", last4=PUBLISHED["pm_card_visa_debit"].last4)
    if rest == "processing":
        return method._replace(processing=True)
    if rest.startswith("authentication"):
        when = {"authentication": "always", "authentication_on_setup": "unless_set_up"}.get(rest)
        if when:
            return method._replace(authentication=when, last4=_LAST4_ASKING)
    if found := re.fullmatch(r"(flaky|until)_([0-9-]+)(?:_(.+))?", rest):
        codes = _codes(found[3] or ("do_not_honor" if found[1] == "flaky" else "insufficient_funds"))
        try:
            return codes and _declining(method, codes, *_when(found[1], found[2]))
        except ValueError:
            return None
    if rest.startswith("processing_") and _codes(rest) is None:  # `processing_error` is a code
        method, rest = method._replace(processing=True), rest.removeprefix("processing_")
    codes = _codes(rest)
    return codes and _declining(method._replace(last4=_LAST4_BY_CODE.get(codes.code, method.last4)), codes)


def _when(word: str, argument: str) -> tuple[int, date]:
    """How often it declines, in percent, and from which day on it does not."""
    return (int(argument), date.max) if word == "flaky" else (100, date.fromisoformat(argument))


def _codes(text: str) -> Decline | None:
    code = next((one for one in _CODES if text == one or text.startswith(f"{one}_")), None)
    if code is None:
        return None
    rest = text.removeprefix(code).removeprefix("_")
    advice = next((word for word in _ADVICE_WORDS if rest == word or rest.startswith(f"{word}_")), None)
    if advice:
        rest = rest.removeprefix(advice).removeprefix("_")
        return Decline(code, advice=advice, network=_short(rest)) if _is_short(rest) else None
    first, _, second = rest.partition("_")
    if not (_is_short(first) and _is_short(second)):
        return None
    return Decline(code, network_advice=_short(first), network=_short(second))


def _is_short(text: str) -> bool:
    return re.fullmatch(r"[0-9A-Z]{0,3}", text) is not None


def _short(text: str) -> str | None:
    return text or None
