"""`baohao reconcile` with Stripe's API as the sandbox speaks it."""

from datetime import timedelta
from urllib.request import Request, urlopen
from uuid import UUID

import pytest
from msgspec import json

from adapters.gateways.sandbox.running import running
from engine.ports import Declined
from tests.adapters.cards import FAR, PRICE
from tests.adapters.cli.conftest import Installation, on_virtual_clock
from tests.adapters.gateways.stripe.asking import KEY, charge, post

NOW = FAR + timedelta(hours=1)


@pytest.fixture(scope="module")
def address():
    with running() as sandbox:
        body = json.encode({"now": FAR.timestamp()})
        with urlopen(Request(f"{sandbox}/_sandbox/clock", body), timeout=60):
            yield sandbox


@pytest.fixture(scope="module")
def installation(new_installation, address):
    """One that charges through the sandbox; its virtual clock stands an hour after the charges."""
    fresh = on_virtual_clock(new_installation(), NOW)
    stripe = {"BAOHAO_GATEWAY": "stripe", "BAOHAO_STRIPE_URL": address, "BAOHAO_STRIPE_KEY": KEY}
    return Installation(fresh.environment | stripe)


@pytest.fixture
def charged(cards, address):
    """A card whose renewal the sandbox charged; the log says that it was declined."""
    customer = post(address, "/v1/customers")["id"]
    method = post(address, "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    [card_id] = cards.register(1, token=f"{customer}/{method}")
    rules, _ = cards.rules()
    [question] = cards.engine.wake({card_id: "test"}, rules, FAR).questions
    charge(address, question.request)
    cards.engine.record([(question, Declined(code="generic_decline"))], rules, FAR)
    return question.request


def test_a_difference_is_shown_with_what_to_do_and_applied(installation, cards, charged):
    shown = installation.run("reconcile")
    assert shown.exit_code == 1
    assert "1 charges at the provider, 0 in the log, 0 open" in shown.stdout
    assert f"of card {charged.card_id} is said not to have happened: `baohao reconcile --apply` looks" in shown.stdout
    done = installation.json("reconcile", "--apply")
    assert (done["facts_recorded"] > 0, done["differences"]) == (True, [])
    assert "charge_succeeded" in cards.names(charged.card_id)
    assert {one.actor for one in cards.log() if one.cause == "baohao reconcile"} == {"system:cli"}
    again = installation.json("reconcile", "--since", "2027-01-01")
    assert (again["charges_at_provider"], again["charges_in_log"], again["differences"]) == (1, 1, [])
    assert "differences: none" in installation.run("reconcile").stdout


def test_what_nobody_can_say_is_left_and_the_exit_status_says_so(installation, address):
    customer = post(address, "/v1/customers")["id"]
    method = post(address, "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]
    metadata = {"attempt": UUID(int=7), "card": UUID(int=8), "purpose": "renewal:2"}
    fields = {f"metadata[{name}]": value for name, value in metadata.items()}
    fields |= {"amount": PRICE, "currency": "eur", "customer": customer, "payment_method": method}
    flags = {"confirm": "true", "off_session": "true", "payment_method_types[]": "card"}
    charge_ref = post(address, "/v1/payment_intents", **fields, **flags)["id"]
    done = installation.run("reconcile", "--apply")
    assert done.exit_code == 1
    assert f"charge_unknown: charge {charge_ref} of card {UUID(int=8)} answers no attempt" in done.stdout
    [case] = installation.json("case", "list")
    assert (case["reason"], case["about"]) == ("charge_unknown", str(UUID(int=7)))
    assert f"`baohao case close {charge_ref} --evidence TEXT`" in installation.run("case", "list").stdout
    assert installation.run("case", "close", charge_ref, "--evidence", " ").exit_code == 2
    assert installation.json("case", "close", charge_ref, "--evidence", "refunded by hand") == {"differences": 1}
    assert installation.json("case", "list") == []
    again = installation.run("case", "close", charge_ref, "--evidence", "refunded by hand")
    assert (again.exit_code, again.stdout) == (1, "")
    assert "no open case is about a charge" in again.stderr


@pytest.mark.parametrize("since", ["yesterday", "-3", "99999", "2027-02-30"])
def test_a_malformed_day_is_refused(installation, since):
    done = installation.run("reconcile", "--since", since)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "2027-01-31" in done.stderr
