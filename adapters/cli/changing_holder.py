"""A card that nobody uses comes to another holder, by the operator's word."""

from uuid import UUID, uuid4

from adapters.cli.executing import execute, valid
from adapters.cli.output import put_fields
from adapters.settings import Settings
from engine.commands import ChangeHolder


def change_holder(settings: Settings, card_id: UUID, holder_id: str, *, as_json: bool) -> None:
    """Hand it over; exit status 1 if it is refused, 2 if it is malformed."""
    fields = {"command_id": f"change-holder:{uuid4()}", "card_id": card_id, "holder_id": holder_id}
    facts = execute(settings, valid(ChangeHolder, fields)).facts
    put_fields("card", {"card_id": card_id, "holder_id": holder_id, "facts": facts}, as_json=as_json)
