"""A card's payment methods: their order, removal, and a new one on the provider's hosted page."""

import re
from urllib.parse import urlencode
from uuid import UUID, uuid4

import structlog
from psycopg import OperationalError
from starlette.responses import Response

from adapters.bindings import WITH_CARD, Bindings, Outcome, begin_binding
from adapters.gateways.pages import ReturnAddresses
from adapters.web.door import Form, see_other
from adapters.web.pages.accounts.waiting import wait_sentence, waiting
from adapters.web.pages.adding import charged_by_adding
from adapters.web.pages.came_of_it import SINCE, again_at, came_of_it
from adapters.web.pages.ids import command_id_of, is_uuid, whole_number
from adapters.web.pages.naming import named
from adapters.web.pages.portal import Held
from adapters.web.pages.visit import CardRoute, CardVisit
from engine.commands import BindPaymentMethod, OrderPaymentMethods, RemovePaymentMethod
from engine.errors import BaohaoError, Refused

log = structlog.get_logger()

_SESSION_ID = re.compile(r"[A-Za-z0-9_]{1,200}")
_BUTTON = re.compile(r"(up|down|remove):.+|balance:(first|last)")
METHODS = "/methods"
_BACK: dict[str, str] = {"payment": "/renewal/payment", "methods": METHODS}
"""Where a holder who added a method goes on."""


async def _listed(visit: CardVisit, *, wrong: object = None, status: int = 200) -> Response:
    methods = visit.held.card.methods
    return visit.page(
        "methods",
        status,
        task=None,
        methods=[(one, name, one.method_id in methods.ended) for one, name in named(methods.bound, visit.say)],
        balance_first=methods.balance_first,
        can_add=visit.portal.hosted is not None,
        new_id=uuid4,
        renewed="renewed" in visit.request.query_params,
        charged_at_once=charged_by_adding(visit.held),
        came_of_it=await came_of_it(visit.portal, visit.request, visit.held, visit.say),
        wrong=wrong,
    )


async def _show(visit: CardVisit) -> Response:
    return await _listed(visit)


async def _make_change(visit: CardVisit) -> Response:
    if not _BUTTON.fullmatch(visit.form.get("do", "")):
        return visit.missing()
    if visit.form["do"].startswith("remove:") and not visit.is_proved:
        return visit.prove(METHODS)
    change = _change(visit.held, visit.form)
    refused = change if change is None or isinstance(change, Refused) else await visit.execute(change)
    if refused is not None:
        return await _listed(visit, wrong=visit.refusal(refused), status=409)
    return visit.go(METHODS)


async def _use_other(visit: CardVisit) -> Response:
    """A method of another card of the same holder is used for this one as well."""
    if not visit.is_proved:
        return visit.prove(_BACK["payment"])
    other_id, _, method_id = visit.form.get("use", "").partition("/")
    other = await visit.portal.card(visit.visitor.holder_id, UUID(other_id)) if is_uuid(other_id) else None
    bound = other.card.methods.bound if other else ()
    found = next((one for one in bound if one.method_id == method_id), None)
    if found is None:
        return visit.missing()
    command_id = f"web:{command_id_of(visit.form)}"
    refused = await visit.execute(BindPaymentMethod(command_id=command_id, card_id=visit.card_id, method=found))
    if refused is not None:
        return await _listed(visit, wrong=visit.refusal(refused), status=409)
    return visit.go(f"{_BACK['payment']}?{urlencode({SINCE: visit.held.version})}")


