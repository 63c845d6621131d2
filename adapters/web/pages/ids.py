"""Command ids of forms: made with the page, so that a form that is sent twice is one command."""

from uuid import UUID, uuid4

from adapters.web.door import Form


def command_id_of(form: Form) -> UUID:
    """The id that the form carries; a new one where it has none."""
    try:
        return UUID(form.get("command_id", ""))
    except ValueError:
        return uuid4()


def is_uuid(text: str) -> bool:
    """Whether it is an id."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
