"""What happened to a card, and what its holder was told of it, as the API answers it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from adapters.languages.language import Language
from adapters.notices.kinds import Channel
from adapters.notices.outbox import Told
from adapters.web.api.showing import name_of
from adapters.web.pages.history import history
from adapters.web.pages.portal import Held
from adapters.web.voice import voice
from engine.envelope import Recorded

_NOTICE: dict[str, JsonValue] = {
    "kind": "switched_on",
    "channel": "email",
    "sent_at": "2026-11-29T04:00:07Z",
    "delivered": True,
}


class Notified(BaseModel):
    """A notice of it that was sent to the holder; `delivered`: the receiving side has said that it arrived."""

    kind: str
    channel: Channel
    sent_at: datetime
    delivered: bool


class Happened(BaseModel):
    """One thing that happened; `text` is in the language of Accept-Language, `receipt` an attempt of `/receipts`."""

    version: int
    at: datetime
    type: str
    text: str
    receipt: UUID | None
    notices: list[Notified]


class History(BaseModel):
    """A page of what happened, newest first; a page may be empty and not be the last: `next` says so."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {
                            "version": 7,
                            "at": "2026-11-29T04:00:00Z",
                            "type": "auto_renew_enabled",
                            "text": "You turned on auto-renewal: ¥76.80, every 12 months.",
                            "receipt": "1d2b6b0e-6a57-5c86-8f3c-0f6a5a9d2c01",
                            "notices": [_NOTICE],
                        }
                    ],
                    "next": "Nw",
                }
            ]
        }
    )

    events: list[Happened]
    next: str | None


def happened(recorded: Iterable[Recorded], sent: Iterable[Told], held: Held, language: Language) -> list[Happened]:
    """What a holder is shown of these facts and was told of them, newest first."""
    told: defaultdict[int | None, list[Notified]] = defaultdict(list)
    for one in sent:
        is_there = one.state == "delivered"
        told[one.version].append(Notified(kind=one.kind, channel=one.channel, sent_at=one.sent_at, delivered=is_there))
    return [
        Happened(
            version=entry.of.version,
            at=entry.of.fact.at,
            type=name_of(entry.of.fact),
            text=entry.text.striptags(),
            receipt=entry.receipt,
            notices=told[entry.of.version],
        )
        for entry in history(recorded, held.card.methods.bound, (), held.zone, voice(language))
    ]
