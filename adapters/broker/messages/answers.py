"""Answers to the commands and jobs that other systems give over the broker."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from adapters.broker.messages.parts import Message

CommandId = Annotated[str, Meta(description="The command's id, as the sender chose it.")]
CardId = Annotated[UUID, Meta(description="The card that it is about.")]
Sentence = Annotated[str, Meta(description="One English sentence for people; it may change.")]


class CommandAccepted(Message):
    """The command holds; given again under the same id it gets the same answer and changes nothing."""

    command_id: CommandId
    card_id: CardId
    changed: Annotated[bool, Meta(description="False where it was so already, and nothing happened.")]


class CommandRefused(Message):
    """The command changed nothing; given again under the same id it is judged anew."""

    command_id: CommandId | None
    card_id: CardId | None
    code: Annotated[str, Meta(description="Why, for programs; it is never renamed.")]
    message: Sentence
    field: Annotated[str | None, Meta(description="The field at fault.")] = None


class CommandFailed(Message):
    """It is not known whether the command holds: give it again under the same id."""

    command_id: CommandId
    card_id: CardId
    message: Sentence


class JobProgress(Message):
    """How far a job is; told from time to time until its answer."""

    command_id: CommandId
    done: Annotated[int, Meta(description="Cards tried, or positions of the log passed, so far.")]
    of: Annotated[int, Meta(description="How many there are.")]


class PricesAnnounced(Message):
    """Every card of the plan that is renewed automatically was tried; given again, the job has the same outcome."""

    command_id: CommandId
    cards: Annotated[int, Meta(description="All of the plan that are renewed automatically.")]
    announced: Annotated[int, Meta(description="Their holders are told.")]
    unchanged: Annotated[int, Meta(description="Their holders agreed to these prices, or knew of them already.")]
    refused: Annotated[int, Meta(description="Such as cards whose auto-renewal was switched off meanwhile.")]
    failed: Annotated[int, Meta(description="Cards that could not be read or stored: give it again under the same id.")]


class EventsReplayed(Message):
    """History was told on the sender's stream up to where the live stream goes on."""

    command_id: CommandId
    stream: Annotated[str, Meta(description="The stream on which it was told.")]
    events: Annotated[int, Meta(description="How many were told, by the last of its runs.")]
    position: Annotated[int, Meta(description="The position of the log up to which it goes.")]
    sequence: Annotated[int, Meta(description="After this sequence of the live stream the reader goes on.")]


CommandAnswer = CommandAccepted | CommandRefused | CommandFailed
JobAnswer = JobProgress | PricesAnnounced | EventsReplayed
Answer = CommandAnswer | JobAnswer

ANSWERS: dict[str, type[Answer]] = {
    "command_accepted.v1": CommandAccepted,
    "command_refused.v1": CommandRefused,
    "command_failed.v1": CommandFailed,
    "job_progress.v1": JobProgress,
    "prices_announced.v1": PricesAnnounced,
    "events_replayed.v1": EventsReplayed,
}
"""Every answer by its name and version."""
