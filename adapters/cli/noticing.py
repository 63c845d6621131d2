"""Notices to holders: what was sent, what waits, and sending one again."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import typer
from psycopg.rows import class_row

from adapters.cli.output import err, out, put_fields, put_rows
from adapters.cli.servers import connection
from adapters.languages.language import LANGUAGES
from adapters.notices.aliyun_templates import texts_of
from adapters.notices.outbox import Again, send_again
from adapters.notices.wording import LETTERS
from adapters.settings import Settings

NOTICE_COLUMNS = ("key", "channel", "state", "reason")
"""The columns that fit a terminal; JSON has all."""


class _Listed(NamedTuple):
    """A row of the outbox, without texts and addresses."""

    key: str
    channel: str
    kind: str
    holder_id: str | None
    card_id: UUID | None
    caused_at: datetime
    state: str
    reason: str | None
    not_before: datetime
    expires_at: datetime
    tries: int
    language: str | None
    template_version: str | None
    sent_at: datetime | None
    provider_id: str | None
    correlation_id: str | None


class _Template(NamedTuple):
    """A text of an SMS."""

    name: str
    language: str
    text: str


_COLUMNS = ", ".join(_Listed._fields)


def list_notices(settings: Settings, holder: str | None, state: str | None, limit: int, *, as_json: bool) -> None:
    """The newest causes first."""
    query = f"""
        SELECT {_COLUMNS} FROM outbox
        WHERE (%(holder)s::text IS NULL OR holder_id = %(holder)s) AND (%(state)s::text IS NULL OR state = %(state)s)
        ORDER BY caused_at DESC, key, channel LIMIT %(limit)s
    """  # noqa: S608 (names of our own columns)
    with connection(settings) as open_connection, open_connection.cursor(row_factory=class_row(_Listed)) as cursor:
        rows = cursor.execute(query.encode(), {"holder": holder, "state": state, "limit": limit}).fetchall()
    put_rows("notices", rows, as_json=as_json, columns=NOTICE_COLUMNS)


def list_templates(*, as_json: bool) -> None:
    """Every text of an SMS in each language, with its values as `${name}`."""
    rows = [
        _Template(one.name, language, one.as_template(language))
        for kind in LETTERS
        for one in texts_of(kind)
        for language in LANGUAGES
    ]
    put_rows("templates", rows, as_json=as_json)


def show_notice(settings: Settings, key: str, *, as_json: bool) -> None:
    """All channels of one notice; exit status 1 where there is none."""
    with connection(settings) as open_connection, open_connection.cursor(row_factory=class_row(_Listed)) as cursor:
        query = f"SELECT {_COLUMNS} FROM outbox WHERE key = %s ORDER BY channel"  # noqa: S608 (as above)
        rows = cursor.execute(query.encode(), (key,)).fetchall()
    if not rows:
        err.print(f"there is no notice {key}", markup=False, soft_wrap=True)
        raise typer.Exit(1)
    if as_json:
        put_rows("notice", rows, as_json=True)
        return
    for row in rows:
        put_fields(f"notice {key} by {row.channel}", row._asdict(), as_json=False)


def resend_notice(settings: Settings, key: str, *, as_json: bool) -> None:
    """Send a notice again by each of its channels, rendered anew; exit status 1 where that cannot be."""
    with connection(settings) as open_connection:
        answer = send_again(open_connection, key)
    sentence = _SENTENCES[answer]
    if answer == "again":
        put_fields("notice", {"key": key, "state": "pending"}, as_json=as_json)
        if not as_json:
            out.print(sentence)
        return
    err.print(f"{key}: {sentence}", markup=False, soft_wrap=True)
    raise typer.Exit(1)


_SENTENCES: dict[Again, str] = {
    "again": "the notifier sends it, if it is still true",
    "unknown": "there is no such notice",
    "waits": "it is not sent yet, so there is nothing to send again",
    "forgotten": "what it said is not kept, as of every message of accounts; the holder can ask for another one",
}
