"""Stopping and resuming all charging: the first thing to reach for on a bad night."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from psycopg import Connection
from starlette.responses import Response

from adapters.breaker import close_if_nothing_is_open
from adapters.charged_through import check_gateway
from adapters.control import begin_stop, blocked_cards, charging_stopped_since, resume_charging
from adapters.planning_anew import planned_anew
from adapters.web.console.doing import do_once
from adapters.web.console.proving import CODE, unproved
from adapters.web.console.reasons import text_fault
from adapters.web.console.record import Recorded as Entered
from adapters.web.console.record import list_entries
from adapters.web.console.refusals import refusal_text
from adapters.web.console.roles import Action
from adapters.web.console.visit import BY, DeskRoute, DeskVisit
from engine.envelope import Recorded
from engine.errors import Refused
from engine.operations import ChargingResumed
from engine.store.operations import operations_history
from engine.why.sentences import clause

WORD = {"stop": "STOP", "resume": "RESUME"}
"""What is typed, so that nobody does it by a slip of the hand."""
_HISTORY_MOST = 50
_ONE_ACT = timedelta(minutes=1)


async def _ask(visit: DeskVisit) -> Response:
    return await _shown(visit)


async def _shown(
    visit: DeskVisit, status: int = 200, *, errors: dict[str, str] | None = None, wrong: str = ""
) -> Response:
    history = await visit.desk.work(lambda _: operations_history(visit.desk.recorder))
    newest = list(reversed(history[-_HISTORY_MOST:]))
    names = await visit.names({one.actor for one in newest})
    async with visit.connection() as connection:
        resumed = await list_entries(connection, _HISTORY_MOST, action="resume_charging")
    rows = [(one.fact.at, names[one.actor], said) for one in newest if (said := _sentence(one, resumed))]
    typed = {name: visit.form.get(name, "") for name in ("reason", "word")}
    return await visit.page("charging", status, history=rows, typed=typed, errors=errors or {}, wrong=wrong, words=WORD)


def _sentence(recorded: Recorded, resumed: Sequence[Entered]) -> str:
    """What was decided and why; the fact of a resumption holds no reason, so the record gives it."""
    said = clause(recorded.fact, "UTC")
    if not said:
        return ""
    reasons = (one.reason for one in resumed if f"{BY}{one.operator_id}" == recorded.actor and _at_once(one, recorded))
    why = next(reasons, None) if isinstance(recorded.fact, ChargingResumed) else None
    return f"{said[:1].upper()}{said[1:]}{f': “{why}”' if why else ''}."


def _at_once(entered: Entered, recorded: Recorded) -> bool:
    """Whether the two are one act; their times are of two clocks."""
    return abs(entered.at - recorded.recorded_at) < _ONE_ACT


async def _stop(visit: DeskVisit) -> Response:
    reason = visit.form.get("reason", "").strip()
    errors = _typed_wrong(visit, "stop") or await _unproved(visit, "stop_charging")
    if errors:
        return await _shown(visit, 422, errors=errors)

    def work(connection: Connection[Any], *, repeated: bool = False) -> str:
        _, at = visit.desk.portal.read_rules()
        begin_stop(connection, visit.desk.recorder, reason, visit.operator.actor, at, same_again=repeated)
        return "done"

    try:
        await do_once(
            visit,
            "stop_charging",
            lambda: visit.desk.work(work),
            reason=reason,
            again=lambda: visit.desk.work(partial(work, repeated=True)),
        )
    except Refused as refused:
        return await _shown(visit, 409, wrong=refusal_text(refused))
    return visit.go("/charging")


async def _resume(visit: DeskVisit) -> Response:
    reason = visit.form.get("reason", "").strip()
    errors = _typed_wrong(visit, "resume") or await _unproved(visit, "resume_charging")
    if errors:
        return await _shown(visit, 422, errors=errors)
    try:
        await do_once(visit, "resume_charging", lambda: visit.desk.work(partial(_resumed, visit)), reason=reason)
    except Refused as refused:
        return await _shown(visit, 409, wrong=refusal_text(refused))
    return visit.go("/charging")


def _resumed(visit: DeskVisit, connection: Connection[Any]) -> str:
    """Resume, and wake the cards that were kept from being charged; what a provider that was down blocked, too."""
    desk, by = visit.desk, visit.operator.actor
    check_gateway(connection, desk.settings.gateway)
    was_stopped = charging_stopped_since(connection) is not None
    _, at = desk.portal.read_rules()
    resume_charging(connection, desk.recorder, by, at)
    close_if_nothing_is_open(connection)
    cause, cards, failed = "console: charging resumed", blocked_cards(connection), 0
    woken = 0
    for _, result in planned_anew(desk.portal.engine, desk.portal.read_rules, cards, cause, by):
        woken, failed = woken + result.facts, failed + len(result.failed)
    return f"{'resumed' if was_stopped else 'was not stopped'}; {woken} cards woken, {failed} failed"


def _typed_wrong(visit: DeskVisit, what: str) -> dict[str, str]:
    typed, wrong = visit.form.get("word", "").strip().upper(), text_fault(visit.form.get("reason", "").strip())
    errors = {"reason": wrong} if wrong else {}
    return errors if typed == WORD[what] else errors | {"word": f"Type {WORD[what]}."}


async def _unproved(visit: DeskVisit, action: Action) -> dict[str, str]:
    wrong = await unproved(visit, action)
    return {CODE: wrong} if wrong else {}


PAGES = (
    DeskRoute("GET", "/charging", _ask),
    DeskRoute("POST", "/charging/stop", _stop, "stop_charging"),
    DeskRoute("POST", "/charging/resume", _resume, "resume_charging"),
)
"""`/charging`, and what is done there."""
