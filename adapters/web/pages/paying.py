"""Payments that the holder asks for: the next term now, a top-up, and the standing order for top-ups."""

import re
from decimal import Decimal
from functools import partial
from unicodedata import normalize
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from adapters.web.pages.came_of_it import SINCE
from adapters.web.pages.due import due_now
from adapters.web.pages.going_back import on_its_way
from adapters.web.pages.ids import command_id_of, whole_number
from adapters.web.pages.naming import every, method_name
from adapters.web.pages.on_page import offered, pay_on_page, waiting
from adapters.web.pages.portal import Held
from adapters.web.pages.visit import CardRoute, CardVisit
from engine.card.charge import Due
from engine.card.methods import usable_methods
from engine.commands import AnyCommand, RenewNow, SetAutoTopUp, TopUp
from engine.money import Money, exponent

_POINTED = re.compile(r"(?:[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,2})(?:\.[0-9]{1,4})?")
_WITH_COMMA = re.compile(r"(?:[0-9]{1,9}|[0-9]{1,3}(?:\.[0-9]{3}){1,2}),[0-9]{1,2}")
"""A comma before one or two digits is a decimal one; before three it stands between thousands."""
_THREE_PLACES = re.compile(r"[0-9]+\.[0-9]{3}")
"""It may be a whole number of thousands, and is asked about."""
_PLACES = 3
_TYPED_MOST = 40
_AT_FIELD = {"amount_below_threshold": "refill", "above_method_limit": "amount"}
"""Refusals that one field of the form is about."""
UNITS_MOST = 1000
"""So many units of the currency at a time: a slip of the finger, or what a provider would refuse (our own choice)."""


async def _ask_to_pay(visit: CardVisit) -> Response:
    return _pay_page(visit)


async def _pay(visit: CardVisit) -> Response:
    command_id = f"web:{command_id_of(visit.form)}"
    term, minor = whole_number(visit.form.get("term", "")), whole_number(visit.form.get("minor", ""))
    if not term or minor is None:
        return _pay_page(visit, visit.say("That is not possible at the moment. Nothing was changed."), 422)
    shown = Due(term_number=term, amount=Money(minor=minor, currency=visit.held.card.custody.currency))
    command = RenewNow(command_id=command_id, card_id=visit.card_id, shown=shown)
    if brand := visit.form.get("by", ""):
        return await pay_on_page(visit, command, brand, partial(_pay_page, visit))
    refused = await visit.execute(command)
    return _go_and_tell(visit) if refused is None else _pay_page(visit, visit.refusal(refused), 409)


async def _ask_top_up(visit: CardVisit) -> Response:
    return _top_up_page(visit)


async def _top_up(visit: CardVisit) -> Response:
    command = _top_up_of(visit)
    if isinstance(command, dict):
        return _top_up_page(visit, errors=command, status=422)
    if isinstance(command, TopUp) and (brand := visit.form.get("by", "")):
        return await pay_on_page(visit, command, brand, partial(_top_up_page, visit))
    refused = await visit.execute(command)
    if refused is not None and refused.code in _AT_FIELD:
        return _top_up_page(visit, errors={_AT_FIELD[refused.code]: visit.refusal(refused)}, status=409)
    if refused is not None:
        return _top_up_page(visit, visit.refusal(refused), 409)
    return _go_and_tell(visit) if isinstance(command, TopUp) else visit.go()


def _go_and_tell(visit: CardVisit) -> Response:
    """To the card, which says what came of the payment; the same form again leads to the same address."""
    since = whole_number(visit.form.get(SINCE, ""))
    return visit.go(f"?{urlencode({SINCE: visit.held.version if since is None else since})}")


PAY, TOP_UP = "/pay", "/top-up"
PAGES = (
    CardRoute("GET", PAY, _ask_to_pay),
    CardRoute("POST", PAY, _pay),
    CardRoute("GET", TOP_UP, _ask_top_up),
    CardRoute("POST", TOP_UP, _top_up),
)


