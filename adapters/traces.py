"""Traces: how long each part took of what one command or wake-up led to, in every process that had to do with it.

A trace's id is made of the correlation id, which each fact, public message and notice carries anyway. So nothing more
is stored or handed on; the notice that is sent hours later belongs to the same trace, and another system finds it too:

    trace id = the first 16 bytes of SHA-256 of the correlation id in UTF-8; its root span's id = the 8 after them

The root is the span of the command, or of waking the card; all others are its children. A command that is given again,
or a message that comes again, has a root of the same id. Without a collector a part costs one comparison.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import randbits
from typing import NamedTuple
from uuid import UUID

from adapters.clock import recorded_now
from engine.application import Engine, Reply, StepResult
from engine.commands import Issued
from engine.errors import Refused
from engine.ports import Gateway, GatewayAnswer
from engine.questions import Question, ask
from engine.rules import Rules


class Span(NamedTuple):
    """One part of a trace: what was done from when to when (real time)."""

    trace_id: int
    span_id: int
    parent_id: int | None
    """None for the root."""
    name: str
    began: datetime
    ended: datetime
    attributes: Mapping[str, str]
    failed: bool


Export = Callable[[Span], None]


@dataclass
class Traces:
    """The traces of this process; `export` is None where nobody collects them."""

    export: Export | None = None
    share: float = 1

    def root(self, name: str, cause: str, began: datetime, attributes: Mapping[str, str], *, failed: bool) -> None:
        """That a command was executed, or a card woken, of which `cause` is the correlation id."""
        self._add(name, cause, began, attributes, failed=failed, is_root=True)

    def part(self, name: str, cause: str, began: datetime, attributes: Mapping[str, str], *, failed: bool) -> None:
        """That a part of it was done from `began` until now."""
        self._add(name, cause, began, attributes, failed=failed, is_root=False)

    def part_of_each(self, name: str, causes: Iterable[tuple[UUID, str]], began: datetime) -> None:
        """That a part of many was done together; each with its card."""
        if self.export is not None:
            for card_id, cause in causes:
                self.part(name, cause, began, {"baohao.card_id": str(card_id)}, failed=False)

    def _add(
        self, name: str, cause: str, began: datetime, attributes: Mapping[str, str], *, failed: bool, is_root: bool
    ) -> None:
        if self.export is None:
            return
        trace_id, root_id = ids_of(cause)
        if trace_id >> 64 >= self.share * 2**64:
            return
        span_id, parent_id = (root_id, None) if is_root else (randbits(63) + 1, root_id)
        self.export(Span(trace_id, span_id, parent_id, name, began, recorded_now(), attributes, failed))


traces = Traces()
"""Those of this process; a role that has a collector gives it what exports them."""


def ids_of(cause: str) -> tuple[int, int]:
    """The ids of the trace and of its root span."""
    digest = sha256(cause.encode()).digest()
    return int.from_bytes(digest[:16]), int.from_bytes(digest[16:24])


class TracedEngine(Engine):
    """The engine, with a span for each card that it wakes, each answer that it records and each command."""

    def wake(self, causes: Mapping[UUID, str], rules: Rules, at: datetime) -> StepResult:
        """As the engine."""
        began = recorded_now()
        result = super().wake(causes, rules, at)
        for card_id, cause in causes.items():
            traces.root("wake", cause, began, {"baohao.card_id": str(card_id)}, failed=card_id in result.failed)
        return result

    def record(self, answers: Sequence[tuple[Question, GatewayAnswer]], rules: Rules, at: datetime) -> StepResult:
        """As the engine."""
        began = recorded_now()
        result = super().record(answers, rules, at)
        for question, answer in answers:
            about = {"baohao.card_id": str(question.card_id), "baohao.answer": type(answer).__name__}
            traces.part("record", question.cause, began, about, failed=question.card_id in result.failed)
        return result

    def execute(self, commands: Sequence[Issued], rules: Rules, at: datetime) -> list[Reply]:
        """As the engine."""
        began = recorded_now()
        replies = super().execute(commands, rules, at)
        for (command, _), reply in zip(commands, replies, strict=True):
            about = {"baohao.card_id": str(command.card_id), "baohao.command": type(command).__name__}
            if isinstance(reply, Refused):
                about["baohao.refused"] = reply.code
            failed = isinstance(reply, Exception) and not isinstance(reply, Refused)
            traces.root("command", command.command_id, began, about, failed=failed)
        return replies


def ask_gateway(gateway: Gateway, question: Question, at: datetime) -> Awaitable[GatewayAnswer]:
    """The gateway's answer to a question, as `engine.questions.ask`, with a span for the call."""
    return ask(gateway, question, at) if traces.export is None else _asked(gateway, question, at)


async def _asked(gateway: Gateway, question: Question, at: datetime) -> GatewayAnswer:
    began, answer = recorded_now(), None
    try:
        answer = await ask(gateway, question, at)
        return answer
    finally:
        about = {"baohao.card_id": str(question.card_id), "baohao.answer": type(answer).__name__}
        traces.part(f"gateway.{question.kind}", question.cause, began, about, failed=answer is None)
