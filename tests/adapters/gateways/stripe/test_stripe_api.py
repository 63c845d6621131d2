"""Requests and lists: at the common pace, a bounded number at a time, and lists of a bounded length."""

import asyncio

import pytest

from adapters.gateways import stripe_api
from adapters.gateways.pace import NoTurnError, at_once
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_objects import Refund
from adapters.gateways.stripe_transport import Unanswered
from tests.adapters.gateways.stripe.asking import KEY
from tests.adapters.gateways.stripe.wire import answer, slow

REFUND = {"id": "re_1", "object": "refund", "amount": 1, "currency": "eur", "status": "succeeded"}


def with_api(url, ask, turn=at_once):
    async def one():
        api = StripeApi(KEY, url, turn, livemode=False)
        try:
            return await ask(api)
        finally:
            await api.close()

    return asyncio.run(one())


def test_who_has_waited_for_a_connection_waits_for_a_new_turn(wire, monkeypatch):
    monkeypatch.setattr(stripe_api, "CONCURRENCY", 2)
    wire.says(slow(answer(200, {})))
    turns = []

    async def turn():
        turns.append(len(wire.asked))

    async def five(api):
        await asyncio.gather(*(api.get("/v1/refunds", {}) for _ in range(5)))

    with_api(wire.url, five, turn)
    assert len(wire.asked) == 5
    assert len(turns) == 5 + 3  # three found no connection free
    assert [already_asked >= 2 for already_asked in turns].count(True) == 3


@pytest.mark.parametrize(("known", "reason"), [(True, "no_turn"), (False, "rate_unknown")])
def test_without_a_turn_nothing_is_sent(wire, known, reason):
    async def none():
        raise NoTurnError(known=known)

    with pytest.raises(Unanswered, match=reason):
        with_api(wire.url, lambda api: api.get("/v1/refunds", {}), none)
    assert wire.asked == []


def page(*numbers, more):
    found = [REFUND | {"id": f"re_{number}"} for number in numbers]
    return answer(200, {"object": "list", "data": found, "has_more": more})


def test_a_list_is_read_page_by_page(wire):
    wire.says(page(1, 2, more=True), page(3, more=False))
    found = with_api(wire.url, lambda api: api.list_all("/v1/refunds", Refund, {}))
    assert [one.id for one in found] == ["re_1", "re_2", "re_3"]
    assert len(wire.asked) == 2


def test_a_list_that_never_ends_is_not_read_to_its_end(wire, monkeypatch):
    monkeypatch.setattr(stripe_api, "LIST_MAX", 10)
    wire.says(page(1, 2, more=True))
    with pytest.raises(Unanswered, match="too_large"):
        with_api(wire.url, lambda api: api.list_all("/v1/refunds", Refund, {}))
    assert len(wire.asked) == 5


def test_an_empty_page_that_promises_more_ends_the_list(wire):
    wire.says(page(more=True))
    assert with_api(wire.url, lambda api: api.list_all("/v1/refunds", Refund, {})) == []
