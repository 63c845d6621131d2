"""Answers to what other systems give over the broker: stored on their stream, copies sent where they are wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from adapters.broker.commands import answer_event, copy_to
from adapters.broker.events import Cell
from adapters.broker.messages.answers import Answer, CommandFailed
from adapters.broker.sending import send
from adapters.clock import recorded_now


class Answered(NamedTuple):
    """A message with its answer."""

    message: Msg
    sender: str
    answer: Answer

    @property
    def failed(self) -> bool:
        """Whether it is not known if the command holds."""
        return isinstance(self.answer, CommandFailed)


@dataclass
class Answering:
    """Tells answers, over the connection that the role has at the moment."""

    senders: frozenset[str]
    cell: Cell
    client: Client = field(default_factory=Client)
    """One that is not connected until the role has its own."""

    async def to_queued(self, answered: Sequence[Answered]) -> None:
        """Answer messages of the queue; raises NotStoredError where the broker does not store them."""
        await self._tell([(one, _origin(one.message)) for one in answered])

    async def to_requests(self, answered: Sequence[Answered]) -> None:
        """Answer requests; raises as above."""
        await self._tell([(one, one.message.reply) for one in answered])

    async def _tell(self, answered: Sequence[tuple[Answered, str]]) -> None:
        """Store the answers to known senders, then send the copies."""
        at = recorded_now()
        events = [(one, answer_event(one.answer, one.sender, origin, self.cell, at)) for one, origin in answered]
        if stored := [event for one, event in events if one.sender in self.senders]:
            await send(self.client, stored)
        for one, event in events:
            if to := copy_to(one.message.subject, one.message.headers, one.message.reply):
                await self.client.publish(to, event.body, headers=dict(event.headers))


def _origin(message: Msg) -> str:
    """What names a message of the queue, however often it is delivered."""
    return f"{message.metadata.sequence.stream} {message.metadata.timestamp}"
