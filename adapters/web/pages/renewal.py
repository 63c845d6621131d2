"""Switching auto-renewal on, or changing its period: period, payment, review, done. Each step is a page and a form.

What was chosen is kept in the session, with the price that was shown; another price by then is shown and asked again.
"""

from typing import Any, NamedTuple
from uuid import UUID

from markupsafe import Markup
from starlette.responses import Response

from adapters.languages import shown as written
from adapters.web.pages.ahead import Coming, coming_up, next_payment, source
from adapters.web.pages.draft import Draft, draft_of, save, seal_of
from adapters.web.pages.ids import command_id_of
from adapters.web.pages.lifeline import lifeline
from adapters.web.pages.naming import dated_method_name, every, is_period, method_name, named
from adapters.web.pages.portal import Held
from adapters.web.pages.standing import standing_of
from adapters.web.pages.visit import CardRoute, CardVisit
from adapters.web.voice import Voice
from engine.card.card import Card
from engine.card.consent import ShownQuote, enable_auto_renew
from engine.card.evolve import replay
from engine.card.methods import order_payment_methods
from engine.catalogue import Quote
from engine.commands import EnableAutoRenew, OrderPaymentMethods
from engine.errors import Refused
from engine.money import Money
from engine.outlook import outlook

TERMS_VERSION = "2026-11"
"""The text of the terms that holders agree to: templates/terms.html."""
CHANNEL = "web"


class Preview(NamedTuple):
    """What follows from agreeing: the card after it, and what will happen."""

    coming: tuple[Coming, ...]
    line: tuple[Any, ...]
    first: Any
    source: Markup | None
    is_today: bool


# Steps


async def _period(visit: CardVisit) -> Response:
    return _period_page(visit, draft_of(visit), changed="changed" in visit.request.query_params)


async def _choose_period(visit: CardVisit) -> Response:
    held, months = visit.held, is_period(visit.form.get("months", ""))
    quote = next((one for one in held.quotes() if one.months == months), None)
    before = draft_of(visit)
    if quote is None:
        return _period_page(visit, before, errors={"months": visit.say("Choose how often to renew.")}, status=422)
    fee = quote.reactivation_fee.minor if quote.reactivation_fee else None
    draft = Draft(quote.months, quote.price.minor, quote.catalogue_version, fee)
    if before is None:
        draft = draft._replace(balance_first=held.card.methods.balance_first)
    else:
        draft = draft._replace(order=before.order, balance_first=before.balance_first, has_payment=before.has_payment)
    await save(visit, draft)
    return visit.go(PAYMENT)


async def _payment(visit: CardVisit) -> Response:
    draft = draft_of(visit)
    return visit.go(PERIOD) if draft is None else await _payment_page(visit, draft)


async def _choose_payment(visit: CardVisit) -> Response:
    draft, bound = draft_of(visit), _bound(visit.held)
    if draft is None:
        return visit.go(PERIOD)
    first = visit.form.get("first", "")
    if first not in bound:
        wrong = visit.say("Choose what is charged first.") if bound else visit.say("Add a way to pay first.")
        return await _payment_page(visit, draft, errors={"first": wrong}, status=422)
    order = (first, *(one for one in bound if one != first))
    await save(visit, draft._replace(order=order, balance_first="balance_first" in visit.form, has_payment=True))
    return visit.go(REVIEW)


async def _review(visit: CardVisit) -> Response:
    draft = draft_of(visit)
    if draft is None:
        return visit.go(PERIOD)
    if not draft.has_payment or sorted(draft.order) != sorted(_bound(visit.held)):
        return visit.go(PAYMENT)
    return visit.go(f"{PERIOD}?changed") if _quote(visit.held, draft) is None else _review_page(visit, draft)