async def _add(visit: CardVisit) -> Response:
    """To the provider's page."""
    portal, to = visit.portal, visit.form.get("to", "")
    if portal.hosted is None or to not in _BACK:
        return visit.missing()
    if not visit.is_proved:
        return visit.prove(_BACK[to])
    if wait := visit.wait_for_provider():
        return waiting(await _listed(visit, wrong=wait_sentence(wait, visit.say)), wait)
    here = f"{portal.origin}{visit.home}"
    way_back = urlencode({"to": to, SINCE: visit.held.version})
    back = ReturnAddresses(f"{here}{METHODS}/return?{way_back}", f"{here}{_BACK[to]}")
    key = f"bind:{command_id_of(visit.form)}:{visit.held.version}:{to}"  # one page for one form, of a double click too
    try:
        async with portal.pool.connection() as connection:
            hosted = await begin_binding(portal.hosted, connection, visit.held.card, back, key)
    except BaohaoError as error:
        log.warning("binding.not_begun", card_id=str(visit.card_id), error=str(error))
        wrong = visit.say("The payment company does not answer. Nothing was changed. Try again later.")
        return await _listed(visit, wrong=wrong, status=503)
    return see_other(hosted.address)


async def _return(visit: CardVisit) -> Response:
    """Back from the provider's page."""
    query, bindings = visit.request.query_params, visit.portal.bindings
    session_id, to = query.get("session_id", ""), query.get("to", "")
    if bindings is None or to not in _BACK or not _SESSION_ID.fullmatch(session_id):
        return visit.missing()
    outcome = "waiting" if visit.wait_for_provider() else await _completed(bindings, session_id)
    since = {SINCE: whole_number(query.get(SINCE, "")) or visit.held.version}
    if outcome in WITH_CARD:
        told = urlencode(since | ({"renewed": ""} if outcome == "renewed" else {}))
        return visit.go(f"{_BACK[to]}?{told}")
    again = again_at(visit.request, to=to, session_id=session_id, **since)
    return visit.page(
        "returned",
        here=f"{visit.home}{METHODS}",
        outcome=outcome,
        again=again if outcome == "waiting" else None,
        charged_at_once=charged_by_adding(visit.held),
        back=f"{visit.home}{_BACK[to]}",
    )


PAGES = (
    CardRoute("GET", METHODS, _show),
    CardRoute("POST", METHODS, _make_change),
    CardRoute("POST", f"{METHODS}/other", _use_other),
    CardRoute("POST", f"{METHODS}/new", _add),
    CardRoute("GET", f"{METHODS}/return", _return),
)
"""`/cards/ID/methods…`."""


def _change(held: Held, form: Form) -> OrderPaymentMethods | RemovePaymentMethod | Refused | None:
    """The command for a button: `up:ID`, `down:ID`, `remove:ID`, `balance:first`, `balance:last`.

    None: it is so already.
    """
    what, _, method_id = form.get("do", "").partition(":")
    card_id, methods = held.card_id, held.card.methods
    command_id = f"web:{command_id_of(form)}"
    order = [one.method_id for one in methods.bound]
    if what == "balance":
        balance_first = method_id == "first"
        return OrderPaymentMethods(
            command_id=command_id, card_id=card_id, method_ids=tuple(order), balance_first=balance_first
        )
    if what == "remove":  # also of one that is gone: a repeated command is done, another one is refused
        return RemovePaymentMethod(command_id=command_id, card_id=card_id, method_id=method_id)
    if method_id not in order:
        return Refused("unknown_method", "it is not bound to the card any more")
    moved = _moved(order, method_id, what)
    if moved is None:
        return None
    return OrderPaymentMethods(
        command_id=command_id, card_id=card_id, method_ids=moved, balance_first=methods.balance_first
    )


def _moved(order: list[str], method_id: str, what: str) -> tuple[str, ...] | None:
    place = order.index(method_id)
    to = place + {"up": -1, "down": 1}.get(what, 0)
    if to == place or not 0 <= to < len(order):
        return None
    order[place], order[to] = order[to], order[place]
    return tuple(order)


async def _completed(bindings: Bindings, session_id: str) -> Outcome:
    try:
        return await bindings.complete(session_id)
    except (BaohaoError, OperationalError) as error:
        if isinstance(error, Refused):
            return "refused"
        log.warning("binding.waits", error=str(error))
        return "waiting"  # the provider notifies us of it as well
