"""The simulated gateway behind bad weather: outages, late arrivals, garbage; all that it was asked is written down."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar
from uuid import UUID

from adapters.gateways.simulated import SimulatedGateway
from adapters.gateways.simulated_record import IN_MEMORY
from engine.errors import GatewayMisuseError
from engine.money import Money
from engine.pipeline import GatewayReply
from engine.ports import Answer, Charged, ChargeRequest, Unclear
from engine.questions import Question, QuestionKind, ask
from tests.simulation.faults import GATEWAY, Faults, GatewayFault, Window

BUDGET = timedelta(seconds=20)
T = TypeVar("T")
Trouble = GatewayFault | Literal["gateway_outage"]
_OF_REFUNDS: tuple[GatewayFault, ...] = ("gone", "silent")


class Heard(NamedTuple):
    """One request as the gateway heard it, or would have."""

    at: datetime
    kind: QuestionKind
    key: str
    parameters: str
    decided_at: int
    """Position of the log when we decided to ask."""
    position: int
    """Position of the log when it was asked."""


class HeldUp(NamedTuple):
    """A charge that arrives when nobody waits for it any more."""

    question: Question
    request: ChargeRequest
    arrives_at: datetime


class StormyGateway:
    """Asks the simulated gateway many questions at once, through the weather of the day."""

    def __init__(self, seed: int, faults: Faults, windows: Sequence[Window]) -> None:
        self._inner = SimulatedGateway(IN_MEMORY, seed, BUDGET)  # a file costs a twentieth of the simulation's time
        self._faults = faults
        self._outages = [window for window in windows if window.kind == "gateway_outage"]
        self._held_up: set[int] = set()
        """Attempts, by the number that their id is: hashed at a tenth of the price."""
        self._newly_held_up: list[HeldUp] = []
        self._arrived: set[int] = set()

    def ask(
        self, asks: Sequence[tuple[Question, int]], at: datetime, position: int, heard: Callable[[Heard], None]
    ) -> list[tuple[Question, GatewayReply]]:
        """The reply to each question (with the position at which it was decided), in their order."""
        down = any(window.begins <= at < window.ends for window in self._outages)
        weather: list[Trouble | None] = [
            self._faults.happened("gateway_outage") if down else self._weather(question, at) for question, _ in asks
        ]
        for question, decided_at in asks:
            heard(_heard(question, at, decided_at, position))
        arriving = [
            question
            for (question, _), trouble in zip(asks, weather, strict=True)
            if trouble not in ("gateway_outage", "held_up")
        ]
        answers = self._answers(arriving, at)
        return [
            (question, _as_heard(answers.get(id(question)), trouble))
            for (question, _), trouble in zip(asks, weather, strict=True)
        ]

    def arrive(self, held: HeldUp) -> None:
        """A charge arrives at last; nobody hears the answer."""
        self._held_up.discard(held.request.attempt_id.int)
        self._inner.charge_all([held.request], held.arrives_at)

    def newly_held_up(self) -> list[HeldUp]:
        """Those that were held up since this was asked last."""
        held, self._newly_held_up = self._newly_held_up, []
        return held

    def found(self, attempt_id: UUID, at: datetime) -> Answer:
        """What a person sees in the provider's list."""
        nothing = Money(minor=0, currency="XXX")
        request = ChargeRequest(
            attempt_id=attempt_id, card_id=attempt_id, purpose="", token="sim:good:found", amount=nothing
        )
        return _at_once(self._inner.look_up(request, at))

    def save(self, record: Path) -> None:
        """Write down what was asked and what moved."""
        self._inner.save(record)

    def close(self) -> None:
        """Let go of the record."""
        self._inner.close()

    def _weather(self, question: Question, at: datetime) -> GatewayFault | None:
        request = question.request
        if not isinstance(request, ChargeRequest):
            return self._faults.befalls(_OF_REFUNDS, "refund", request.refund_id.int, at.timestamp())
        if question.kind == "look_up":
            return None
        attempt = request.attempt_id.int
        if attempt in self._held_up:
            return "held_up"
        first = attempt not in self._arrived  # what comes later would meet a key that is forgotten by then
        trouble = self._faults.befalls(GATEWAY if first else GATEWAY[1:], "call", attempt, at.timestamp())
        if trouble != "held_up":
            self._arrived.add(attempt)
        else:
            days = 3 + 5 * self._faults.chance.of("held up", attempt)
            self._held_up.add(attempt)
            self._newly_held_up.append(HeldUp(question, request, at + timedelta(days=days)))
        return trouble

    def _answers(self, questions: Sequence[Question], at: datetime) -> dict[int, GatewayReply]:
        """By the question's identity; charges are one transaction, after all else."""
        charges: list[tuple[Question, ChargeRequest]] = []
        answers: dict[int, GatewayReply] = {}
        for question in questions:
            request = question.request
            if isinstance(request, ChargeRequest) and question.kind == "charge":
                charges.append((question, request))
                continue
            try:
                answers[id(question)] = _at_once(ask(self._inner, question, at))
            except GatewayMisuseError as misuse:
                answers[id(question)] = misuse
        heard = self._inner.charge_all([request for _, request in charges], at) if charges else []
        answers |= {id(question): answer for (question, _), answer in zip(charges, heard, strict=True)}
        return answers


def _at_once(call: Awaitable[T]) -> T:
    """What a gateway without delay says, whose calls never wait for anything; no event loop is needed."""
    try:
        call.__await__().send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError


def _heard(question: Question, at: datetime, decided_at: int, position: int) -> Heard:
    request = question.request
    key = request.attempt_id if isinstance(request, ChargeRequest) else request.refund_id
    return Heard(at, question.kind, str(key), request.parameters, decided_at, position)


def _as_heard(answer: GatewayReply, trouble: Trouble | None) -> GatewayReply:
    if answer is None:  # it never came there
        return Unclear(reason=str(trouble))
    if trouble == "silent":
        return None
    if trouble == "gone":
        return Unclear(reason="timeout")
    if trouble == "garbled" and isinstance(answer, Charged):
        wrong = Money(minor=answer.amount.minor + 1, currency=answer.amount.currency)
        return replace(answer, amount=wrong)
    return answer
