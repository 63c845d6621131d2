"""Switching auto-renewal on, or changing its period: period, payment, review, done. Each step is a page and a form.

What was chosen is kept in the session, with the price that was shown; another price by then is shown and asked again.
"""

from uuid import UUID

from starlette.responses import Response

from adapters.web.pages.agreeing import TERMS_VERSION, commands_of, preview_of, quote_of
from adapters.web.pages.ahead import coming_up, next_payment
from adapters.web.pages.alerts import alert_of
from adapters.web.pages.came_of_it import LOOKED_AT, CameOfIt, again_at, said_of
from adapters.web.pages.choosing import payment_page, period_page
from adapters.web.pages.draft import Draft, draft_of, save, seal_of
from adapters.web.pages.ids import command_id_of, is_uuid
from adapters.web.pages.naming import dated_method_name, every, is_period, named
from adapters.web.pages.portal import Held
from adapters.web.pages.standing import standing_of
from adapters.web.pages.told_at import told_at
from adapters.web.pages.visit import CardRoute, CardVisit
from engine.errors import Refused
from engine.money import Money

# Steps


async def _period(visit: CardVisit) -> Response:
    return period_page(visit, draft_of(visit), changed="changed" in visit.request.query_params)


async def _choose_period(visit: CardVisit) -> Response:
    held, months = visit.held, is_period(visit.form.get("months", ""))
    quote = next((one for one in held.quotes() if one.months == months), None)
    before = draft_of(visit)
    if quote is None:
        return period_page(visit, before, errors={"months": visit.say("Choose how often to renew.")}, status=422)
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
    return visit.go(PERIOD) if draft is None else await payment_page(visit, draft)


async def _choose_payment(visit: CardVisit) -> Response:
    draft, bound = draft_of(visit), _bound(visit.held)
    if draft is None:
        return visit.go(PERIOD)
    first = visit.form.get("first", "")
    if first not in bound:
        wrong = visit.say("Choose what is charged first.") if bound else visit.say("Add a way to pay first.")
        return await payment_page(visit, draft, errors={"first": wrong}, status=422)
    order = (first, *(one for one in bound if one != first))
    await save(visit, draft._replace(order=order, balance_first="balance_first" in visit.form, has_payment=True))
    return visit.go(REVIEW)


async def _review(visit: CardVisit) -> Response:
    draft = draft_of(visit)
    if draft is None:
        return visit.go(PERIOD)
    if not draft.has_payment or sorted(draft.order) != sorted(_bound(visit.held)):
        return visit.go(PAYMENT)
    return visit.go(f"{PERIOD}?changed") if quote_of(visit.held, draft) is None else await _review_page(visit, draft)


async def _confirm(visit: CardVisit) -> Response:
    draft, command_id = draft_of(visit), command_id_of(visit.form)
    done = f"{DONE}?reference={command_id}"
    if draft is None:  # sent twice, and the first one is done; or another tab has confirmed; or it has expired
        otherwise = "" if visit.held.card.consent else f"{PERIOD}?expired"
        return visit.go(done if await visit.has_done(f"web:{command_id}") else otherwise)
    if visit.form.get("choice") != seal_of(draft):  # another tab has chosen otherwise since
        return visit.go(f"{REVIEW}?changed")
    if quote_of(visit.held, draft) is None:  # before anything is done: a consent that runs keeps its order of methods
        return visit.go(CHOSEN_ANEW["price_changed"])
    if await told_at(visit) is None:  # the reminders before a charge would reach nobody
        return visit.go(REVIEW)
    refused = await visit.agree(*commands_of(visit.held, draft, command_id))
    if refused is not None and refused.code in CHOSEN_ANEW:
        return visit.go(CHOSEN_ANEW[refused.code])
    if refused is not None:
        return await _review_page(visit, draft, refused=refused, status=409)
    await save(visit, None)
    return visit.go(done)


async def _done(visit: CardVisit) -> Response:
    held, asked = visit.held, visit.request.query_params
    if held.card.consent is None:
        return visit.go()
    foreseen, standing, reference = held.outlook(), standing_of(held.card), asked.get("reference", "")
    payment = next_payment(held.card, foreseen)
    charged_now = payment if payment is not None and payment.at <= held.at else None
    again = again_at(visit.request, reference=reference)
    return visit.page(
        "done",
        task=None,
        reference=_reference(reference),
        is_done=standing == "active" and charged_now is None,
        charged_now=charged_now,
        alert=None if charged_now else alert_of(held, standing, visit.say),
        again=again if charged_now or standing == "waiting" else None,
        paid=await _paid(visit, reference),
        coming=coming_up(held.card, standing, foreseen, visit.say),
        notices_to=await told_at(visit),
    )


async def _paid(visit: CardVisit, reference: str) -> CameOfIt | None:
    """The payment that followed from the consent at once, if it is made."""
    found, _ = await visit.portal.newest_of(visit.held, None, LOOKED_AT)
    agreed = [one.version for one in found if is_uuid(reference) and one.cause.startswith(f"web:{reference}")]
    said = said_of(found, agreed[-1], visit.held, visit.say, again=None) if agreed else None
    return said if said is not None and said.tone == "good" else None


PERIOD, PAYMENT, REVIEW, DONE = "/renewal/period", "/renewal/payment", "/renewal/review", "/renewal/done"
ANEW = f"{PERIOD}?anew"
"""Where who had to sign in meanwhile begins again: what was chosen went with the session."""
CHOSEN_ANEW = {"price_changed": f"{PERIOD}?changed", "not_the_methods": f"{PAYMENT}?changed"}
PAGES = (
    CardRoute("GET", PERIOD, _period),
    CardRoute("POST", PERIOD, _choose_period),
    CardRoute("GET", PAYMENT, _payment, ANEW),
    CardRoute("POST", PAYMENT, _choose_payment, ANEW),
    CardRoute("GET", REVIEW, _review, ANEW),
    CardRoute("POST", REVIEW, _confirm, ANEW),
    CardRoute("GET", DONE, _done),
)
"""`/cards/ID/renewal/…`."""


# Pages


async def _review_page(
    visit: CardVisit, draft: Draft, *, refused: Refused | None = None, status: int = 200
) -> Response:
    held, say = visit.held, visit.say
    quote = quote_of(held, draft)
    preview = None if quote is None else preview_of(held, draft, quote, say)
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
        notices_to=await told_at(visit),
        notice_days=held.plan.notice_days if held.plan else None,
        lead_days=held.rules.policy.lead_days,
        ladder=held.rules.policy.ladder_days,
        ladder_then=held.rules.policy.ladder_then_every_days,
        terms_version=TERMS_VERSION,
        command_id=command_id_of({}),
        choice=seal_of(draft),
        changed="changed" in visit.request.query_params,
        refused=None if refused is None else visit.refusal(refused),
        is_change=held.card.consent is not None,
    )


def _bound(held: Held) -> list[str]:
    return [one.method_id for one in held.card.methods.bound]


def _reference(command_id: str) -> str | None:
    """What a holder may quote to the support: the beginning of the command's id."""
    try:
        digits = UUID(command_id).hex[:8].upper()
    except ValueError:
        return None
    return f"{digits[:4]}-{digits[4:]}"
