"""The consumer with Stripe as its gateway: it charges through a sandbox, and ends where Stripe does not let it in."""

import os
import subprocess
import sys
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.broker.due import DUE_SUBJECT, CardDue
from adapters.broker.streams import ensure_due_stream
from adapters.gateways.pace import Pace, at_once
from adapters.gateways.sandbox.running import running
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_api import StripeApi
from adapters.schema import migrate
from adapters.settings import load_settings
from tests.adapters.cards import PRICE, RENEWED
from tests.adapters.gateways.stripe.asking import KEY, error, get, post
from tests.adapters.gateways.stripe.wire import Wire, answer
from tests.engine.databases import application_url

BUDGET = timedelta(seconds=5)


@pytest.fixture
def address():
    with running() as sandbox:
        yield sandbox


@pytest.fixture
def refusing():
    with Wire().running() as wire:
        yield wire.says(answer(401, error("invalid_request_error")))


@pytest.fixture
def gateway(run, database_url, address):
    pace = Pace(application_url(database_url), 1000, BUDGET / 2)
    stripe = StripeGateway(StripeApi(KEY, address, pace.turn, livemode=False), BUDGET)
    yield stripe
    run(stripe.close())
    run(pace.close())


def bound(address, token):
    customer = post(address, "/v1/customers")["id"]
    return f"{customer}/{post(address, f'/v1/payment_methods/{token}/attach', customer=customer)['id']}"


def test_due_cards_are_charged_by_stripe_and_renewed(cards, queue, address):
    tokens = {number: bound(address, "pm_card_visa") for number in (1, 2)}
    due = [card for number, token in tokens.items() for card in cards.register(number, token=token)]
    queue.handle(*due)
    assert [cards.names(card_id)[3:] for card_id in due] == [RENEWED, RENEWED]
    assert get(address, "/_sandbox/totals") == {"net": {"eur": 2 * PRICE}, "charges": 2, "charged_twice": 0}
    assert queue.is_emptied()


def test_a_decline_is_a_fact_with_its_code(cards, queue, address):
    due = cards.register(1, token=bound(address, "pm_sandbox_lost_card"))
    queue.handle(*due)
    failed = next(one.fact for one in cards.log() if type(one.fact).__name__ == "ChargeFailed")
    assert (failed.code, failed.consequence, failed.ends_method) == ("lost_card", "never", True)


def test_what_was_not_executed_because_we_are_not_let_in_is_recorded_as_unknown(cards, queue, refusing, run):
    gateway = StripeGateway(StripeApi(KEY, refusing.url, at_once, livemode=False), BUDGET)
    queue.consumer.gateway = gateway
    due = cards.register(1, token="cus_1/pm_1")
    queue.handle(*due)
    assert cards.names(due[0])[3:] == ["renewal_started", "charge_attempted", "charge_outcome_unknown"]
    assert "BAOHAO_STRIPE_KEY" in str(queue.consumer.refused_us)
    assert queue.is_emptied()
    run(gateway.close())


def ended(database_url, nats_url, home, **settings):
    migrate(database_url, application := application_url(database_url))
    servers = {"DATABASE_URL": application, "NATS_URL": nats_url, "BAOHAO_HOME": str(home)}
    given = {f"BAOHAO_{name.upper()}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "adapters.cli", "run", "consumer"]
    env = os.environ | servers | {"BAOHAO_GATEWAY": "stripe"} | given
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_key_that_stripe_does_not_accept_ends_the_role(run, client, database_url, nats_url, tmp_path, refusing):
    run(ensure_due_stream(client.jetstream(), load_settings(gateway="stripe")))
    run(client.jetstream().publish(DUE_SUBJECT, CardDue(card_id=UUID(int=5)).model_dump_json().encode()))
    done = ended(database_url, nats_url, tmp_path, stripe_key=KEY, stripe_url=refusing.url)
    assert done.returncode == 78, done.stderr
    assert "Stripe does not accept the key of BAOHAO_STRIPE_KEY: put in one that is valid" in done.stderr
    assert KEY not in done.stdout + done.stderr


def test_a_live_key_with_a_test_setting_refuses_to_start(database_url, nats_url, tmp_path):
    key = "sk_live_" + "of_a_test"
    done = ended(database_url, nats_url, tmp_path, stripe_key=key)
    assert done.returncode == 78
    assert "BAOHAO_STRIPE_MODE is test, but the key is for live mode" in done.stderr
    assert key not in done.stdout + done.stderr
