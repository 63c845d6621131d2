"""A notice in words: its values as each language writes them, and the letter that says them.

Pure: the same notice, card and language give the same words.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from string import Formatter
from typing import NamedTuple

from adapters.languages import shown
from adapters.languages.language import Language
from adapters.languages.texts import texts
from adapters.notices.letter import OPEN_CARD, OPEN_RECEIPT, Letter, Wordings
from adapters.notices.letters_of_money import LETTERS_OF_ACCOUNTS, LETTERS_OF_MONEY
from adapters.notices.letters_of_terms import LETTERS_OF_TERMS
from adapters.notices.of_card import due_of, goes_off_on, is_off
from adapters.notices.reasons import GROUPS, REASONS
from engine.card.card import Card
from engine.card.methods import PaymentMethod
from engine.card.on_page import wallet_named
from engine.money import Money
from engine.notices import Values

LETTERS: Mapping[str, Letter] = {**LETTERS_OF_TERMS, **LETTERS_OF_MONEY, **LETTERS_OF_ACCOUNTS}
"""By their names: that of the kind of notice or message, or of a letter in its place."""
INSTEAD_OF: Mapping[str, str] = {
    **{f"{kind}_switched_off": kind for kind in ("grace", "suspended", "last_chance")},
    "auto_top_up_stopped_not_taken": "auto_top_up_stopped",
    "refunded_by_support": "refunded",
    "top_up_failed_not_taken": "top_up_failed",
}
"""Letters that take the place of their kind's own, which would be wrong there; by name, the kind."""

LENGTHS: Mapping[int, str] = {1: "month", 3: "3 months", 6: "6 months", 12: "12 months"}
"""Of a term, after "every"."""
METHODS: Mapping[str, str] = {
    "credit_card": "credit card",
    "debit_card": "debit card",
    "paypal": "PayPal",
    "e_wallet": "e-wallet",
}
BRANDS: Mapping[str, str] = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "unionpay": "UnionPay",
    "jcb": "JCB",
    "discover": "Discover",
    "diners": "Diners Club",
    "alipay": "Alipay",
    "wechat_pay": "WeChat Pay",
}
"""Names of their owners, written by them; some have another one in Chinese."""
_NAMED_ANEW = ("unionpay", "alipay", "wechat_pay")
ENDING = "{brand} ending {last4}"
NUMBER_ENDING = "ending {last4}"
INSTANT = "{day}, {time}, {place} time"
OTHERS: Mapping[str, Mapping[str, str]] = {
    "switched_off_by": {
        "mandate_withdrawn": "The bank says that you have withdrawn your permission to be charged.",
        "operator": "Our support turned it off.",
    },
    "purpose": {
        "register": "With it you open an account.",
        "sign_in": "With it you sign in.",
        "confirm_email": "With it you confirm your e-mail address.",
        "confirm_phone": "With it you confirm your phone number.",
        "reset_password": "With it you set a new password.",
        "add_card": "With it the card of this number is added to an account.",
    },
    "other_amount": {
        "larger": "Choose a larger amount on the card's page.",
        "smaller": "Choose a smaller amount on the card's page.",
    },
    "removed_by": {"mandate_withdrawn": "The bank says that you have withdrawn your permission to charge it."},
}
"""Sentences that a value of the notice's chooses."""
SERVICE_IS_OFF, UNDER_WAY = "The service is off.", "A payment is under way; if it succeeds, it counts."
"""Sentences that the card as it is chooses."""
_CHOSEN_BY: Mapping[str, str] = {"purpose": "purpose", "other_amount": "amount_wanted"}
"""By which value; of all others: by the reason."""
FRAME = (
    "Baohao",
    "Open this page only by this link or by typing the address yourself.",
    "You can do without reminders of this kind: {unsubscribe}",
    "Help: {page}",
)
"""What stands around letters: the name, the caution where there is a link, how to end what is optional, and help."""
WHY: Mapping[str, str] = {
    "card": "You get this because the number depends on it, or because the law wants you to know.",
    "asked": "You get this because somebody gave this address on our page. If that was not you, do nothing.",
    "account": "You get this because it concerns your account.",
}
"""Why somebody gets a letter."""
_ASKED = frozenset({"code", "account_exists", "passkey_instead"})
"""Letters that anybody may cause who knows the address."""
UNSUBSCRIBING = (
    "Stop these reminders",
    "You will not get reminders of this kind any more.",
    "This link does not work. Copy it whole from the e-mail.",
)
"""The button, and what is answered, on the page where optional notices end."""


