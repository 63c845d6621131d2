"""The queue of due cards between scheduler and consumer; internal to them."""

import re
from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict

DUE_STREAM, DUE_SUBJECT = "BAOHAO_DUE", "baohao.due"


class CardDue(BaseModel):
    """Wake this card; what to do is decided from the card's own facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card_id: UUID


FOREIGN = "a message that is not from the scheduler"
"""The cause where a message has another id than the scheduler's."""

_COUNTS = re.compile(r"\.[0-9]{1,19}\.[0-9]{1,10}")


def message_id(card_id: UUID, version: int, lease: int) -> str:
    """The id of the message that wakes a card: one per version and lease."""
    return f"{card_id}.{version}.{lease}"


def cause_of(card_id: UUID, headers: Mapping[str, str] | None) -> str:
    """The cause of the facts that a message leads to: its id, or FOREIGN; a stranger's id never gets into the log."""
    found = (headers or {}).get("Nats-Msg-Id", "")
    return found if is_wake(found, str(card_id)) else FOREIGN


def is_wake(cause: str, card_id: str) -> bool:
    """Whether it has the shape of a message id of that card: letters, digits and signs that need no escape."""
    return cause.startswith(card_id) and _COUNTS.fullmatch(cause, len(card_id)) is not None
