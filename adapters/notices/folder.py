"""E-mails, and SMS beside them, as files in a folder, for trying: whatever opens mail opens them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from adapters.notices.delivery import Accepted, Failed, Outcome, Row
from adapters.notices.rendering import Sms

MAILS_MOST = 100
"""So many of the newest are read."""


class MailFolder:
    """Takes e-mails as an SMTP server would; each is a file that appears whole."""

    at_once = 8

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, row: Row, address: str, body: bytes) -> Outcome:
        """Write one e-mail; the same one again replaces itself."""
        del row, address  # the message has them
        return _written(self._folder, body)

    async def rest(self) -> None:
        """There is nothing to close."""


class SmsFolder:
    """Takes SMS as a provider would; each is a file like an e-mail, with its number where that has an address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, sms: Sms) -> Outcome:
        """Write one; the same one again replaces itself."""
        message = EmailMessage(policy=default)
        message["To"], message["Subject"], message["X-Key"] = sms.to, "SMS", sms.key
        message.set_content(sms.text)
        return _written(self._folder, message.as_bytes())

    async def close(self) -> None:
        """Nothing is open."""


def _written(folder: Path, body: bytes) -> Outcome:
    file = folder / f"{sha256(body).hexdigest()[:32]}.eml"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun = file.with_suffix(".begun")
        begun.write_bytes(body)
        begun.replace(file)
    except OSError as error:
        return Failed(f"folder_{error.errno}")
    return Accepted("folder")


class Mail(NamedTuple):
    """An e-mail or SMS of a folder, as its reader sees it."""

    written_at: datetime
    to: str
    subject: str
    text: str


def mails_in(folder: Path) -> list[Mail]:
    """The newest e-mails of a folder, the last one first."""
    files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    return list(_read(files[:MAILS_MOST]))


def count_mails(folder: Path) -> int:
    """How many e-mails and SMS a folder has, beside the newest that are read."""
    return sum(1 for _ in folder.glob("*.eml"))


def _read(files: list[Path]) -> Iterator[Mail]:
    for file in files:
        message = message_from_bytes(file.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)  # noqa: S101 (what the default policy makes)
        body = message.get_body(("plain",))
        written_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        yield Mail(written_at, str(message["To"]), str(message["Subject"]), body.get_content() if body else "")
