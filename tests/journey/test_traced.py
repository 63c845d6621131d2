"""What a collector of traces sees of a command of another system, and of the renewal that follows, over all roles."""

import asyncio
import json
from contextlib import closing
from datetime import timedelta

import nats
import psycopg

from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.roles import ROLES
from adapters.settings import load_settings
from tests.adapters.cards import BEGIN, FAR, commands_for
from tests.adapters.collectors import Collector
from tests.adapters.roles.senders import Broker, answered
from tests.journey.patience import until

NAMES = ("register_card", "bind_payment_method", "enable_auto_renew")


CARD = 5


async def give(url, *names):
    """Commands for a card whose method pays."""
    client = await nats.connect(url)
    for name, command in zip(NAMES, commands_for(CARD, f"sim:good:{CARD}"), strict=True):
        if name not in names:
            continue
        body = json.loads(command.model_dump_json(exclude_defaults=True))
        assert (await answered(Broker(client), name, body))[0] == "command_accepted"
    await client.close()


def test_a_command_and_a_renewal_are_each_one_trace_from_the_first_process_to_the_notice(served):
    with closing(Collector()) as collector:
        mail = served["home"] / "mail"
        settings = load_settings(**served, senders="crm", traces_url=collector.url, mail_folder=mail)
        roles = (*ROLES, "commands", "notifier")
        with (
            all_roles(settings, roles) as (running, _),
            psycopg.connect(served["database_url"], autocommit=True) as connection,
        ):
            move_clock(connection, BEGIN)
            connection.execute(
                "INSERT INTO accounts (holder_id, email, email_confirmed, language, zone, created_at) "
                "VALUES ('holder-5', 'holder@example.com', true, 'en', 'UTC', now())"
            )
            asyncio.run(give(running.nats_url, "register_card"))
            move_clock(connection, BEGIN + timedelta(days=2))  # no import any more, of which holders are not told
            asyncio.run(give(running.nats_url, "bind_payment_method", "enable_auto_renew"))
            until(lambda: len(collector.of("crm:enable-5")) == 3)
            move_clock(connection, FAR)
            until(lambda: renewal_of(connection, "charge_attempted"))
            renewal = renewal_of(connection, "charge_attempted")
            until(lambda: ("notifier", "notice", "wake") in collector.of(renewal))
        assert collector.of("crm:enable-5") == {
            ("commands", "command", None),
            ("publisher", "publish", "command"),
            ("notifier", "notice", "command"),
        }
        assert collector.of(renewal) == {
            ("consumer", "wake", None),
            ("consumer", "gateway.charge", "wake"),
            ("consumer", "record", "wake"),
            ("publisher", "publish", "wake"),
            ("notifier", "notice", "wake"),
        }
        sent = connection_rows(
            served["database_url"], "SELECT kind, correlation_id FROM outbox WHERE state = 'accepted'"
        )
        assert {("switched_on", "crm:enable-5"), ("renewed", renewal)} <= set(sent)


def renewal_of(connection, fact):
    """The correlation id of the first fact of that name."""
    row = connection.execute("SELECT state FROM card_events WHERE topic = %s LIMIT 1", (f"{fact}.v1",)).fetchone()
    return row and json.loads(row[0])["cause"]


def connection_rows(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()
