"""What stands on a printed receipt, in the holder's language; only characters that its fonts have."""

from collections.abc import Iterator
from datetime import UTC

from markupsafe import Markup
from msgspec import Struct

from adapters.languages import shown
from adapters.web.pages.naming import length, method_name, plan_name
from adapters.web.payments.paid import Receipt
from adapters.web.payments.printable import readable
from adapters.web.voice import Voice
from engine.money import Money


class Paper(Struct, frozen=True):
    """The texts of a receipt."""

    language: str
    title: str
    brand: str
    about: str
    """What kind of paper it is."""
    reference: str
    what: str
    """What was bought."""
    rows: tuple[tuple[str, str], ...]
    """Term and value, from top to bottom."""
    amounts: tuple[tuple[str, str], ...]
    """What was taken from where."""
    total: tuple[str, str]
    refunded: tuple[str, str] | None
    foot: str
    made: tuple[int, int, int, int, int, int]
    """The moment of the payment in UTC, from year to second."""


def paper_of(receipt: Receipt, say: Voice) -> Paper:
    """The receipt as it is printed."""
    paid = receipt.paid
    amounts = [(method_name(receipt.method, say), _money(paid.amount, say))]
    if paid.from_balance_minor:
        amounts.append((say("Balance"), _money(paid.from_balance, say)))
    at = paid.settled_at.astimezone(UTC)
    return Paper(
        language=say.language,
        title=_plain(say("Receipt %(reference)s", reference=paid.reference)),
        brand=_plain(say("Baohao")),
        about=_plain(say("Receipt")),
        reference=paid.reference,
        what=_plain(what_for(receipt, say)),
        rows=tuple((_plain(one), _plain(value)) for one, value in _rows(receipt, say)),
        amounts=tuple((_plain(one), value) for one, value in amounts),
        total=(
            _plain(say("Total paid (%(currency)s)", currency=paid.currency)),
            _money(paid.total, say),
        ),
        refunded=(_plain(say("Of it refunded")), _money(paid.refunded, say)) if paid.refunded_minor else None,
        foot=_plain(say("If you have a question about this payment, give its number.")),
        made=(at.year, at.month, at.day, at.hour, at.minute, at.second),
    )


def what_for(receipt: Receipt, say: Voice) -> Markup:
    """What the payment was made for, whatever came of it."""
    if receipt.renewed is not None:
        return say("Renewal for %(period)s", period=length(receipt.renewed.months, say))
    if receipt.paid.top_up is not None:
        return say("Top-up of the balance")
    return say("Payment for a renewal")


def _rows(receipt: Receipt, say: Voice) -> Iterator[tuple[str, str]]:
    paid, plan = receipt.paid, receipt.held.card.custody.plan
    yield say("Card"), shown.phone_number(paid.number) if paid.number else str(paid.card_id)
    yield say("Plan"), readable(plan_name(receipt.held.plan, plan, say), plan)
    if receipt.renewed is not None:
        term = receipt.renewed.term
        yield (
            say("Term"),
            say("%(first)s to %(last)s", first=say.short_day(term.starts_on), last=say.short_day(term.ends_on)),
        )
    if receipt.goes_back:
        yield say("Used for"), say("Nothing: it goes back to you")
    if receipt.renewed is not None and receipt.renewed.reactivation_fee is not None:
        yield say("Price"), _money(receipt.renewed.price, say)
        yield say("Reactivation fee"), _money(receipt.renewed.reactivation_fee, say)
    place = readable(say.place(paid.zone), paid.zone)
    moment = say.moment(paid.settled_at, paid.zone)
    yield say("Paid on"), say("%(moment)s, %(place)s time", moment=moment, place=place)
    yield say("Number of the payment"), str(paid.attempt_id)
    if receipt.issuer is not None:
        named = (say("Issued by"), say("Address"), say("Tax number"))
        yield from ((name, text) for name, text in zip(named, receipt.issuer, strict=True) if text)


def _money(amount: Money, say: Voice) -> str:
    text = shown.money(amount, say.language)
    digits = "".join(one for one in text if one in "-,.0123456789")
    return readable(text, f"{amount.currency}\N{NO-BREAK SPACE}{digits}")


def _plain(text: str) -> str:
    return text.striptags() if isinstance(text, Markup) else text
