"""Acting on a card in two steps: what would follow is shown before it is done; then it is done once, on record."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from adapters.dry_run import DryRunRecorder
from adapters.web.console.acts import ACTS, Act, Field, Filled
from adapters.web.console.doing import do_once
from adapters.web.console.proving import CODE, unproved
from adapters.web.console.reasons import EVIDENCE_MOST, REASON_MOST, text_fault
from adapters.web.console.record import known_as
from adapters.web.console.refusals import refusal_text, refused_field
from adapters.web.console.roles import PROVED_AGAIN
from adapters.web.console.visit import DeskRoute, DeskVisit
from adapters.web.pages.ids import command_id_of
from adapters.web.pages.paying import amount_of
from adapters.web.pages.portal import Held
from engine.application import Engine
from engine.card.facts import CardFacts
from engine.card.refunds import RefundStarted
from engine.commands import AnyCommand, Issued
from engine.errors import Refused
from engine.store.streams import Store
from engine.why.phrases import money
from engine.why.sentences import clause


class _Task(NamedTuple):
    """One act on one card, or on one of its charges."""

    act: Act
    held: Held
    attempt_id: UUID | None


def _routes(act: Act) -> tuple[DeskRoute, DeskRoute]:
    async def ask(visit: DeskVisit) -> Response:
        task = await _task(visit, act, visit.asked("attempt"))
        if task is None:
            return await visit.missing()
        return await _form(visit, task) if _fits(task) else await _unfit(visit, task)

    async def send(visit: DeskVisit) -> Response:
        task = await _task(visit, act, visit.form.get("attempt", ""))
        if task is None:
            return await visit.missing()
        taken = _fits(task) or await _was_sent(visit, task)
        return await _sent(visit, task) if taken else await _unfit(visit, task)

    path = f"/cards/{{card_id:uuid}}/{act.name}"
    return DeskRoute("GET", path, ask, act.action), DeskRoute("POST", path, send, act.action)


def _fits(task: _Task) -> bool:
    return task.act.fits_here(task.held.card, task.attempt_id)


async def _was_sent(visit: DeskVisit, task: _Task) -> bool:
    """Whether this form was sent before, and may be why the act does not fit any more, as after a double click."""
    async with visit.connection() as connection:
        before = await known_as(connection, command_id_of(visit.form))
    mine = visit.operator.operator_id, task.act.action, task.held.card_id
    return before is not None and before[:3] == mine


async def _unfit(visit: DeskVisit, task: _Task) -> Response:
    return await visit.page("unfit", 409, act=task.act, held=task.held)


async def _task(visit: DeskVisit, act: Act, attempt: str) -> _Task | None:
    """None for a card, or a charge of it, that does not exist."""
    card_id: UUID = visit.request.path_params["card_id"]
    found = await visit.desk.portal.held([card_id])
    if not found or (act.on_attempt and not attempt):
        return None
    if not attempt:
        return _Task(act, found[0], None)
    try:
        attempt_id = UUID(attempt)
    except ValueError:
        return None
    async with visit.connection() as connection:
        query = "SELECT FROM charges WHERE attempt_id = %s AND card_id = %s"
        known = (await connection.execute(query, (attempt_id, card_id))).rowcount
    return _Task(act, found[0], attempt_id) if known else None


async def _sent(visit: DeskVisit, task: _Task) -> Response:
    values = {one.name: visit.form.get(one.name, "").strip() for one in task.act.fields}
    errors = {one.name: wrong for one in task.act.fields if (wrong := _wrong(one, values, task.held))}
    command_id = f"console:{command_id_of(visit.form)}"
    command: AnyCommand | None = None
    if not errors:
        try:
            command = task.act.command(Filled(task.held.card, command_id, task.attempt_id, values))
        except ValidationError as error:
            errors = {str(one["loc"][0]): f"{one['msg']}." for one in error.errors()}
    if command is None:
        return await _form(visit, task, values, errors=errors, status=422)
    try:
        if visit.form.get("step") == "change":
            return await _form(visit, task, values)
        if visit.form.get("step") == "do":
            if wrong := await unproved(visit, task.act.action):
                facts = await asyncio.to_thread(_foreseen, visit, command)
                return await _form(visit, task, values, errors={CODE: wrong}, foreseen=facts, status=422)
            return await _do(visit, task, command, values)
        facts = await asyncio.to_thread(_foreseen, visit, command)
    except Refused as refused:
        field, said = refused_field(refused), refusal_text(refused)
        named = {field: said} if field in values else {}
        wrong = "" if named else said
        return await _form(visit, task, values, errors=named, wrong=wrong, status=409)
    return await _form(visit, task, values, foreseen=facts)


async def _do(visit: DeskVisit, task: _Task, command: AnyCommand, values: Mapping[str, str]) -> Response:
    async def work() -> str:
        facts = await visit.desk.portal.reply(Issued(command, visit.operator.actor))
        return "done" if facts else "done: it was so already"

    card = task.held.card
    reason = (values.get("reason") or values.get("evidence", ""))[:REASON_MOST]
    about = str(task.attempt_id) if task.attempt_id else None
    await do_once(
        visit,
        task.act.action,
        work,
        card_id=card.card_id,
        holder_id=card.custody.holder_id,
        about=about,
        reason=reason,
        again="yes",
    )
    return visit.go(f"/cards/{card.card_id}?done={command_id_of(visit.form)}")


def _foreseen(visit: DeskVisit, command: AnyCommand) -> CardFacts:
    """What the command would lead to at once; raises Refused and what else goes wrong. Nothing is stored."""
    store = Store(DryRunRecorder(visit.desk.recorder))
    rules, at = visit.desk.portal.read_rules()
    issued = Issued(command, visit.operator.actor)
    [reply] = Engine(store, visit.operator.actor).execute([issued], rules, at)
    if isinstance(reply, Exception):
        raise reply
    return reply


def _wrong(field: Field, values: Mapping[str, str], held: Held) -> str | None:
    """What is wrong with a field, if anything is."""
    value = values[field.name]
    if not value and (field.optional or field.kind == "check"):
        return None
    if field.kind == "choice":
        return None if value in dict(field.options) else "Choose one."
    if value and field.kind == "money":
        currency = held.card.custody.currency
        return None if amount_of(value, currency) else f"Give an amount in {currency}, such as 12.50."
    return text_fault(value, EVIDENCE_MOST if field.kind == "long" else REASON_MOST)


async def _form(
    visit: DeskVisit,
    task: _Task,
    values: Mapping[str, str] | None = None,
    *,
    errors: Mapping[str, str] | None = None,
    wrong: str = "",
    foreseen: CardFacts | None = None,
    status: int = 200,
) -> Response:
    typed = values or dict.fromkeys((one.name for one in task.act.fields), "")
    return await visit.page(
        "act",
        status,
        act=task.act,
        held=task.held,
        attempt_id=task.attempt_id,
        typed=typed,
        errors=errors or {},
        wrong=wrong,
        foreseen=None if foreseen is None else _sentences(foreseen),
        shown={one.name: _shown(one, typed[one.name], foreseen or ()) for one in task.act.fields},
        command_id=command_id_of(visit.form if foreseen is not None else {}),
        proves=task.act.action in PROVED_AGAIN,
    )


def _sentences(facts: CardFacts) -> list[str]:
    said = [clause(one, "UTC") for one in facts]
    return [f"{one[:1].upper()}{one[1:]}." for one in said]


def _shown(field: Field, value: str, facts: CardFacts) -> str:
    """What was typed, as it is confirmed; of a refund without an amount, how much that is."""
    if field.kind == "money" and not value:
        return next((f"{money(one.amount)}, all that is left" for one in facts if isinstance(one, RefundStarted)), "")
    return dict(field.options).get(value, value)


PAGES = tuple(route for act in ACTS for route in _routes(act))
"""`/cards/ID/ACT`."""
