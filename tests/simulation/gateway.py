"""The simulated gateway with faults: outages, late arrivals, wrong answers; every request to it is reported."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar
from uuid import UUID

from msgspec.structs import replace

from adapters.gateways.simulated import SimulatedGateway
from adapters.gateways.simulated_record import IN_MEMORY
from engine.errors import GatewayMisuseError
from engine.money import Money
from engine.pipeline import GatewayReply
from engine.ports import (
    Answer,
    Charged,
    ChargeRequest,
    Declined,
    ListChargesRequest,
    NotFound,
    Pending,
    RefundRequest,
    Unclear,
)
from engine.questions import Question, QuestionKind, ask
from tests.simulation.faults import GATEWAY_FAULTS, Faults, GatewayFault, Window

BUDGET = timedelta(seconds=20)
T = TypeVar("T")
AnyFault = GatewayFault | Literal["gateway_outage"]
_OF_REFUNDS: tuple[GatewayFault, ...] = ("gone", "silent")


class ReceivedRequest(NamedTuple):
    """One request as the gateway received it, or would have without a fault."""

    at: datetime
    kind: QuestionKind
    key: str
    parameters: str
    decided_at: int
    """Position of the log when the request was decided."""
    position: int
    """Position of the log when the request was sent."""


class DelayedRequest(NamedTuple):
    """A charge that arrives at the gateway days after it was sent."""

    question: Question
    request: ChargeRequest
    arrives_at: datetime


class FaultyGateway:
    """Asks the simulated gateway many questions at once; some of the requests or answers meet a fault."""

    def __init__(
        self,
        seed: int,
        faults: Faults,
        windows: Sequence[Window],
        pending: float = 0.0,
        page: Callable[[UUID, datetime], Answer] = lambda _, __: NotFound(),
    ) -> None:
        self._inner = SimulatedGateway(IN_MEMORY, seed, BUDGET)  # a file costs a twentieth of the simulation's time
        self._faults = faults
        self._outages = [window for window in windows if window.kind == "gateway_outage"]
        self._delayed_attempts: set[int] = set()
        """Attempt ids as numbers, which are hashed ten times as fast as UUIDs."""
        self._newly_delayed: list[DelayedRequest] = []
        self._arrived: set[int] = set()
        self._newly_denied: list[tuple[Question, Charged]] = []
        self._page = page
        """What the provider says of an attempt that took no money."""
        self._pending = pending
        """The share of charges whose outcome the provider says days later only."""
        self._pending_until: dict[UUID, datetime] = {}

    def ask(
        self,
        asks: Sequence[tuple[Question, int]],
        at: datetime,
        position: int,
        received: Callable[[ReceivedRequest], None],
    ) -> list[tuple[Question, GatewayReply]]:
        """The reply to each question (given with the position at which it was decided), in their order."""
        down = any(window.begins <= at < window.ends for window in self._outages)
        faults: list[AnyFault | None] = [
            self._faults.count("gateway_outage") if down else self._fault(question, at) for question, _ in asks
        ]
        for question, decided_at in asks:
            received(_received(question, at, decided_at, position))
        arriving = [
            question
            for (question, _), fault in zip(asks, faults, strict=True)
            if fault not in ("gateway_outage", "held_up")
        ]
        answers = self._answers(arriving, at)
        for (question, _), fault in zip(asks, faults, strict=True):
            answer = answers.get(id(question))
            if fault == "denied" and isinstance(answer, Charged):
                self._newly_denied.append((question, answer))
        return [
            (question, _with_fault(self._pending_first(question, answers.get(id(question)), at), fault))
            for (question, _), fault in zip(asks, faults, strict=True)
        ]

    def _pending_first(self, question: Question, answer: GatewayReply, at: datetime) -> GatewayReply:
        """Some outcomes are known to the provider only days after the charge, whoever asks."""
        request = question.request
        if not isinstance(request, ChargeRequest) or not isinstance(answer, Charged | Declined):
            return answer
        attempt_id = request.attempt_id
        if question.kind == "charge" and attempt_id not in self._pending_until:
            chance = self._faults.chance
            days = 6 * chance.of("pending for", attempt_id.int) if self._pending else 0.0
            is_pending = self._pending > chance.of("pending", attempt_id.int) if self._pending else False
            self._pending_until[attempt_id] = at + timedelta(days=days) if is_pending else at
        if at < self._pending_until.get(attempt_id, at):
            return Pending(attempt_id=attempt_id, gateway_ref=f"later_{attempt_id}")
        return answer

    def take_denied(self) -> list[tuple[Question, Charged]]:
        """The charges that were made and called declined since the last call."""
        denied, self._newly_denied = self._newly_denied, []
        return denied

    def deliver(self, delayed: DelayedRequest) -> None:
        """Let a delayed charge arrive; its answer is lost."""
        self._delayed_attempts.discard(delayed.request.attempt_id.int)
        self._inner.charge_all([delayed.request], delayed.arrives_at)

    def pay(self, request: ChargeRequest, at: datetime) -> None:
        """The holder pays on the provider's page."""
        self._inner.charge_all([request], at)

    def take_delayed(self) -> list[DelayedRequest]:
        """The requests that were delayed since the last call."""
        delayed, self._newly_delayed = self._newly_delayed, []
        return delayed

    def listed(self, attempt_id: UUID, at: datetime) -> Answer:
        """What a person finds about an attempt in the provider's list of charges."""
        nothing = Money(minor=0, currency="XXX")
        request = ChargeRequest(
            attempt_id=attempt_id,
            card_id=attempt_id,
            purpose="",
            token="sim:good:found",
            amount=nothing,
            attempted_at=at,
        )
        return _at_once(self._inner.look_up(request, at))

    def has_refunded(self, refund_id: UUID) -> bool:
        """Whether a person finds a refund in the provider's list."""
        return self._inner.has_refunded(refund_id)

    def save(self, record: Path) -> None:
        """Write the record of requests and money moved to a file."""
        self._inner.save(record)

    def close(self) -> None:
        """Close the record."""
        self._inner.close()

    def _fault(self, question: Question, at: datetime) -> GatewayFault | None:
        request = question.request
        if isinstance(request, ListChargesRequest):  # nothing is restored here
            return None
        if isinstance(request, RefundRequest):
            return self._faults.fault_for(_OF_REFUNDS, "refund", request.refund_id.int, at.timestamp())
        if question.kind == "look_up":
            return None
        attempt = request.attempt_id.int
        if attempt in self._delayed_attempts:
            return "held_up"
        first = attempt not in self._arrived  # a later request would meet a key that is forgotten by then
        fault = self._faults.fault_for(GATEWAY_FAULTS if first else GATEWAY_FAULTS[1:], "call", attempt, at.timestamp())
        if fault != "held_up":
            self._arrived.add(attempt)
        else:
            days = 3 + 5 * self._faults.chance.of("held up", attempt)
            self._delayed_attempts.add(attempt)
            self._newly_delayed.append(DelayedRequest(question, request, at + timedelta(days=days)))
        return fault

    def _answers(self, questions: Sequence[Question], at: datetime) -> dict[int, GatewayReply]:
        """By the identity of the question; all charges are one transaction, after everything else."""
        charges: list[tuple[Question, ChargeRequest]] = []
        answers: dict[int, GatewayReply] = {}
        for question in questions:
            request = question.request
            if isinstance(request, ChargeRequest) and question.kind == "charge":
                charges.append((question, request))
                continue
            try:
                answer = _at_once(ask(self._inner, question, at))
                if isinstance(request, ChargeRequest) and isinstance(answer, NotFound):
                    answer = self._page(request.attempt_id, at)
                answers[id(question)] = answer
            except GatewayMisuseError as misuse:
                answers[id(question)] = misuse
        charged = self._inner.charge_all([request for _, request in charges], at) if charges else []
        answers |= {id(question): answer for (question, _), answer in zip(charges, charged, strict=True)}
        return answers


def _at_once(call: Awaitable[T]) -> T:
    """The result of a call that never waits, without an event loop."""
    try:
        call.__await__().send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError


def _received(question: Question, at: datetime, decided_at: int, position: int) -> ReceivedRequest:
    request = question.request
    match request:
        case ChargeRequest(attempt_id=key):
            if request.gateway_ref is not None:  # of a look-up: it is no parameter of the charge
                request = replace(request, gateway_ref=None)
        case RefundRequest(refund_id=key):
            pass
        case ListChargesRequest():
            key = question.card_id
    return ReceivedRequest(at, question.kind, str(key), request.parameters, decided_at, position)


def _with_fault(answer: GatewayReply, fault: AnyFault | None) -> GatewayReply:
    if answer is None:  # the request did not arrive
        return Unclear(reason=str(fault))
    if fault == "silent":
        return None
    if fault == "gone":
        return Unclear(reason="timeout")
    if fault == "denied" and isinstance(answer, Charged):
        return Declined(code="do_not_honor")
    if fault == "garbled" and isinstance(answer, Charged):
        wrong = Money(minor=answer.amount.minor + 1, currency=answer.amount.currency)
        return answer.model_copy(update={"amount": wrong})
    return answer
