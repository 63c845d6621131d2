"""A gateway that moves pretend money, keeps its own record of it, and fails in the ways real ones fail.

A method's token says how it behaves: `sim:<behaviour>[:<argument>]:<unique>`, where `<unique>` is anything.

    good                        the money moves
    slow                        the same, after three times the delay
    expired, lost               declined as `expired_card`, `lost_card`
    declined:<codes>            always declined, with these codes
    insufficient_until:<date>   declined as `insufficient_funds` before that UTC day (2027-03-01), then good
    flaky:<percent>[+<codes>]   declined with that probability, as `do_not_honor` or with these codes
    timeout_charged             the money moves, but the first answer never comes
    timeout_uncharged           the first request never arrives; asked again, the money moves
    server_error                the first answer is a 5xx; whether the request had arrived is left to chance
    silent                      no money moves, and neither a charge nor a look-up is ever answered

`<codes>` is a decline code, then a network's advice code and its own code if there are any, joined by `+`:
`declined:do_not_honor+24`, or `declined:generic_decline++04` without an advice code.

Chance is a function of the seed and the attempt id, so the same calls have the same results in any process and
any order. Keys live as long as Stripe's: for 24 hours of business time the same request gets the same answer,
after that it is a new request, which moves money again. An engine that sends too late is found out. Refunds are
known for ever; the first answer about one has the same trouble as the first about its charge.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from adapters.gateways.simulated_methods import DECLINES, TROUBLES, Method, method_of
from adapters.gateways.simulated_record import (
    CHARGED,
    Saved,
    double_charges,
    known,
    movement_of,
    open_record,
    outcome_of,
    refund_of,
    save,
    totals,
    write,
    write_refund,
)
from engine.errors import GatewayMisuseError
from engine.money import Money
from engine.ports import (
    Answer,
    Charged,
    ChargeRequest,
    Declined,
    NotFound,
    RefundAnswer,
    RefundDeclined,
    Refunded,
    RefundRequest,
    Unclear,
)

__all__ = ["KEY_LIFETIME", "SimulatedGateway", "double_charges", "totals"]

KEY_LIFETIME = timedelta(hours=24)
"""How long an arrived idempotency key is known, in business time (Stripe prunes keys after 24 hours)."""

_UNAVAILABLE = Unclear(reason="gateway_unavailable")
_SLOW_TIMES = 3
_BUDGET_PARTS = _SLOW_TIMES + 1
_Heard = Answer | GatewayMisuseError


class _Ask(NamedTuple):
    request: ChargeRequest
    at: datetime
    key: str
    parameters: str


def _ask(request: ChargeRequest, at: datetime) -> _Ask:
    return _Ask(request, at, str(request.attempt_id), request.parameters)


class SimulatedGateway:
    """The simulated provider; all processes that share the file `record` talk to the same one.

    Charges of one turn of the event loop are one transaction, committed before any of them is answered; if the
    record cannot be written, their answer is Unclear. Each call really takes `delay`, at most a quarter of
    `budget` (else ValueError): a slow answer takes three quarters, waiting for other processes' writing one.
    It works on the thread of its one event loop: on another, sqlite3 would lose the interpreter at each step.
    """

    def __init__(self, record: Path, seed: int, budget: timedelta, delay: timedelta = timedelta(0)) -> None:
        if delay > budget / _BUDGET_PARTS:
            raise ValueError(f"a delay of {delay} is more than a quarter of the budget of {budget}")
        self.budget = budget
        self._delay_s = delay.total_seconds()
        self._seed = str(seed).encode()
        self._waiting: list[tuple[_Ask, asyncio.Future[_Heard]]] = []
        self._db = open_record(record, wait_s=(budget / _BUDGET_PARTS).total_seconds())

    async def charge(self, request: ChargeRequest, at: datetime) -> Answer:
        """Take the money once; the same request again gives the same answer while its key is known.

        Raises GatewayMisuseError for a token that is no payment method, or a known key with other parameters.
        """
        slow = method_of(request.token).behaviour == "slow"
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        reply: asyncio.Future[_Heard] = loop.create_future()
        self._waiting.append((_ask(request, at), reply))
        answer = await reply
        await self._travel(_SLOW_TIMES if slow else 1)
        if isinstance(answer, GatewayMisuseError):
            raise answer
        return answer

    def charge_all(self, requests: Sequence[ChargeRequest], at: datetime) -> list[Answer | GatewayMisuseError]:
        """Many charges in one transaction, for whoever has no event loop: answered in their order, without delay.

        What `charge` would raise stands in the place of its answer.
        """
        return self._answers([_ask(request, at) for request in requests])

    async def look_up(self, request: ChargeRequest, at: datetime) -> Answer:  # noqa: ARG002 (nothing is too old)
        """What became of the attempt, however long ago, without ever causing a charge."""
        answer: Answer = _UNAVAILABLE
        with suppress(sqlite3.Error):
            answer = _recorded(self._db, request)
        await self._travel()
        return answer

    async def refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:
        """Give the money of a charge back once, however often and however late the same request comes.

        Raises GatewayMisuseError for a known refund id with other parameters.
        """
        answer: RefundAnswer = _UNAVAILABLE
        with suppress(sqlite3.Error), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            answer = _give_back(self._db, self._seed, request, at)
        await self._travel()
        return answer

    def save(self, record: Path) -> None:
        """Write all that is recorded to a file, in place of what it holds."""
        save(self._db, record)

    def close(self) -> None:
        """Let go of the record; whoever asks afterwards hears that the gateway is unavailable."""
        self._db.close()

    async def _travel(self, times: int = 1) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s * times)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        answers: list[_Heard] = [_UNAVAILABLE] * len(waiting)
        try:
            answers = self._answers([ask for ask, _ in waiting])
        finally:  # nobody is left waiting, whatever happened
            for (_, reply), answer in zip(waiting, answers, strict=True):
                if not reply.cancelled():
                    reply.set_result(answer)

    def _answers(self, asks: list[_Ask]) -> list[_Heard]:
        try:
            return self._answer(asks)
        except sqlite3.Error:
            return [_UNAVAILABLE] * len(asks)

    def _answer(self, asks: list[_Ask]) -> list[_Heard]:
        answers: list[_Heard] = []
        new: list[Saved] = []
        with self._db:  # commits, or rolls back what it raises for
            self._db.execute("BEGIN IMMEDIATE")
            saved_before = known(self._db, [ask.key for ask in asks])
            for ask in asks:
                answer, saved = _judged(self._seed, ask, saved_before.get(ask.key))
                answers.append(answer)
                if saved:
                    saved_before[ask.key] = saved
                    new.append(saved)
            write(self._db, new)
        return answers


def _judged(seed: bytes, ask: _Ask, saved: Saved | None) -> tuple[_Heard, Saved | None]:
    """What the caller hears, and what there is to save."""
    try:
        return _judge(seed, ask, saved)
    except GatewayMisuseError as misuse:
        return misuse, None


def _judge(seed: bytes, ask: _Ask, saved: Saved | None) -> tuple[Answer, Saved | None]:
    method = method_of(ask.request.token)
    if saved and ask.at - saved.first_at >= KEY_LIFETIME:
        saved = None  # forgotten
    if saved and saved.parameters != ask.parameters:
        raise GatewayMisuseError(f"the key {ask.key} is known with other parameters")
    if saved and saved.outcome:
        return _said(saved.outcome, ask.request), None
    outcome = _outcome(seed, ask, method)
    trouble = None if saved and method.behaviour != "silent" else TROUBLES.get(method.behaviour)
    if trouble is None:
        return _said(outcome, ask.request), Saved(ask.key, ask.at, ask.parameters, outcome)
    reason, arrives = trouble
    arrived = _chance(seed, ask.request.attempt_id) < arrives
    return Unclear(reason=reason), Saved(ask.key, ask.at, ask.parameters, outcome if arrived else None)


def _outcome(seed: bytes, ask: _Ask, method: Method) -> str:
    match method.behaviour:
        case "insufficient_until" if ask.at.astimezone(UTC).date() < method.good_from:
            return "insufficient_funds"
        case "flaky" if _chance(seed, ask.request.attempt_id) * 100 < method.percent:
            return method.codes
        case "declined":
            return method.codes
        case behaviour:
            return DECLINES.get(behaviour, CHARGED)


def _chance(seed: bytes, attempt_id: UUID) -> float:
    """A number in [0, 1) that depends on nothing else."""
    return int.from_bytes(blake2b(attempt_id.bytes, key=seed, digest_size=6).digest()) / 2**48


def _said(outcome: str, request: ChargeRequest) -> Charged | Declined:
    return _charged(request.attempt_id, request.amount) if outcome == CHARGED else _declined(outcome)


@lru_cache(maxsize=1024)
def _declined(codes: str) -> Declined:
    code, advice, network = [*codes.split("+"), "", ""][:3]
    return Declined(code=code, advice_code=advice or None, network_code=network or None)


def _charged(attempt_id: UUID, amount: Money) -> Charged:
    digest = blake2b(attempt_id.bytes, digest_size=6).hexdigest()
    return Charged(attempt_id=attempt_id, amount=amount, gateway_ref=f"sim_{digest}")


def _recorded(db: sqlite3.Connection, request: ChargeRequest) -> Answer:
    if method_of(request.token).behaviour == "silent":
        return Unclear(reason="timeout")
    row = outcome_of(db, request.attempt_id)
    if row is None:
        return NotFound()
    outcome, minor, currency = row
    if minor is None or currency is None:
        return _declined(outcome)
    return _charged(request.attempt_id, Money(minor=minor, currency=currency))


def _give_back(db: sqlite3.Connection, seed: bytes, request: RefundRequest, at: datetime) -> RefundAnswer:
    """What the caller hears; what there is to save is saved."""
    saved = refund_of(db, request.refund_id)
    if saved and saved.parameters != request.parameters:
        raise GatewayMisuseError(f"the refund {request.refund_id} is known with other parameters")
    if saved and saved.arrived:
        return _refunded(request)
    charge = movement_of(db, request.attempt_id)
    if charge is None:
        return RefundDeclined(code="no_such_charge")
    if charge.given_back is not None:
        return RefundDeclined(code="already_refunded")
    if request.amount.currency != charge.currency or request.amount.minor > charge.minor:
        return RefundDeclined(code="more_than_charged")
    trouble = None if saved else TROUBLES.get(method_of(charge.token).behaviour)
    reason, arrives = trouble or ("", 1.0)
    arrived = _chance(seed, request.refund_id) < arrives
    write_refund(db, request, charge.movement, at, arrived=arrived)
    return Unclear(reason=reason) if trouble else _refunded(request)


def _refunded(request: RefundRequest) -> Refunded:
    digest = blake2b(request.refund_id.bytes, digest_size=6).hexdigest()
    return Refunded(refund_id=request.refund_id, amount=request.amount, gateway_ref=f"sim_back_{digest}")
