"""A gateway that moves simulated money, keeps its own record of it, and fails as real ones do.

A method's token determines how it behaves: `sim:<behaviour>[:<argument>]:<unique>`, where `<unique>` is anything.

    good                        the money moves
    slow                        the same, after three times the delay
    expired, lost               declined as `expired_card`, `lost_card`
    declined:<codes>            always declined, with these codes
    insufficient_until:<date>   declined as `insufficient_funds` before that UTC day (2027-03-01), then good
    flaky:<percent>[+<codes>]   declined with that probability, as `do_not_honor` or with these codes
    timeout_charged             the money moves, but the first answer never comes
    timeout_uncharged           the first request never arrives; asked again, the money moves
    server_error                the first answer is a 5xx; whether the request arrived is random
    silent                      no money moves, and neither a charge nor a look-up is ever answered

`<codes>` is a decline code, then a network's advice code and its own code if there are any, joined by `+`:
`declined:do_not_honor+24`, or `declined:generic_decline++04` without an advice code.

Random outcomes are a function of the seed and the attempt id, so the same calls have the same results in any process
and any order. Keys live as long as Stripe's: for 24 hours of business time the same request gets the same answer,
after that it is a new request, which moves money again; so an engine that sends too late is detected. Refunds are
known for ever; the first request for one fails as the first request for its charge did.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from adapters.gateways.behaviour import CHARGED, outcome, roll
from adapters.gateways.simulated_methods import FAILURES, method_of
from adapters.gateways.simulated_record import (
    Saved,
    Taken,
    double_charges,
    known,
    movement_of,
    open_record,
    outcome_of,
    refund_of,
    save,
    taken_since,
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
    ChargesFound,
    Declined,
    FoundCharge,
    ListChargesRequest,
    NotFound,
    RefundAnswer,
    RefundDeclined,
    Refunded,
    RefundRequest,
    Unclear,
)
from engine.provider import Provider

__all__ = ["KEY_LIFETIME", "SIMULATED", "SimulatedGateway", "double_charges", "totals"]

KEY_LIFETIME = timedelta(hours=24)
"""How long an arrived idempotency key is known, in business time (Stripe prunes keys after 24 hours)."""
SIMULATED = Provider(name="simulated", key_lifetime=KEY_LIFETIME - timedelta(hours=1), methods={})
"""What it promises: the same as Stripe, with the same margin; it saves methods of every kind."""

_UNAVAILABLE = Unclear(reason="gateway_unavailable")
_SLOW_TIMES = 3
_BUDGET_PARTS = _SLOW_TIMES + 1
_Reply = Answer | GatewayMisuseError


class _Call(NamedTuple):
    request: ChargeRequest
    at: datetime
    key: str
    parameters: str


def _call(request: ChargeRequest, at: datetime) -> _Call:
    return _Call(request, at, str(request.attempt_id), request.parameters)


class SimulatedGateway:
    """The simulated provider; all processes that share the file `record` talk to the same one.

    Charges made in one turn of the event loop are one transaction, committed before any of them is answered; if the
    record cannot be written, their answer is Unclear. Each call really takes `delay`, at most a quarter of
    `budget` (else ValueError): a slow answer takes three quarters, waiting for other processes' writes one.
    It uses SQLite on the event loop's own thread: on another, sqlite3 would release the interpreter at each step.
    """

    def __init__(self, record: Path, seed: int, budget: timedelta, delay: timedelta = timedelta(0)) -> None:
        if delay > budget / _BUDGET_PARTS:
            raise ValueError(f"a delay of {delay} is more than a quarter of the budget of {budget}")
        self.budget = budget
        self._delay_s = delay.total_seconds()
        self._seed = str(seed).encode()
        self._waiting: list[tuple[_Call, asyncio.Future[_Reply]]] = []
        self._db = open_record(record, wait_s=(budget / _BUDGET_PARTS).total_seconds())

    async def charge(self, request: ChargeRequest, at: datetime) -> Answer:
        """Take the money once; the same request again gives the same answer while its key is known.

        Raises GatewayMisuseError for a token that is no payment method, or a known key with other parameters.
        """
        slow = method_of(request.token).behaviour == "slow"
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush)
        reply: asyncio.Future[_Reply] = loop.create_future()
        self._waiting.append((_call(request, at), reply))
        answer = await reply
        await self._delay(_SLOW_TIMES if slow else 1)
        if isinstance(answer, GatewayMisuseError):
            raise answer
        return answer

    def charge_all(self, requests: Sequence[ChargeRequest], at: datetime) -> list[Answer | GatewayMisuseError]:
        """Many charges in one transaction, for callers without an event loop: answered in order, without delay.

        What `charge` would raise stands in place of the answer.
        """
        return self._answers([_call(request, at) for request in requests])

    async def look_up(self, request: ChargeRequest, at: datetime) -> Answer:  # noqa: ARG002 (a look-up has no time limit)
        """What became of the attempt, however long ago, without ever causing a charge."""
        answer: Answer = _UNAVAILABLE
        with suppress(sqlite3.Error):
            answer = _recorded(self._db, request)
        await self._delay()
        return answer

    async def refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:
        """Refund a charge once, however often and however late the same request comes.

        Raises GatewayMisuseError for a known refund id with other parameters.
        """
        answer: RefundAnswer = _UNAVAILABLE
        with suppress(sqlite3.Error), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            answer = _refund(self._db, self._seed, request, at)
        await self._delay()
        return answer

    async def look_up_refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:  # noqa: ARG002 (as above)
        """Whether a refund was made, without ever making one."""
        answer: RefundAnswer = _UNAVAILABLE
        with suppress(sqlite3.Error):
            answer = _refunded(request) if self.has_refunded(request.refund_id) else NotFound()
        await self._delay()
        return answer

    async def list_charges(self, request: ListChargesRequest, at: datetime) -> ChargesFound | Unclear:  # noqa: ARG002 (as above)
        """The money that was taken since an instant, newest first, with what of it was refunded."""
        answer: ChargesFound | Unclear = _UNAVAILABLE
        with suppress(sqlite3.Error):
            taken = taken_since(self._db, request.since, request.card_id)
            answer = ChargesFound(charges=tuple(_listed(one) for one in taken))
        await self._delay()
        return answer

    def has_refunded(self, refund_id: UUID) -> bool:
        """Whether a refund was made, also where its answer was lost: what a person finds in the provider's list."""
        saved = refund_of(self._db, refund_id)
        return saved is not None and saved.arrived

    def save(self, record: Path) -> None:
        """Copy the record to a file, replacing its content."""
        save(self._db, record)

    def close(self) -> None:
        """Close the record; later calls return that the gateway is unavailable."""
        self._db.close()

    async def _delay(self, times: int = 1) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s * times)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        answers: list[_Reply] = [_UNAVAILABLE] * len(waiting)
        try:
            answers = self._answers([call for call, _ in waiting])
        finally:  # no caller is left waiting, whatever happened
            for (_, reply), answer in zip(waiting, answers, strict=True):
                if not reply.cancelled():
                    reply.set_result(answer)

    def _answers(self, calls: list[_Call]) -> list[_Reply]:
        try:
            return self._answer(calls)
        except sqlite3.Error:
            return [_UNAVAILABLE] * len(calls)

    def _answer(self, calls: list[_Call]) -> list[_Reply]:
        answers: list[_Reply] = []
        new: list[Saved] = []
        with self._db:  # commits, or rolls back what it raises for
            self._db.execute("BEGIN IMMEDIATE")
            saved_before = known(self._db, [call.key for call in calls])
            for call in calls:
                answer, saved = _charge_or_misuse(self._seed, call, saved_before.get(call.key))
                answers.append(answer)
                if saved:
                    saved_before[call.key] = saved
                    new.append(saved)
            write(self._db, new)
        return answers


