"""What all commands have in common: their ids, and how one is told from another that was given under the same id."""

from hashlib import sha256
from typing import Annotated
from uuid import UUID

from msgspec import json
from pydantic import BaseModel, ConfigDict, Field

from engine.card.methods import NO_NUL
from engine.card.on_page import PageWallet
from engine.text import NoCardNumber

ADDED_LATER = frozenset({"ends_term", "lapsed", "on_page", "shown"})
"""Fields, of whatever kind of command, that came after commands of it had been stored; each has a default."""

Evidence = Annotated[str, Field(min_length=1, max_length=1000, pattern=NO_NUL), NoCardNumber]
"""Where a person found out what is claimed: a reference, never personal data."""
ShortText = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Reason = Annotated[ShortText, NoCardNumber]


class CommandBody(BaseModel):
    """A command as it is compared with one that was given before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    command_id: ShortText
    card_id: UUID

    def body_hash(self) -> bytes:
        """What tells another body under the same id; 32 bytes.

        A field that holds its default is left out, so that a command stays the same when its kind gets another field.
        """
        fields = type(self).model_fields
        given = {name: _told(value) for name, value in self if value != fields[name].default}
        return sha256(json.encode({**given, "command": type(self).__name__}, order="sorted")).digest()

    def is_same(self, body_hash: bytes) -> bool:
        """Whether a command that was stored with this hash, today's or that of earlier versions, is this one."""
        if body_hash == self.body_hash():
            return True
        fields = type(self).model_fields
        added = ADDED_LATER & fields.keys()
        if any(getattr(self, name) != fields[name].default for name in added):
            return False
        return body_hash == sha256(self.model_dump_json(exclude=set(added)).encode()).digest()


def _told(value: object) -> object:
    """What counts of a field's value."""
    return value.identity if isinstance(value, PageWallet) else value
