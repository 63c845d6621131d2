"""Facts and values for the tests of the engine, each complete with sensible defaults.

The card of these tests: one month from 1 March 2026 in Shanghai, two days of grace, lost after thirty. Its
renewal opens on 29 March at ten o'clock; its id is chosen so that its place within that hour is the first.
"""

from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from msgspec.structs import asdict, replace

from engine.calendar import term_from
from engine.card.attempt import ChargeAttempted, ChargeOutcomeUnknown
from engine.card.consent import AutoRenewEnabled, AutoRenewSwitchedOff, PeriodChanged
from engine.card.custody import CardRegistered
from engine.card.decline import ChargeFailed
from engine.card.lapse import GraceStarted, Suspended
from engine.card.methods import PaymentMethod, PaymentMethodBound
from engine.card.payments import ChargeSucceeded
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, RenewalStarted
from engine.catalogue import Catalogue, KeepRule, read_catalogue
from engine.declines import METHOD_ENDS, NO_CHARGE_MADE, consequence_of
from engine.money import Money
from engine.networks import EDITION
from engine.policy import Policy
from engine.ports import Charged
from engine.rules import Rules

CARD_ID = UUID(int=3600)
ZONE = "Asia/Shanghai"
POLICY = Policy()
CATALOGUE = read_catalogue()
RULES = Rules(POLICY, CATALOGUE)
PROVIDER = RULES.provider
DEARER = "2027-01-01"
"""A later version of the catalogue, twice as dear from 1 June 2026."""


def with_dearer(catalogue: Catalogue) -> Catalogue:
    content = catalogue.model_dump()
    later = deepcopy(content["versions"][0]) | {"version": DEARER, "effective_on": date(2026, 6, 1)}
    for prices in later["prices"].values():
        prices.update({currency: minor * 2 for currency, minor in prices.items()})
    return Catalogue.model_validate(content | {"versions": [*content["versions"], later]})


TWO_VERSIONS = Rules(POLICY, with_dearer(CATALOGUE))


def leaving_out(plan: str) -> Rules:
    """The later prices do not have this plan."""
    content = TWO_VERSIONS.catalogue.model_dump()
    for amounts in ("prices", "reactivation_fees"):
        del content["versions"][-1][amounts][plan]
    return replace(TWO_VERSIONS, catalogue=Catalogue.model_validate(content))


VISA = PaymentMethod(
    method_id="visa",
    kind="credit_card",
    token="tok-visa",
    brand="visa",
    last4="4242",
    expires_on=date(2028, 5, 31),
    fingerprint="fp-visa",
)
VISA_AGAIN = replace(VISA, token="tok-visa-2", expires_on=date(2031, 5, 31))
DEBIT = PaymentMethod(method_id="debit", kind="debit_card", token="tok-debit", fingerprint="fp-debit")
PAYPAL = PaymentMethod(method_id="paypal", kind="paypal", token="tok-paypal")

MONTH_PRICE = Money(minor=1500, currency="CNY")
FIVE, TEN = Money(minor=500, currency="CNY"), Money(minor=1000, currency="CNY")


