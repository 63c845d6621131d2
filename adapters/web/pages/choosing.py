"""The pages on which a holder chooses a period, and what is charged first."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import uuid4

from markupsafe import Markup
from starlette.responses import Response

from adapters.web.pages.adding import charged_by_adding
from adapters.web.pages.came_of_it import came_of_it
from adapters.web.pages.draft import Draft
from adapters.web.pages.listing import listing_of
from adapters.web.pages.naming import dated_method_name, every, named
from adapters.web.pages.portal import Held
from adapters.web.pages.visit import CardVisit
from adapters.web.voice import Voice
from engine.card.methods import PaymentMethod
from engine.catalogue import Quote
from engine.money import Money


def period_page(
    visit: CardVisit,
    draft: Draft | None,
    *,
    changed: bool = False,
    errors: dict[str, Markup] | None = None,
    status: int = 200,
) -> Response:
    """The periods with their prices; 422 with what is wrong."""
    held, say, consent = visit.held, visit.say, visit.held.card.consent
    quotes = held.quotes()
    return visit.page(
        "period",
        status,
        rows=[_row(one, say) for one in quotes],
        chosen=draft.months if draft else consent.months if consent else _renewed_for(held, quotes),
        running=consent.months if consent else None,
        changed=changed,
        expired="expired" in visit.request.query_params,
        anew="anew" in visit.request.query_params and draft is None,
        is_off=consent is None and "off" in visit.request.query_params,
        errors=errors or {},
    )


def _renewed_for(held: Held, quotes: Sequence[Quote]) -> int | None:
    """The period of the running term, where it was bought by a renewal; else the holder has to choose one."""
    term = held.card.term
    months = 12 * (term.ends_on.year - term.starts_on.year) + term.ends_on.month - term.starts_on.month
    return months if term.number and any(one.months == months for one in quotes) else None


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


async def payment_page(
    visit: CardVisit, draft: Draft, *, errors: dict[str, Markup] | None = None, status: int = 200
) -> Response:
    """The methods of the card, those of the holder's other cards, and the balance; 422 with what is wrong."""
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
        new_id=uuid4,
        renewed="renewed" in visit.request.query_params,
        changed="changed" in visit.request.query_params,
        charged_at_once=charged_by_adding(held),
        came_of_it=await came_of_it(visit.portal, visit.request, held, say),
        errors=errors or {},
    )


async def _methods_of_others(visit: CardVisit) -> list[tuple[str, Markup, str]]:
    """Methods of the holder's other cards, which may be used for this one too: card and method, name, card's number.

    One of the same name as another, or as one that is bound, is named with its kind.
    """
    bound = visit.held.card.methods.bound
    known = {one.instrument for one in bound}
    found: dict[str, tuple[str, PaymentMethod, str]] = {}
    for other in (await listing_of(visit.portal, visit.visitor)).held:
        for one in other.card.methods.bound:
            if one.instrument not in known and one.method_id not in other.card.methods.ended:
                found.setdefault(
                    one.instrument, (f"{other.card_id}/{one.method_id}", one, other.number or str(other.card_id)[:8])
                )
    names = named([*bound, *(one for _, one, _ in found.values())], visit.say)[len(bound) :]
    return [(use, name, number) for (use, _, number), (_, name) in zip(found.values(), names, strict=True)]
