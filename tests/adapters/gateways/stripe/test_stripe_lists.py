"""The list of all charges is complete however many there are: window after window, back in time."""

import asyncio
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import pytest

from adapters.cli.demo.at_sandbox import set_clock
from adapters.gateways import stripe_api, stripe_lists
from adapters.gateways.pace import at_once
from adapters.gateways.sandbox.running import running
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_lists import TakenList
from adapters.gateways.stripe_transport import Unanswered
from engine.ports import ListChargesRequest
from tests.adapters.gateways.stripe.asking import KEY, post
from tests.judge.judging import Judge

BEGIN = datetime(2027, 1, 21, tzinfo=UTC)
PER_SECOND = 3


@pytest.fixture
def charges(monkeypatch):
    """Makes so many charges in each of so many seconds at a sandbox of its own, and lists them in short windows."""
    monkeypatch.setattr(stripe_api, "PER_PAGE", 2)
    monkeypatch.setattr(stripe_api, "LIST_MAX", 4)
    judge = Judge()
    with running(observe=judge) as address:
        customer = post(address, "/v1/customers")["id"]
        method = post(address, "/v1/payment_methods/pm_card_visa/attach", customer=customer)["id"]

        def made(seconds, of_each):
            numbers = count()
            for second in range(seconds):
                set_clock(address, BEGIN.replace(second=second))
                for _ in range(of_each):
                    about = {"attempt": str(uuid4()), "card": str(uuid4()), "purpose": f"renewal:{next(numbers)}"}
                    metadata = {f"metadata[{name}]": value for name, value in about.items()}
                    paid = {"amount": 100, "currency": "eur", "customer": customer, "payment_method": method}
                    post(address, "/v1/payment_intents", confirm="true", off_session="true", **paid, **metadata)
            return asyncio.run(listed(address))

        yield made
    assert judge.findings == []


async def listed(address):
    api = StripeApi(KEY, address, at_once, livemode=False)
    taken = TakenList(api)
    try:
        return (await taken.since(ListChargesRequest(since=BEGIN))).charges
    finally:
        await taken.close()
        await api.close()


def test_more_than_fit_in_one_list_are_read_in_narrower_windows_each_once(charges):
    found = charges(seconds=7, of_each=PER_SECOND)
    assert sorted(int(one.purpose.removeprefix("renewal:")) for one in found) == list(range(7 * PER_SECOND))
    assert [one.charged_at for one in found] == sorted((one.charged_at for one in found), reverse=True)


def test_what_happened_in_one_second_is_never_left_out_in_silence(charges):
    with pytest.raises(Unanswered, match="too_large"):
        charges(seconds=2, of_each=7)


def test_so_many_that_they_would_not_fit_into_memory_are_no_list(charges, monkeypatch):
    monkeypatch.setattr(stripe_lists, "TAKEN_MAX", 5)
    with pytest.raises(Unanswered, match="too_large"):
        charges(seconds=4, of_each=PER_SECOND)
