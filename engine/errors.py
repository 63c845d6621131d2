"""Infrastructure errors, one small tree, and the one error of business: a refusal."""


class BaohaoError(Exception):
    """Anything of ours that went wrong for a reason that can be said in a sentence."""


class Refused(BaohaoError):  # noqa: N818 (the domain's word: a refusal is an answer, not a fault)
    """The caller asked for something the rules forbid; nothing was recorded.

    `code` is stable and for programs, the message is for people, `field` names what to change.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class CatalogueError(BaohaoError):
    """The catalogue file is wrong; the message names where and what to do."""


class CorruptHistoryError(BaohaoError):
    """A stored fact cannot be read; the message names card and version."""


class ConnectionLostError(BaohaoError):
    """The connection to the event store failed; nobody knows whether what was being stored is stored."""


class SchemaError(BaohaoError):
    """The database is not at the version that this program needs."""


class GatewayMisuseError(BaohaoError):
    """The gateway says that our request is wrong (400, 401, 403, 404): never a decline, a matter for people."""
