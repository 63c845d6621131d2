"""An operator on a running system: stopping and resuming charging, retrying parked cards."""

import asyncio
from datetime import timedelta

import nats
import psycopg
import pytest

from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.gateways.simulated import double_charges, totals
from adapters.settings import load_settings
from tests.adapters.cards import BEGIN, PRICE, RENEWED, cards_of
from tests.adapters.cli.conftest import Installation
from tests.adapters.conftest import remove_streams
from tests.journey.patience import until

ASKED = RENEWED[:2]


@pytest.fixture(scope="module")
def installation(installation):
    """One on the virtual clock, as its roles are."""
    return Installation(installation.environment | {"BAOHAO_CLOCK": "virtual"})


@pytest.fixture(scope="module")
def settings(installation, tmp_path_factory):
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