def _charge_or_misuse(seed: bytes, call: _Call, saved: Saved | None) -> tuple[_Reply, Saved | None]:
    """The reply, and what there is to save."""
    try:
        return _charge(seed, call, saved)
    except GatewayMisuseError as misuse:
        return misuse, None


def _charge(seed: bytes, call: _Call, saved: Saved | None) -> tuple[Answer, Saved | None]:
    method = method_of(call.request.token)
    if saved and call.at - saved.first_at >= KEY_LIFETIME:
        saved = None  # the key has expired
    if saved and saved.parameters != call.parameters:
        raise GatewayMisuseError(f"the key {call.key} is known with other parameters")
    if saved and saved.outcome:
        return _answer_of(saved.outcome, call.request), None
    became = outcome(method.decides, call.at, _random(seed, call.request.attempt_id))
    failure = None if saved and method.behaviour != "silent" else FAILURES.get(method.behaviour)
    if failure is None:
        return _answer_of(became, call.request), Saved(call.key, call.at, call.parameters, became)
    reason, arrives = failure
    arrived = _random(seed, call.request.attempt_id) < arrives
    return Unclear(reason=reason), Saved(call.key, call.at, call.parameters, became if arrived else None)


def _random(seed: bytes, attempt_id: UUID) -> float:
    return roll(seed, attempt_id.bytes)


def _answer_of(outcome: str, request: ChargeRequest) -> Charged | Declined:
    return _charged(request.attempt_id, request.amount) if outcome == CHARGED else _declined(outcome)


def _listed(one: Taken) -> FoundCharge:
    attempt_id, amount = UUID(one.key), Money(minor=one.minor, currency=one.currency)
    return FoundCharge(
        attempt_id=attempt_id,
        card_id=UUID(one.card_id),
        purpose=one.purpose,
        token=one.token,
        amount=amount,
        refunded_minor=one.refunded,
        gateway_ref=_charged(attempt_id, amount).gateway_ref,
        charged_at=one.at,
    )


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


def _refund(db: sqlite3.Connection, seed: bytes, request: RefundRequest, at: datetime) -> RefundAnswer:
    """The answer; what there is to save is saved."""
    saved = refund_of(db, request.refund_id)
    if saved and saved.parameters != request.parameters:
        raise GatewayMisuseError(f"the refund {request.refund_id} is known with other parameters")
    if saved and saved.arrived:
        return _refunded(request)
    charge = movement_of(db, request.attempt_id)
    if charge is None:
        return RefundDeclined(code="no_such_charge")
    if charge.refund_id is not None:
        return RefundDeclined(code="already_refunded")
    if request.amount.currency != charge.currency or request.amount.minor > charge.minor:
        return RefundDeclined(code="more_than_charged")
    failure = None if saved else FAILURES.get(method_of(charge.token).behaviour)
    reason, arrives = failure or ("", 1.0)
    arrived = _random(seed, request.refund_id) < arrives
    write_refund(db, request, charge.movement, at, arrived=arrived)
    return Unclear(reason=reason) if failure else _refunded(request)


def _refunded(request: RefundRequest) -> Refunded:
    digest = blake2b(request.refund_id.bytes, digest_size=6).hexdigest()
    return Refunded(refund_id=request.refund_id, amount=request.amount, gateway_ref=f"sim_back_{digest}")