async def _confirm(visit: CardVisit) -> Response:
    draft, command_id = draft_of(visit), command_id_of(visit.form)
    done = f"{DONE}?reference={command_id}"
    if draft is None:  # sent twice, and the first one is done; or another tab has confirmed; or it has expired
        otherwise = "" if visit.held.card.consent else f"{PERIOD}?expired"
        return visit.go(done if await visit.has_done(f"web:{command_id}") else otherwise)
    if visit.form.get("choice") != seal_of(draft):  # another tab has chosen otherwise since
        return visit.go(REVIEW)
    refused = await visit.execute(*_commands(visit.held, draft, command_id))
    if refused is not None and refused.code in CHOSEN_ANEW:
        return visit.go(CHOSEN_ANEW[refused.code])
    if refused is not None:
        return _review_page(visit, draft, refused=refused, status=409)
    await save(visit, None)
    return visit.go(done)


async def _done(visit: CardVisit) -> Response:
    card = visit.held.card
    if card.consent is None:
        return visit.go()
    return visit.page(
        "done",
        task=None,
        reference=_reference(visit.request.query_params.get("reference", "")),
        coming=coming_up(card, standing_of(card), visit.held.outlook(), visit.say),
        notices_to=visit.visitor.email or written.phone_number(visit.visitor.phone or ""),
    )


PERIOD, PAYMENT, REVIEW, DONE = "/renewal/period", "/renewal/payment", "/renewal/review", "/renewal/done"
CHOSEN_ANEW = {"price_changed": f"{PERIOD}?changed", "not_the_methods": PAYMENT}
PAGES = (
    CardRoute("GET", PERIOD, _period),
    CardRoute("POST", PERIOD, _choose_period),
    CardRoute("GET", PAYMENT, _payment),
    CardRoute("POST", PAYMENT, _choose_payment),
    CardRoute("GET", REVIEW, _review),
    CardRoute("POST", REVIEW, _confirm),
    CardRoute("GET", DONE, _done),
)
"""`/cards/ID/renewal/…`."""


# Pages


def _period_page(
    visit: CardVisit,
    draft: Draft | None,
    *,
    changed: bool = False,
    errors: dict[str, Markup] | None = None,
    status: int = 200,
) -> Response:
    held, say, consent = visit.held, visit.say, visit.held.card.consent
    chosen = draft.months if draft else consent.months if consent else None
    quotes = held.quotes()
    return visit.page(
        "period",
        status,
        rows=[_row(one, say) for one in quotes],
        chosen=chosen or (quotes[-1].months if quotes else None),
        running=consent.months if consent else None,
        changed=changed,
        expired="expired" in visit.request.query_params,
        errors=errors or {},
    )


class _Row(NamedTuple):
    quote: Quote
    name: Markup
    monthly: Markup | None
    saving: Markup | None


def _row(quote: Quote, say: Voice) -> _Row:
    monthly = Money(minor=round(quote.price.minor / quote.months), currency=quote.price.currency)
    return _Row(
        quote,
        every(quote.months, say),
        say("%(price)s a month", price=say.money(monthly)) if quote.months > 1 else None,
        say("%(saving)s less than monthly", saving=say.money(quote.saving)) if quote.saving.minor else None,
    )


async def _payment_page(
    visit: CardVisit, draft: Draft, *, errors: dict[str, Markup] | None = None, status: int = 200
) -> Response:
    held, say, bound = visit.held, visit.say, visit.held.card.methods.bound
    order = [one for one in draft.order if any(one == method.method_id for method in bound)]
    first = order[0] if order else bound[0].method_id if bound else None
    return visit.page(
        "payment",
        status,
        methods=[
            (one.method_id, name, one.method_id in held.card.methods.ended)
            for one, name in named(bound, say, dated_method_name)
        ],
        first=first,
        balance_first=draft.balance_first,
        others=await _methods_of_others(visit),
        can_add=visit.portal.hosted is not None,
        errors=errors or {},
    )


