"""Payment cards that a code or an issuer's advice has blocked for every card, and allowing one again."""

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row
from starlette.responses import Response

from adapters.allowing import Allowance, allow
from adapters.web.console.doing import do_once
from adapters.web.console.reasons import text_fault
from adapters.web.console.refusals import refusal_text, refused_field
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import command_id_of
from engine.errors import Refused

MOST = 200
_BLOCKED: LiteralString = """
    SELECT fingerprint, nullif(until, 'infinity') AS until FROM card_events_blocked
    WHERE until > %s ORDER BY until DESC, fingerprint LIMIT %s
"""


class _Blocked(NamedTuple):
    fingerprint: str
    until: datetime | None


async def _list(visit: DeskVisit) -> Response:
    return await _shown(visit, fingerprint=visit.asked("fingerprint")[:200])


async def _shown(
    visit: DeskVisit,
    status: int = 200,
    *,
    fingerprint: str = "",
    reason: str = "",
    errors: dict[str, str] | None = None,
) -> Response:
    now = await visit.desk.business_now()
    async with visit.connection() as connection, connection.cursor(row_factory=class_row(_Blocked)) as cursor:
        found = await (await cursor.execute(_BLOCKED, (now, MOST + 1))).fetchall()
    typed = {"fingerprint": fingerprint, "reason": reason}
    more = len(found) > MOST
    return await visit.page("payment_cards", status, blocked=found[:MOST], more=more, typed=typed, errors=errors or {})


async def _allow(visit: DeskVisit) -> Response:
    fingerprint, reason = visit.form.get("fingerprint", "").strip(), visit.form.get("reason", "").strip()
    wanted = {"fingerprint": fingerprint, "reason": reason}
    errors = {name: wrong for name, value in wanted.items() if (wrong := text_fault(value))}
    if errors:
        return await _shown(visit, 422, fingerprint=fingerprint, reason=reason, errors=errors)
    allowance = Allowance(fingerprint, reason, visit.operator.actor, f"console:{command_id_of(visit.form)}")

    def work(connection: Connection[Any]) -> str:
        rules, at = visit.desk.portal.read_rules()
        done = allow(connection, visit.desk.recorder, visit.desk.portal.engine, allowance, rules, at)
        return f"allowed on {done.cards} cards, {len(done.failed)} failed"

    try:
        await do_once(
            visit, "allow_payment_card", lambda: visit.desk.work(work), about=fingerprint, reason=reason, again="yes"
        )
    except Refused as refused:
        field = refused_field(refused)
        errors = {field if field in wanted else "reason": refusal_text(refused)}
        return await _shown(visit, 409, fingerprint=fingerprint, reason=reason, errors=errors)
    return visit.go("/payment-cards")


PAGES = (
    DeskRoute("GET", "/payment-cards", _list),
    DeskRoute("POST", "/payment-cards", _allow, "allow_payment_card"),
)
"""`/payment-cards`."""