class Words(NamedTuple):
    """A letter with its values, in one language."""

    letter: str
    """Its name."""
    subject: str
    result: str
    more: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    sms: str
    button: str


class About(NamedTuple):
    """What a notice is about, besides its own values."""

    language: Language
    zone: str
    card: Card | None
    card_name: str
    """How the text calls the card: by its number, or by the beginning of its id."""
    next_payment_on: date | None = None
    """On which local day the next term is paid, where that is known."""


def letter_of(kind: str, values: Values, card: Card | None) -> str:
    """The name of the letter for a notice."""
    if f"{kind}_switched_off" in INSTEAD_OF and is_off(card):
        return f"{kind}_switched_off"
    if kind == "refunded" and values.get("by") == "support":
        return "refunded_by_support"
    return f"{kind}_not_taken" if "amount_wanted" in values else kind


def receipt_of(kind: str, values: Values) -> str | None:
    """The attempt whose receipt the letter's button opens; None where it opens none."""
    attempt_id = values.get("attempt_id")
    return attempt_id if LETTERS[kind].button == OPEN_RECEIPT and isinstance(attempt_id, str) else None


def why_sent(letter: str) -> str:
    """Why somebody gets a letter of that name, in English."""
    if letter in _ASKED:
        return WHY["asked"]
    return WHY["account" if letter in LETTERS_OF_ACCOUNTS else "card"]


def words_of(kind: str, values: Values, about: About) -> Words:
    """The words of a notice; raises KeyError for a kind without a letter."""
    name = letter_of(kind, values, about.card)
    letter, translate = LETTERS[name], texts("adapters.notices", about.language).gettext
    said = shown_values(values, about)

    def first(wordings: Wordings) -> str | None:
        for one in (wordings,) if isinstance(wordings, str) else wordings:
            if _names(one) <= said.keys():
                text = translate(one).format_map(said)
                return text[:1].upper() + text[1:]  # it may begin with a value
        return None

    button = letter.button
    if button == OPEN_RECEIPT and receipt_of(kind, values) is None:  # what the balance paid has none
        button = OPEN_CARD
    rows = [(translate(row), first(value)) for row, value in letter.rows]
    return Words(
        name,
        first(letter.subject) or "",
        first(letter.result) or "",
        tuple(found for one in letter.more if (found := first(one)) is not None),
        tuple((row, value) for row, value in rows if value is not None),
        first(letter.sms) or "",
        translate(button) if button else "",
    )


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def shown_values(values: Values, about: About) -> dict[str, str]:
    """The values as text in a language, by name; without those that are not known."""
    language, translate = about.language, texts("adapters.notices", about.language).gettext
    said: dict[str, str] = {"card": about.card_name}
    for name, value in values.items():
        text = _shown(name, value, about)
        if text is not None:
            said[name] = text
    months, code = values.get("months"), values.get("code")
    if isinstance(months, int) and months in LENGTHS:
        said["length"] = translate(LENGTHS[months])
    if isinstance(code, str) and code in GROUPS:
        said["reason"] = translate(REASONS[GROUPS[code]])
    for name, sentences in OTHERS.items():
        chosen = sentences.get(str(values.get(_CHOSEN_BY.get(name, "reason"))))
        if chosen is not None:
            said[name] = translate(chosen)
    said |= _method(values, about)
    said |= _charge(values, language)
    said |= _of_card(values, about)
    next_try_at, attempt_id = values.get("next_try_at"), values.get("attempt_id")
    if isinstance(next_try_at, str):
        said["next_try"] = instant(datetime.fromisoformat(next_try_at), about)
    if isinstance(attempt_id, str):
        said["reference"] = f"{attempt_id[:4]}-{attempt_id[4:8]}".upper()
    return said