def _review_page(visit: CardVisit, draft: Draft, *, refused: Refused | None = None, status: int = 200) -> Response:
    held, say = visit.held, visit.say
    quote = _quote(held, draft)
    preview = None if quote is None else _preview(held, draft, quote, say)
    names = {one.method_id: name for one, name in named(held.card.methods.bound, say, dated_method_name)}
    balance = Money(minor=held.card.balance.minor, currency=held.card.custody.currency)
    funding = [say("Balance, now %(amount)s", amount=say.money(balance))] if draft.balance_first else []
    return visit.page(
        "review",
        status,
        quote=quote,
        period=every(draft.months, say),
        funding=[*funding, *(names[one] for one in draft.order if one in names)],
        preview=preview,
        notices_to=visit.visitor.email or written.phone_number(visit.visitor.phone or ""),
        notice_days=held.plan.notice_days if held.plan else None,
        lead_days=held.rules.policy.lead_days,
        ladder=held.rules.policy.ladder_days,
        ladder_then=held.rules.policy.ladder_then_every_days,
        terms_version=TERMS_VERSION,
        command_id=command_id_of({}),
        choice=seal_of(draft),
        refused=None if refused is None else visit.refusal(refused),
        is_change=held.card.consent is not None,
    )


def _preview(held: Held, draft: Draft, quote: Quote, say: Voice) -> Preview | None:
    """What will happen after the holder agrees: decided by the same functions, on a card that agreed."""
    try:
        after = _agreed(held, draft, quote)
    except Refused:
        return None
    foreseen = outlook(after, held.rules, held.at)
    payment = next_payment(after, foreseen)
    today = payment is not None and held.day_of(payment.at) == held.today
    line = lifeline(after, "active", foreseen, say, held.at)
    coming = coming_up(after, "active", foreseen, say)
    return Preview(coming, line, payment, source(payment, say) if payment else None, today)


def _agreed(held: Held, draft: Draft, quote: Quote) -> Card:
    card = held.card
    at = {"at": held.at}
    ordered = order_payment_methods(card, method_ids=draft.order, balance_first=draft.balance_first, **at)
    after = replay(card, card.card_id, ordered) if ordered else card
    agreed = enable_auto_renew(
        after,
        held.rules.catalogue,
        months=quote.months,
        terms_version=TERMS_VERSION,
        channel=CHANNEL,
        shown=_shown_quote(quote),
        **at,
    )
    return (replay(after, card.card_id, agreed) if agreed else after) or card


def _commands(held: Held, draft: Draft, command_id: UUID) -> tuple[OrderPaymentMethods, EnableAutoRenew]:
    card_id, currency = held.card_id, held.card.custody.currency
    fee = None if draft.fee is None else Money(minor=draft.fee, currency=currency)
    quote = ShownQuote(Money(minor=draft.price, currency=currency), draft.version, fee)
    return (
        OrderPaymentMethods(
            command_id=f"web:{command_id}:order",
            card_id=card_id,
            method_ids=draft.order,
            balance_first=draft.balance_first,
        ),
        EnableAutoRenew(
            command_id=f"web:{command_id}",
            card_id=card_id,
            months=draft.months,
            terms_version=TERMS_VERSION,
            channel=CHANNEL,
            shown=quote,
        ),
    )


def _quote(held: Held, draft: Draft) -> Quote | None:
    """Today's quote, if it is the one that was shown."""
    for one in held.quotes():
        fee = one.reactivation_fee.minor if one.reactivation_fee else None
        if (one.months, one.price.minor, one.catalogue_version, fee) == draft[:4]:
            return one
    return None


def _shown_quote(quote: Quote) -> ShownQuote:
    return ShownQuote(quote.price, quote.catalogue_version, quote.reactivation_fee)


async def _methods_of_others(visit: CardVisit) -> list[tuple[str, Markup]]:
    """Methods of the holder's other cards, which may be used for this one too: card and method, and a name."""
    bound = {one.instrument for one in visit.held.card.methods.bound}
    found: dict[str, tuple[str, Markup]] = {}
    cards, _ = await visit.portal.cards(visit.visitor.holder_id)
    for other in cards:
        for one in other.card.methods.bound:
            if one.instrument not in bound and one.method_id not in other.card.methods.ended:
                found.setdefault(one.instrument, (f"{other.card_id}/{one.method_id}", method_name(one, visit.say)))
    return list(found.values())


def _bound(held: Held) -> list[str]:
    return [one.method_id for one in held.card.methods.bound]


def _reference(command_id: str) -> str | None:
    """What a holder may quote to the support: the beginning of the command's id."""
    try:
        digits = UUID(command_id).hex[:8].upper()
    except ValueError:
        return None
    return f"{digits[:4]}-{digits[4:]}"
