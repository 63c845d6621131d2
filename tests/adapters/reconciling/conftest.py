"""Cards that a provider charges, and comparing its list with their log."""

from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from msgspec import json

from adapters.gateways.pace import at_once
from adapters.gateways.sandbox.running import running
from adapters.gateways.simulated import SimulatedGateway
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_api import StripeApi
from adapters.reconciling import apply, compare, span_of
from engine.actor import actor
from engine.commands import RefundCharge
from engine.ports import ListChargesRequest
from engine.questions import ask
from tests.adapters.cards import BEGIN, FAR
from tests.adapters.gateways.stripe.asking import KEY, post

BUDGET = timedelta(seconds=5)
NOW = FAR + timedelta(hours=1)
SPAN = span_of(BEGIN, NOW, BUDGET)
BY = actor("operator", "tests")
GOOD = "pm_card_visa"


@dataclass
class Reconciled:
    """Cards that a provider charges, and comparing it with their log."""

    run: object
    cards: object
    gateway: object
    listing: object
    """Makes a gateway that lists anew: one remembers its last list for a minute."""
    token: object
    numbers: object

    def charged(self, token=None, *, answer=None):
        """The request that charged a card; `answer` is recorded in the place of the provider's."""
        [card_id] = self.cards.register(next(self.numbers), token=self.token(token))
        request, reply = self.step(card_id, FAR)
        self.record(reply if answer is None else answer, FAR)
        return request

    def step(self, card_id, at):
        """What the card asks the provider now, and its answer."""
        self.waiting = self.cards.engine.wake({card_id: "test"}, self.cards.rules()[0], at).questions
        [question] = self.waiting
        return question.request, self.run(asked(self.gateway, question, at))

    def record(self, answer, at):
        [question] = self.waiting
        done = self.cards.engine.record([(question, answer)], self.cards.rules()[0], at)
        assert not done.failed
        return done

    def refunded(self, request):
        """Refund a charge by the gateway."""
        about = {"card_id": request.card_id, "attempt_id": request.attempt_id}
        self.cards.give(RefundCharge(command_id=f"refund-{request.attempt_id}", **about))
        _, reply = self.step(request.card_id, FAR)
        self.record(reply, FAR)
        return reply

    def use(self, call):
        return call(self.cards.connection)

    def compared(self, gateway=None):
        return self.run(compare(self.use, gateway or self.listing(), SPAN))

    def kinds(self, gateway=None):
        return [one.kind for one in self.compared(gateway).differences]

    def applied(self):
        """How many facts it led to, and what is left."""
        done = apply(self.compared(), self.cards.engine, BY, self.gateway, lambda: (self.cards.rules()[0], NOW))
        return self.run(done), self.kinds()

    def ref(self, request):
        """The provider's reference of a charge."""
        found = self.run(self.listing().list_charges(ListChargesRequest(since=BEGIN), NOW))
        return next(one.gateway_ref for one in found.charges if one.attempt_id == request.attempt_id)


async def asked(gateway, question, at):
    return await ask(gateway, question, at)


@pytest.fixture
def address():
    with running() as sandbox:
        on_clock_of_the_cards(sandbox)
        yield sandbox


def on_clock_of_the_cards(sandbox):
    post_json(f"{sandbox}/_sandbox/clock", {"now": FAR.timestamp()})


def post_json(url, body):
    with urlopen(Request(url, json.encode(body)), timeout=60) as answer:
        return json.decode(answer.read())


@pytest.fixture
def stripe(run):
    """Makes gateways to sandboxes."""
    made = []

    def make(url):
        made.append(StripeGateway(StripeApi(KEY, url, at_once, livemode=False), BUDGET))
        return made[-1]

    yield make
    for one in made:
        run(one.close())


@pytest.fixture
def sandbox(run, cards, address, stripe):
    def bound(token):
        customer = post(address, "/v1/customers")["id"]
        attached = post(address, f"/v1/payment_methods/{token or GOOD}/attach", customer=customer)
        return f"{customer}/{attached['id']}"

    return Reconciled(run, cards, stripe(address), lambda: stripe(address), bound, count(1))


@pytest.fixture
def simulated(run, cards, tmp_path):
    with closing(SimulatedGateway(tmp_path / "gateway.sqlite3", 1, BUDGET)) as gateway:
        yield Reconciled(run, cards, gateway, lambda: gateway, lambda token: token or f"sim:good:{uuid4()}", count(1))


@pytest.fixture(params=["sandbox", "simulated"])
def provider(request, connection):
    """Each of the two, beside a migrated database."""
    return request.getfixturevalue(request.param)
