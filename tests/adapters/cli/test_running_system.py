"""An operator on a running system: stopping and resuming charging, retrying parked cards."""

import asyncio
import socket
from contextlib import suppress
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import urlopen

import nats
import psycopg
import pytest
from msgspec import json

from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.gateways.simulated import double_charges, totals
from adapters.roles import ROLES
from adapters.settings import load_settings
from tests.adapters.cards import BEGIN, PRICE, RENEWED, cards_of
from tests.adapters.cli.conftest import Installation
from tests.adapters.conftest import remove_streams
from tests.journey.patience import until
from tests.ports import free_port

ASKED = RENEWED[:2]


@pytest.fixture(scope="module")
def installation(installation):
    """One on the virtual clock, as its roles are."""
    return Installation(installation.environment | {"BAOHAO_CLOCK": "virtual"})


@pytest.fixture(scope="module")
def metrics_port():
    """The first of as many free ones as there are roles."""
    first, *_ = [free_port() for _ in ROLES]
    return first


@pytest.fixture(scope="module")
def settings(installation, tmp_path_factory, metrics_port):
    return load_settings(
        home=tmp_path_factory.mktemp("system"),
        database_url=installation.environment["DATABASE_URL"],
        owner_database_url=installation.database_url,
        nats_url=installation.environment["NATS_URL"],
        clock="virtual",
        gateway_budget_s=0.5,
        ack_wait_s=1,
        fetch_ms=5,
        poll_ms=200,
        metrics_port=metrics_port,
    )


@pytest.fixture(scope="module", autouse=True)
def _roles(settings):
    asyncio.run(_with_client(settings.nats_url, remove_streams))
    with all_roles(settings):
        yield


@pytest.fixture(scope="module")
def cards(settings, _roles):
    budget = timedelta(seconds=settings.gateway_budget_s)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        move_clock(connection, BEGIN)
        found, pool = cards_of(connection, settings.database_url, budget)
        yield found
        pool.close()


async def _with_client(url, work):
    client = await nats.connect(url)
    try:
        return await work(client)
    finally:
        await client.close()


def advance(cards, time):
    """Move the clock on."""
    cards.now += time
    move_clock(cards.connection, cards.now)


def wake_time(cards, card_id):
    row = cards.connection.execute("SELECT wake_at FROM due WHERE card_id = %s", (card_id,)).fetchone()
    return row[0] if row else None


def test_while_charging_is_stopped_nobody_is_charged_or_suspended_and_then_everybody_is_charged(
    installation, settings, cards
):
    installation.json("charging", "stop", "--why", "a bad night")
    stopped = cards.register(1, 2)
    advance(cards, timedelta(days=10))  # both terms are over, and the plan has no days of grace
    until(lambda: all(len(cards.names(card_id)) > 3 for card_id in stopped))
    until(lambda: all((wake_time(cards, card_id) or BEGIN) > cards.now for card_id in stopped))
    for card_id in stopped:
        assert cards.names(card_id)[-2:] == ["renewal_started", "charging_blocked"]
        shown = installation.json("card", "show", card_id)
        assert shown["status"] == "active"

    assert installation.json("charging", "resume")["cards_woken"] == 2
    until(lambda: all(cards.names(card_id)[-3:] == RENEWED[1:] for card_id in stopped))
    assert totals(settings.gateway_record) == {"EUR": 2 * PRICE}


def test_a_parked_card_is_retried_on_command(installation, settings, cards):
    [card_id] = cards.register(6, token="no-such-token-{}")
    advance(cards, BEGIN + timedelta(days=25) - cards.now)  # whichever test runs first
    until(lambda: installation.json("parked", "list"))
    [parked] = installation.json("parked", "list")
    assert (parked["card_id"], parked["reason"]) == (str(card_id), "no such payment method: no-such-token-6")
    assert cards.names(card_id)[-2:] == ASKED
    before = totals(settings.gateway_record)

    advance(cards, timedelta(hours=1))
    assert installation.json("parked", "retry", parked["parked_id"]) == {"retried": 1}
    until(lambda: installation.json("parked", "list"))
    [again] = installation.json("parked", "list")
    assert again["card_id"] == str(card_id)
    assert again["parked_id"] > parked["parked_id"]

    assert installation.json("parked", "retry") == {"retried": 1}
    assert totals(settings.gateway_record) == before
    assert double_charges(settings.gateway_record) == 0


def listens(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def page(port, path):
    until(lambda: listens(port))  # a role may still begin
    with urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("role", ROLES)
def test_each_role_says_how_it_is_at_a_port_of_its_own(settings, eventually, role):
    port = settings.metrics_port + ROLES.index(role)
    assert page(port, "healthz") == "ok\n"
    assert json.decode(page(port, "readyz")) == {"database": "ok", "broker": "ok"}
    assert 'baohao_log_lines_total{event="role.started",level="info"} 1.0' in page(port, "metrics")
    assert "process_cpu_seconds_total" in page(port, "metrics")
    with pytest.raises(HTTPError, match="404"):
        page(port, "else")


def test_what_was_charged_and_how_the_system_is_can_be_read_as_metrics(settings, cards):
    consumer, scheduler = (settings.metrics_port + ROLES.index(role) for role in ("consumer", "scheduler"))
    cards.register(9)
    advance(cards, timedelta(days=26))
    until(lambda: 'baohao_gateway_answers_total{answer="charged"}' in page(consumer, "metrics"))
    assert 'baohao_stage_seconds_count{event="consumer.batch",stage="gateway"}' in page(consumer, "metrics")
    shown = page(scheduler, "metrics")
    assert 'baohao_roles{role="consumer"} 1.0' in shown
    assert 'baohao_lag_facts{follower="read_models"}' in shown
    assert 'baohao_charging_stopped{why="operator"} 0.0' in shown
