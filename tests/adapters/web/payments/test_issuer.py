"""Who issues receipts: as the settings have it when something is paid; what was issued never changes."""

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.schema import migrate
from adapters.settings import SettingsError, load_settings
from adapters.web.payments.issuer import Issuer, issuer_at, note_issuer
from tests.engine.databases import application_url

AT = datetime(2026, 11, 29, tzinfo=UTC)
ONE, OTHER = Issuer("Baohao Ltd", "1 Harbour Road, Hong Kong", "HK-1"), Issuer("保号有限公司", None, None)


@pytest.fixture
def ask(empty_url):
    """Works as the application, which may add issuers and change none."""
    migrate(empty_url, application_url(empty_url))

    def asked(work):
        async def once():
            url = application_url(empty_url)
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                return await work(connection)

        return asyncio.run(once())

    return asked


@pytest.fixture
def name(ask):
    """The web role starts at that time with settings that name this issuer."""

    def named(issuer, at):
        given = {f"issuer_{field}": value for field, value in issuer._asdict().items()} if issuer else {}
        ask(lambda connection: note_issuer(connection, load_settings(**given), at))

    return named


def test_a_receipt_names_the_issuer_of_the_time_at_which_it_was_paid(ask, name):
    days = [AT + timedelta(days=number) for number in range(5)]
    for issuer, day in zip((None, ONE, ONE, OTHER, None), days, strict=True):
        name(issuer, day)
    found = [ask(lambda connection, day=day: issuer_at(connection, day)) for day in days]
    assert found == [None, ONE, ONE, OTHER, None]


def test_a_clock_that_stands_still_or_goes_back_loses_no_change(ask, name):
    for issuer, hours in ((ONE, 0), (OTHER, 0), (ONE, -5)):
        name(issuer, AT + timedelta(hours=hours))
    assert ask(lambda connection: issuer_at(connection, AT)) == ONE
    assert ask(lambda connection: issuer_at(connection, AT + timedelta(seconds=1))) == ONE
    name(OTHER, AT - timedelta(hours=5))
    assert ask(lambda connection: issuer_at(connection, AT + timedelta(seconds=1))) == OTHER


def test_the_same_settings_add_nothing_and_what_was_said_cannot_be_changed(ask, name):
    for hours in range(3):
        name(ONE, AT + timedelta(hours=hours))
    count = "SELECT count(*) FROM receipt_issuers"
    assert ask(lambda connection: _one(connection, count)) == (1,)
    for change in ("UPDATE receipt_issuers SET name = 'x'", "DELETE FROM receipt_issuers"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(lambda connection, change=change: connection.execute(change))


async def _one(connection, query):
    return await (await connection.execute(query)).fetchone()


def test_what_receipts_cannot_show_is_refused_by_name(ask, name):
    with pytest.raises(SettingsError, match="BAOHAO_ISSUER_NAME has characters that receipts cannot show: 囍"):
        name(Issuer("囍 Ltd", None, None), AT)


def test_an_address_alone_is_no_issuer():
    with pytest.raises(SettingsError, match="but not BAOHAO_ISSUER_NAME"):
        load_settings(issuer_address="1 Harbour Road")