def _pay_page(visit: CardVisit, wrong: object = None, status: int = 200) -> Response:
    card, say = visit.held.card, visit.say
    due, is_open = due_now(visit.held), card.renewal is not None
    if due is None or card.consent is None:
        return visit.go("/renewal/period?off")
    methods = [method_name(one, say) for one in usable_methods(card)]
    return visit.page(
        "pay",
        status,
        due=due.amount,
        price=due.price,
        fee=due.fee,
        term=card.term.number + 1,
        paid_until=None if is_open or card.status != "active" else say.day(card.term.ends_on),
        period=every(card.consent.months, say),  # an offer of another period is made anew before it is charged
        methods=methods,
        wallets=offered(visit.portal, visit.held, say),
        goes_back=on_its_way(card, say),
        waiting=waiting(visit.held, say),
        can_pay=bool(methods) or card.methods.balance_first,
        balance_first=card.methods.balance_first,
        command_id=command_id_of({}),
        since=visit.held.version,
        wrong=wrong,
    )


def _top_up_page(
    visit: CardVisit, wrong: object = None, status: int = 200, *, errors: dict[str, Markup] | None = None
) -> Response:
    card, say = visit.held.card, visit.say
    order = card.top_ups.standing_order
    found = usable_methods(card)
    kept = {"threshold": _plain(order.threshold), "refill": _plain(order.amount)} if order else {}
    return visit.page(
        "top_up",
        status,
        currency=card.custody.currency,
        method=method_name(found[0], say) if found else None,
        wallets=offered(visit.portal, visit.held, say),
        goes_back=on_its_way(card, say),
        waiting=waiting(visit.held, say),
        order=order,
        least=_least(visit.held) if visit.held.rules.catalogue.minimum_charge(card.custody.currency) else None,
        most=_units(UNITS_MOST, card.custody.currency),
        about_order=visit.form.get("do") in ("order", "stop"),
        typed={"amount": "", "threshold": "", "refill": "", **kept, **visit.form},
        errors=errors or {},
        wrong=wrong,
        command_id=command_id_of({}),
        since=visit.held.version,
    )


def _top_up_of(visit: CardVisit) -> AnyCommand | dict[str, Markup]:
    """The command of the form, or what is wrong with its fields."""
    form, say, currency = visit.form, visit.say, visit.held.card.custody.currency
    command_id = f"web:{command_id_of(form)}"
    if form.get("do") == "stop":
        return SetAutoTopUp(command_id=command_id, card_id=visit.card_id)
    wrong: dict[str, Markup] = {}
    wanted = ("threshold", "refill") if form.get("do") == "order" else ("amount",)
    amounts: list[Money] = []
    for name in wanted:
        amount = amount_of(form.get(name, ""), currency)
        if amount is None:
            wrong[name] = say("Give an amount, such as %(example)s.", example=_plain(_units(50, currency)))
        elif name != "threshold" and amount.minor < (least := _least(visit.held)).minor:
            wrong[name] = say("At least %(least)s at a time.", least=say.money(least))
        elif amount.minor > _units(UNITS_MOST, currency).minor:
            wrong[name] = say("At most %(most)s at a time.", most=say.money(_units(UNITS_MOST, currency)))
        else:
            amounts.append(amount)
    if wrong:
        return wrong
    if len(amounts) == 1:
        return TopUp(command_id=command_id, card_id=visit.card_id, amount=amounts[0])
    return SetAutoTopUp(command_id=command_id, card_id=visit.card_id, threshold=amounts[0], amount=amounts[1])


def amount_of(text: str, currency: str) -> Money | None:
    """The amount that a holder typed, above nothing; None for what is none."""
    cleaned = normalize("NFKC", text[:_TYPED_MOST]).strip().strip("¥$€£ ")  # full-width digits are digits
    if _WITH_COMMA.fullmatch(cleaned):
        cleaned = cleaned.replace(".", "").replace(",", ".")
    elif not _POINTED.fullmatch(cleaned) or (_THREE_PLACES.fullmatch(cleaned) and exponent(currency) < _PLACES):
        return None
    minor = Decimal(cleaned.replace(",", "")).scaleb(exponent(currency))
    return Money(minor=int(minor), currency=currency) if minor > 0 and minor == minor.to_integral_value() else None


def _least(held: Held) -> Money:
    """The least that the provider charges."""
    currency = held.card.custody.currency
    return Money(minor=max(held.rules.catalogue.minimum_charge(currency), 1), currency=currency)


def _plain(amount: Money) -> str:
    return f"{Decimal(amount.minor).scaleb(-exponent(amount.currency)):f}"


def _units(count: int, currency: str) -> Money:
    return Money(minor=count * 10 ** exponent(currency), currency=currency)
