"""What is about to be sent is judged once more: still true, an address, the hour; then rendered, if it was not yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import structlog
from psycopg import Connection

from adapters.languages import shown
from adapters.languages.language import Language, named
from adapters.languages.texts import texts
from adapters.notices.delivery import Rendered, Row, drop, is_doubtful_again, wait
from adapters.notices.gsm import fits_one_sms, sms_text
from adapters.notices.kinds import Channel, kind_of
from adapters.notices.of_card import next_payment_on
from adapters.notices.reached import bounced
from adapters.notices.recipients import Recipient, numbers, recipients
from adapters.notices.rendering import TEMPLATE_VERSION, Sender, Sms, email_bytes, sms_bytes
from adapters.notices.still_true import Dropped, Unclear, verdict_on
from adapters.notices.timing import UNKNOWN_WAITS, after_quiet_hours
from adapters.notices.unsubscribing import token_of, without
from adapters.notices.wording import LETTERS, NUMBER_ENDING, About, receipt_of, shown_values, words_of
from engine.application import Engine
from engine.calendar import local_date
from engine.card.card import Card
from engine.policy import Policy

log = structlog.get_logger()

UNREADABLE_WAITS = timedelta(hours=1)
"""How long a notice waits whose card cannot be read; a newer program may."""
_LAST_DIGITS = 4


class _Known(NamedTuple):
    """What the database says about the rows of a batch."""

    cards: Mapping[UUID, Card]
    recipients: Mapping[str, Recipient]
    numbers: Mapping[UUID, str]
    unsubscribed: set[tuple[str, str]]
    bounced: set[str]
    """Addresses that nothing reaches; one that a later message reached is none of them."""


class _Target(NamedTuple):
    """Who a row goes to, and what its text is about."""

    address: str
    language: Language
    zone: str
    card: Card | None
    number: str | None


@dataclass(frozen=True)
class Preparing:
    """Judges and renders claimed rows."""

    engine: Engine
    sender: Sender
    channels: frozenset[Channel]
    """Those by which anything can be sent here."""
    policy: Policy

    def prepare(self, connection: Connection[Any], rows: Sequence[Row], now: datetime) -> list[tuple[Row, Rendered]]:
        """What of the rows is to be sent now; the others are dropped or wait."""
        known = self._known(connection, rows)
        ready: list[tuple[Row, Rendered]] = []
        for row in rows:
            try:
                rendered = self._judged(connection, row, known, now)
            except psycopg.Error:
                raise
            except Exception as error:  # noqa: BLE001 (a notice that cannot be written keeps no other waiting)
                name = type(error).__name__
                log.error(  # noqa: TRY400 (a traceback might show an address)
                    "notices.cannot_be_written", key=row.key, kind=row.kind, error=name
                )
                drop(connection, row, "cannot_be_written")
                continue
            if rendered is not None:
                ready.append((row, rendered))
        return ready

    def _known(self, connection: Connection[Any], rows: Sequence[Row]) -> _Known:
        card_ids = list({row.card_id for row in rows if row.card_id is not None})
        if not card_ids:
            return _Known({}, {}, {}, set(), set())
        cards = {card.card_id: card for card in self.engine.cards(card_ids)}
        holder_ids = list({row.holder_id for row in rows if row.holder_id is not None})
        holders = recipients(connection, holder_ids)
        addresses = [address for one in holders.values() for address in (one.email, one.phone) if address is not None]
        return _Known(
            cards,
            holders,
            numbers(connection, card_ids),
            without(connection, holder_ids),
            bounced(connection, addresses),
        )

    def _judged(self, connection: Connection[Any], row: Row, known: _Known, now: datetime) -> Rendered | None:
        if row.channel not in self.channels:
            drop(connection, row, "no_such_channel", other_channel=True)
            return None
        if row.is_over:
            drop(connection, row, "no_news_any_more")
            return None
        target = _account(row) if row.card_id is None else _card(connection, row, known, now)
        if target is None or not self._may_go(connection, row, target, now):
            return None
        if row.body is not None:  # rendered before: every try sends the same
            return Rendered(target.address, target.language, target.zone, row.body, TEMPLATE_VERSION)
        return self._rendered(connection, row, target, now)

    def _may_go(self, connection: Connection[Any], row: Row, target: _Target, now: datetime) -> bool:
        """Whether it may be sent at this hour, and has a text."""
        if row.kind not in LETTERS or row.content is None:
            drop(connection, row, "no_text")
            return False
        if row.channel == "sms" and row.card_id is not None and kind_of(row.kind).may_wait:
            morning = after_quiet_hours(now, target.zone)
            if morning > now:
                wait(connection, row, morning, "quiet_hours")
                return False
        return not is_doubtful_again(connection, row)

    def _rendered(self, connection: Connection[Any], row: Row, target: _Target, now: datetime) -> Rendered:
        zone = target.card.term.zone if target.card is not None else target.zone
        payment_on = next_payment_on(target.card, self.policy, now)
        about = About(target.language, zone, target.card, _name_of(row, target), payment_on)
        words, page = words_of(row.kind, row.content or {}, about), self._page(row)
        if row.channel == "sms":
            if not fits_one_sms(sms_text(words.sms, target.language)) and target.number is not None:
                about = about._replace(card_name=_ending(target.number, target.language))
                words = words_of(row.kind, row.content or {}, about)
            params = shown_values(row.content or {}, about)
            body = sms_bytes(words, Sms(target.address, words.letter, params, target.language, row.key, ""), page)
        else:
            body = email_bytes(
                words,
                target.address,
                target.language,
                self.sender,
                key=row.key,
                page=page,
                unsubscribe=self._unsubscribe(connection, row),
                at=now,
            )
        return Rendered(target.address, target.language, target.zone, body, TEMPLATE_VERSION)

    def _page(self, row: Row) -> str | None:
        url, attempt_id = self.sender.web_url, receipt_of(row.kind, row.content or {})
        if url is not None and attempt_id is not None:
            return f"{url}/receipts/{attempt_id}"
        leads_to_card = row.card_id is not None and row.kind != "holder_changed"  # who is told sees it no more
        return f"{url}/cards/{row.card_id}" if url is not None and leads_to_card else url

    def _unsubscribe(self, connection: Connection[Any], row: Row) -> str | None:
        if not kind_of(row.kind).optional or row.holder_id is None or self.sender.web_url is None:
            return None
        token = token_of(connection, row.holder_id, row.kind)
        return f"{self.sender.web_url}/unsubscribe/{token}"


def _account(row: Row) -> _Target | None:
    """Where a message of accounts goes: its sender has said so."""
    language = named(row.language or "") or "en"
    return None if row.address is None else _Target(row.address, language, "UTC", None, None)


def _card(connection: Connection[Any], row: Row, known: _Known, now: datetime) -> _Target | None:
    """Where a notice of a card goes; None where it is dropped or waits."""
    card = known.cards.get(row.card_id) if row.card_id is not None else None
    if card is None:
        wait(connection, row, now + UNREADABLE_WAITS, "card_unreadable")
        return None
    verdict = verdict_on(row.kind, row.content or {}, card, local_date(now, card.term.zone))
    match verdict:
        case Dropped(reason):
            drop(connection, row, reason)
            return None
        case Unclear(reason):
            wait(connection, row, now + UNKNOWN_WAITS, reason)
            return None
        case None:
            pass
    holder = known.recipients.get(row.holder_id or "")
    if holder is None:
        drop(connection, row, "no_account")
        return None
    if (holder.holder_id, row.kind) in known.unsubscribed:
        drop(connection, row, "unsubscribed")
        return None
    address = row.address or holder.address(row.channel)
    if address is None:
        drop(connection, row, "no_address", other_channel=True)
        return None
    if address in known.bounced:
        drop(connection, row, "address_bounced", other_channel=True)
        return None
    zone = holder.zone or card.custody.zone
    return _Target(address, row.language or holder.language, zone, card, known.numbers.get(card.card_id))


def _name_of(row: Row, target: _Target) -> str:
    """How the text calls the card: by its number, of which an SMS to another phone shows the end; else by its id."""
    if target.number is None:
        return str(row.card_id)[:8]
    if row.channel == "sms" and target.address != target.number:
        return _ending(target.number, target.language)
    return shown.phone_number(target.number)


def _ending(number: str, language: Language) -> str:
    return texts("adapters.notices", language).gettext(NUMBER_ENDING).format(last4=number[-_LAST_DIGITS:])
