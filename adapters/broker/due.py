"""The queue of due cards between scheduler and consumer; internal to them."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

DUE_STREAM, DUE_SUBJECT = "BAOHAO_DUE", "baohao.due"


class CardDue(BaseModel):
    """Wake this card; what to do is decided from the card's own facts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card_id: UUID
