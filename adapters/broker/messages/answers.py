"""Answers to the commands that other systems give over the broker."""

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


Answer = CommandAccepted | CommandRefused | CommandFailed

ANSWERS: dict[str, type[Answer]] = {
    "command_accepted.v1": CommandAccepted,
    "command_refused.v1": CommandRefused,
    "command_failed.v1": CommandFailed,
}
"""Every answer by its name and version."""