def _shown(name: str, value: object, about: About) -> str | None:
    """An amount, a day or a word; None for what says nothing to a holder."""
    match value:
        case {"minor": int(minor), "currency": str(currency)}:
            return shown.money(Money(minor=minor, currency=currency), about.language) if minor > 0 else None
        case str() if value and name.endswith(("_on", "_from", "_until")):
            return shown.day(date.fromisoformat(value), about.language)
        case str() if value and name in _AS_THEY_ARE:
            return value
        case int() if name == "declined":
            return str(value)
        case _:
            return None


_AS_THEY_ARE = frozenset({"terms_version", "code", "minutes", "before", "after"})
"""Words that stand in a text as they came; `code` is one of a sign-in: a decline code is never shown."""


def instant(at: datetime, about: About) -> str:
    """Day and time by the clock on the holder's wall, whose city is named."""
    day = shown.day(shown.local(at, about.zone).date(), about.language)
    time, place = shown.clock_time(at, about.zone), shown.place(about.zone, about.language)
    return texts("adapters.notices", about.language).gettext(INSTANT).format(day=day, time=time, place=place)


def _method(values: Values, about: About) -> dict[str, str]:
    """What the holder knows a payment method by: from the notice itself, or from the card."""
    kind, brand, last4 = values.get("kind"), values.get("brand"), values.get("last4")
    if not isinstance(kind, str):
        found = _bound(about.card, values.get("method_id"))
        if found is None:
            return {}
        kind, brand, last4 = found.kind, found.brand, found.last4
    return {"method": method_name(kind, _text(brand), _text(last4), about.language)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _bound(card: Card | None, method_id: object) -> PaymentMethod | None:
    bound: Iterable[PaymentMethod] = () if card is None else card.methods.bound
    found = next((one for one in bound if one.method_id == method_id), None)
    return found or (wallet_named(method_id) if isinstance(method_id, str) else None)


def method_name(kind: str, brand: str | None, last4: str | None, language: Language) -> str:
    """Visa ending 4242; without a brand by its kind."""
    translate = texts("adapters.notices", language).gettext
    name = BRANDS.get(brand or "")
    if name is None or brand in _NAMED_ANEW:
        name = translate(name or METHODS.get(kind, "e-wallet"))
    return translate(ENDING).format(brand=name, last4=last4) if last4 else name


def _charge(values: Values, language: Language) -> dict[str, str]:
    """Of a renewal: what the balance paid, and what was charged."""
    match values:
        case {"price": {"minor": int(minor), "currency": str(currency)}, "from_balance": int(from_balance)}:
            fee = values.get("reactivation_fee")
            extra = fee.get("minor") if isinstance(fee, dict) else 0
            charged = minor + (extra if isinstance(extra, int) else 0) - from_balance
            found = {"charged": charged, "from_balance": from_balance}
            amounts = {name: Money(minor=one, currency=currency) for name, one in found.items() if one > 0}
            return {name: shown.money(amount, language) for name, amount in amounts.items()}
        case _:
            return {}


def _of_card(values: Values, about: About) -> dict[str, str]:
    """Of the card as it is: what is due and the fee in it, the days of the next payment and of the end of service."""
    card, translate = about.card, texts("adapters.notices", about.language).gettext
    said: dict[str, str] = {}
    if card is not None and card.status == "suspended":
        said["service_is_off"] = translate(SERVICE_IS_OFF)
    if card is not None and card.attempts.open is not None:
        said["under_way"] = translate(UNDER_WAY)
    due, fee = due_of(card) or (None, None)
    for name, amount in (("due", due), ("due_fee", fee)):
        if amount is not None:
            said[name] = shown.money(amount, about.language)
    days = {"next_payment_on": about.next_payment_on, "goes_off_on": goes_off_on(card, values.get("ends_on"))}
    return said | {name: shown.day(one, about.language) for name, one in days.items() if one is not None}


def every_text() -> Iterable[str]:
    """All texts that have to be in the catalogue."""
    for letter in LETTERS.values():
        yield from letter.texts()
    yield from LENGTHS.values()
    yield from (name for name in METHODS.values() if name != "PayPal")
    yield from REASONS.values()
    yield from (BRANDS[brand] for brand in _NAMED_ANEW)
    yield from (ENDING, NUMBER_ENDING, INSTANT, SERVICE_IS_OFF, UNDER_WAY, *FRAME, *WHY.values(), *UNSUBSCRIBING)
    for sentences in OTHERS.values():
        yield from sentences.values()
