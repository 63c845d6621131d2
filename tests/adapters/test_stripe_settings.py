"""Settings of Stripe: a key of the other mode refuses to start, and no secret is ever shown."""

import asyncio
import os

import pytest

from adapters.gateways.simulated import SimulatedGateway
from adapters.secret_files import stripe_key_of, stripe_webhook_secret_of
from adapters.settings import SettingsError, describe, environment, load_settings
from adapters.wiring import flow_of, opened_gateway

TEST, LIVE = "sk_test_" + "of_a_test", "rk_live_" + "of_a_test"
SANDBOX = "http://127.0.0.1:12111"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith("BAOHAO_"):
            monkeypatch.delenv(name)


def stripe(**given):
    return load_settings(gateway="stripe", **given)


def test_the_key_is_that_of_the_variable_or_of_the_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{TEST}\n")
    assert stripe_key_of(stripe(stripe_key=TEST)) == stripe_key_of(stripe(stripe_key_file=file)) == TEST
    with pytest.raises(SettingsError, match="both set"):
        stripe_key_of(stripe(stripe_key=TEST, stripe_key_file=file))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"stripe_key": LIVE}, "STRIPE_MODE is test, but the key is for live mode"),
        ({"stripe_key": TEST, "stripe_mode": "live"}, "STRIPE_MODE is live, but the key is for test mode"),
        ({"stripe_key": LIVE, "stripe_mode": "live", "stripe_url": SANDBOX}, "STRIPE_URL is a sandbox"),
        ({"stripe_key": "pk_test_public"}, "STRIPE_KEY is wrong: it should begin with sk_test_ or rk_test_"),
        ({"stripe_key": TEST + "\r\nX-Evil: 1"}, "STRIPE_KEY is wrong"),
        ({}, "STRIPE_KEY or BAOHAO_STRIPE_KEY_FILE should be set"),
    ],
)
def test_a_key_that_does_not_fit_refuses_to_start(given, sentence):
    async def start():
        async with opened_gateway(stripe(**given)):
            raise AssertionError("it has started")

    with pytest.raises(SettingsError, match=sentence) as refusal:
        asyncio.run(start())
    assert given.get("stripe_key", "nothing") not in str(refusal.value)


def test_a_live_key_in_live_mode_starts():
    assert stripe_key_of(stripe(stripe_key=LIVE, stripe_mode="live")) == LIVE


@pytest.mark.parametrize(
    "url", ["https://api.stripe.com", "https://api.stripe.com/", SANDBOX, "http://[::1]:1", "http://localhost:80"]
)
def test_the_address_is_stripes_or_on_this_machine(url):
    assert stripe(stripe_url=url).stripe_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        *("http://api.stripe.com", "https://api.stripe.com.evil.example", "https://127.0.0.1.evil.example"),
        *(
            "http://me:secret@127.0.0.1:1",
            "http://127.0.0.1:1/path",
            "http://127.0.0.1:1@evil.example",
            "ftp://localhost",
        ),
    ],
)
def test_keys_are_sent_nowhere_else(url):
    with pytest.raises(SettingsError, match="BAOHAO_STRIPE_URL is wrong: it should be https://") as wrong:
        stripe(stripe_url=url)
    assert "secret" not in str(wrong.value)


def test_no_secret_is_shown_anywhere(monkeypatch):
    monkeypatch.setenv("BAOHAO_STRIPE_KEY", TEST)
    monkeypatch.setenv("BAOHAO_STRIPE_WEBHOOK_SECRET", "whsec_of_a_test")
    settings = stripe()
    shown = f"{settings!r} {settings} {describe(settings)}"
    assert TEST not in shown
    assert "whsec_of_a_test" not in shown
    assert {row.variable: row.value for row in describe(settings)}["BAOHAO_STRIPE_KEY"] == "***"


def test_child_processes_are_given_them(monkeypatch):
    settings = stripe(stripe_key=TEST, stripe_url=SANDBOX)
    monkeypatch.setattr(os, "environ", environment(settings))
    assert load_settings() == settings


def test_the_secret_of_notifications_is_read_like_the_key(tmp_path):
    file = tmp_path / "secret"
    file.write_text("whsec_of_a_test")
    assert stripe_webhook_secret_of(stripe(stripe_webhook_secret_file=file)) == "whsec_of_a_test"
    with pytest.raises(SettingsError, match="STRIPE_WEBHOOK_SECRET"):
        stripe_webhook_secret_of(stripe())


def test_stripe_is_given_more_time_than_the_simulated_gateway():
    assert (load_settings().gateway_budget_s, stripe().gateway_budget_s, stripe().ack_wait_s) == (5, 20, 45)


def test_a_consumer_takes_no_more_cards_than_can_be_sent_in_time():
    assert flow_of(load_settings()) == (256, 8)
    batch, batches = flow_of(stripe())
    assert batch * batches <= 20 * 20 / 4
    assert flow_of(stripe(gateway_rate=1000)) == (54, 7)
    assert flow_of(stripe(gateway_rate=0.1)) == (1, 1)


def test_the_simulated_gateway_needs_none_of_it(tmp_path):
    async def start():
        async with opened_gateway(load_settings(home=tmp_path)) as gateway:
            return isinstance(gateway, SimulatedGateway)

    assert asyncio.run(start())
