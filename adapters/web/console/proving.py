"""The second factor once more before money moves: a session that was left open, or stolen, is not enough for that."""

import asyncio
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from adapters.directory.answers import Wait
from adapters.directory.trying import Tried, judged
from adapters.web.console.proof import step_of
from adapters.web.console.record import Entry, begin, known_as
from adapters.web.console.roles import PROVED_AGAIN, Action
from adapters.web.console.visit import DeskVisit
from adapters.web.pages.ids import command_id_of

CODE = "code"
"""The field of the form."""
GIVE = "Give the six digits that the authenticator app shows now."
WRONG = "That is not the code of this moment, or it was used already. Wait for the next one."


LOOKS, BETWEEN_LOOKS_S = 20, 0.1
"""How long the first of two clicks has to record what it does, after it has used the code."""


class _Proof(NamedTuple):
    totp_secret: str
    totp_step: int


async def unproved(visit: DeskVisit, action: Action) -> str | None:
    """What is wrong with the code of a form that moves money; None where it is right, or where none is asked for.

    A form that was taken with a right code is taken again without one, as after a double click: it does nothing more.
    """
    if action not in PROVED_AGAIN:
        return None
    typed = visit.form.get(CODE, "")
    async with visit.connection() as connection:
        if await _was_taken(connection, visit, action):
            return None
        if not typed.strip():
            return GIVE
        wrong = await _wrong(connection, visit, typed)
        return None if wrong and await _is_being_taken(connection, visit, action, typed) else wrong


async def _is_being_taken(connection: AsyncConnection[Any], visit: DeskVisit, action: Action, typed: str) -> bool:
    """Whether the first of two clicks has taken the form, or has just used its code and is about to."""
    proof = await _proof_of(connection, visit)
    used = proof is not None and step_of(proof.totp_secret, typed, visit.at.now) == proof.totp_step
    for _ in range(LOOKS if used else 1):
        if await _was_taken(connection, visit, action):
            return True
        await asyncio.sleep(BETWEEN_LOOKS_S if used else 0)
    return False


async def _was_taken(connection: AsyncConnection[Any], visit: DeskVisit, action: Action) -> bool:
    """Whether this very form was taken before, and not refused."""
    before = await known_as(connection, command_id_of(visit.form))
    if before is None or before[:2] != (visit.operator.operator_id, action):
        return False
    return not (before.outcome or "").startswith("refused")


async def _wrong(connection: AsyncConnection[Any], visit: DeskVisit, typed: str) -> str | None:
    async def judge() -> bool:
        return await _taken(connection, visit, typed)

    right = await judged(connection, Tried("operator_proof", visit.operator.operator_id), judge, visit.at)
    if isinstance(right, Wait):
        return f"Too many tries. Try again in {right.seconds} s."
    if not right:
        await begin(connection, Entry(visit.operator.operator_id, "prove"), visit.at.now, "failed")
        return WRONG
    return None


async def _taken(connection: AsyncConnection[Any], visit: DeskVisit, typed: str) -> bool:
    """Whether it is the code of this moment; it is taken, so that nobody uses it again."""
    operator_id, proof = visit.operator.operator_id, await _proof_of(connection, visit)
    if proof is None:
        return False
    step = step_of(proof.totp_secret, typed, visit.at.now, proof.totp_step)
    if step is None:
        return False
    query = "UPDATE operators SET totp_step = %s WHERE operator_id = %s AND totp_step < %s AND totp_secret = %s"
    taken = await connection.execute(query, (step, operator_id, step, proof.totp_secret))
    return taken.rowcount > 0


async def _proof_of(connection: AsyncConnection[Any], visit: DeskVisit) -> _Proof | None:
    query = "SELECT totp_secret, totp_step FROM operators WHERE operator_id = %s AND removed_at IS NULL"
    row = await (await connection.execute(query, (visit.operator.operator_id,))).fetchone()
    return _Proof(*row) if row else None