def local(text: str, zone: str = ZONE) -> datetime:
    """The instant (UTC) at which a clock in `zone` shows `text`, such as `2026-03-29 10:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


REGISTERED_AT = local("2026-03-01 09:00")
AGREED_AT = local("2026-03-22 11:00")
"""When the holder agrees to be charged: within a week of the opening, so that consent is itself the notice of it."""
OPENS_AT = local("2026-03-29 10:00")
ENDS_AT = local("2026-04-01 00:00")
GRACE_ENDS_AT = local("2026-04-03 00:00")
SECOND = timedelta(seconds=1)
BUDGET = POLICY.gateway_budget


def registered(
    *,
    grace_days: int = 2,
    reclaim_days: int = 30,
    zone: str = ZONE,
    starts_on: date = date(2026, 3, 1),
    months: int = 1,
    plan: str = "keep-short",
    currency: str = "CNY",
) -> CardRegistered:
    return CardRegistered(
        holder_id="holder-1",
        plan=plan,
        currency=currency,
        zone=zone,
        keep_rule="reach-brand",
        keep=KeepRule(grace_days=grace_days, reclaim_days=reclaim_days, quarantine_days=45),
        term=term_from(0, starts_on, months, starts_on.day, zone),
        anchor_day=starts_on.day,
        at=REGISTERED_AT,
    )


def bound(method: PaymentMethod = VISA, at: datetime = REGISTERED_AT) -> PaymentMethodBound:
    return PaymentMethodBound(method=method, at=at)


def enabled(months: int = 1, at: datetime = AGREED_AT) -> AutoRenewEnabled:
    quote = CATALOGUE.quote("keep-short", "CNY", months, date(2026, 3, 1))
    return AutoRenewEnabled(
        months=months,
        price=quote.price,
        saving=quote.saving,
        catalogue_version=quote.catalogue_version,
        terms_version="terms-1",
        channel="web",
        reactivation_fee=quote.reactivation_fee,
        at=at,
    )


def period_changed(months: int, at: datetime = OPENS_AT + SECOND) -> PeriodChanged:
    return PeriodChanged(**asdict(enabled(months)) | {"at": at})


def switched_off(reason: str = "holder", at: datetime = REGISTERED_AT) -> AutoRenewSwitchedOff:
    return AutoRenewSwitchedOff(reason=reason, at=at)


def started(months: int = 1, at: datetime = OPENS_AT) -> RenewalStarted:
    quote = CATALOGUE.quote("keep-short", "CNY", months, date(2026, 3, 1))
    return RenewalStarted(
        term_number=1,
        months=months,
        price=quote.price,
        saving=quote.saving,
        catalogue_version=quote.catalogue_version,
        policy_version=POLICY.version,
        at=at,
    )


def attempt_id(number: int = 1, method: PaymentMethod = VISA, term_number: int = 1) -> UUID:
    return uuid5(CARD_ID, f"renewal:{term_number}:{method.method_id}:{number}")


def attempted(
    number: int = 1, rung: int = 1, method: PaymentMethod = VISA, at: datetime = OPENS_AT, amount: Money = MONTH_PRICE
) -> ChargeAttempted:
    return ChargeAttempted(
        attempt_id=attempt_id(number, method),
        term_number=1,
        number=number,
        rung=rung,
        reason="renewal_opened" if number == 1 else "next_rung",
        method_id=method.method_id,
        token=method.token,
        amount=amount,
        policy_version=POLICY.version,
        fingerprint=method.fingerprint,
        brand=method.brand,
        follows_decline=number > 1,
        limits_edition=EDITION if method.fingerprint else None,
        at=at,
    )


def failed(
    number: int = 1,
    rung: int = 1,
    method: PaymentMethod = VISA,
    at: datetime = OPENS_AT + SECOND,
    code: str = "insufficient_funds",
) -> ChargeFailed:
    return ChargeFailed(
        attempt_id=attempt_id(number, method),
        term_number=1,
        method_id=method.method_id,
        code=code,
        consequence=consequence_of(code),
        rung=rung,
        policy_version=POLICY.version,
        learned="sent",
        fingerprint=method.fingerprint,
        happened=code not in NO_CHARGE_MADE,
        counts=code not in NO_CHARGE_MADE,
        ends_method=consequence_of(code) in METHOD_ENDS,
        at=at,
    )


def reminded(declines: int = 1, at: datetime = OPENS_AT + SECOND) -> ReminderDue:
    return ReminderDue(kind="payment_failed", term_number=0, about=str(declines), at=at)


def unknown(asked: int = 1, number: int = 1, method: PaymentMethod = VISA, at: datetime = OPENS_AT + BUDGET):
    waits = POLICY.ask_again_after
    return ChargeOutcomeUnknown(
        attempt_id=attempt_id(number, method),
        term_number=1,
        reason="timeout",
        asked=asked,
        ask_again_at=at + waits[min(asked, len(waits)) - 1],
        at=at,
    )


def succeeded(number: int = 1, method: PaymentMethod = VISA, at: datetime = OPENS_AT + SECOND) -> ChargeSucceeded:
    return ChargeSucceeded(
        attempt_id=attempt_id(number, method),
        term_number=1,
        amount=MONTH_PRICE,
        gateway_ref="ref-1",
        learned="sent",
        at=at,
    )


def renewed(at: datetime = OPENS_AT + SECOND) -> CardRenewed:
    term = term_from(1, date(2026, 4, 1), 1, 1, ZONE)
    return CardRenewed(term=term, months=1, price=MONTH_PRICE, anchor_day=1, attempt_id=attempt_id(), at=at)


def grace_started(at: datetime = ENDS_AT) -> GraceStarted:
    return GraceStarted(term_number=0, suspends_on=date(2026, 4, 3), policy_version=POLICY.version, at=at)


def suspended(at: datetime = GRACE_ENDS_AT) -> Suspended:
    return Suspended(
        term_number=0,
        reclaimed_on=date(2026, 5, 1),
        rungs=1,
        last_code="insufficient_funds",
        policy_version=POLICY.version,
        at=at,
    )


def charged(number: int = 1, method: PaymentMethod = VISA, amount: Money = MONTH_PRICE) -> Charged:
    """The gateway's answer that the money was taken."""
    return Charged(attempt_id=attempt_id(number, method), amount=amount, gateway_ref=f"ref-{number}")


PAYING = (registered(), bound(VISA), enabled())
"""A card whose holder pays by Visa, month by month."""
CHARGING = (*PAYING, started(), attempted())
"""Its first charge is under way."""
DECLINED = (*CHARGING, failed(), reminded())
"""Its first charge was declined for insufficient funds, and the holder is to be notified."""
PAID = (*CHARGING, succeeded(), renewed())
"""Its first renewal is paid."""
