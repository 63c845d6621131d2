"""Reconciling: what differs between a provider and the log, what of it is recorded, and what is left for a person."""

from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from urllib.request import Request, urlopen
from uuid import UUID, uuid4

import pytest
from msgspec import json
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.charged import books_since
from adapters.gateways.pace import at_once
from adapters.gateways.sandbox.running import running
from adapters.gateways.simulated import SimulatedGateway
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_api import StripeApi
from adapters.reconciling import NotListedError, apply, compare, differences, span_of
from adapters.reconciling_daily import reconcile, until_next
from engine.actor import actor
from engine.commands import RefundCharge
from engine.money import Money
from engine.ports import ChargeRequest, ChargesRequest, Declined, Unclear
from engine.questions import ask
from engine.rules import Gap
from tests.adapters.cards import BEGIN, FAR, PRICE
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

    def compared(self, gateway=None):
        return self.run(compare(lambda call: call(self.cards.connection), gateway or self.listing(), SPAN))

    def kinds(self, gateway=None):
        return [one.kind for one in self.compared(gateway).differences]

    def applied(self):
        """How many facts it led to, and what is left."""
        done = apply(self.compared(), self.cards.engine, BY, self.gateway, lambda: (self.cards.rules()[0], NOW))
        return self.run(done), self.kinds()

    def ref(self, request):
        """The provider's reference of a charge."""
        found = self.run(self.listing().charges(ChargesRequest(since=BEGIN), NOW))
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
    with urlopen(Request(url, json.encode(body)), timeout=5) as answer:
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


def test_where_provider_and_log_agree_nothing_differs(provider):
    first = provider.charged()
    provider.charged()
    provider.refunded(first)
    compared = provider.compared()
    assert (compared.at_provider, compared.in_log, compared.open, compared.differences) == (2, 2, (), ())
    assert provider.applied() == (0, [])


def test_a_charge_that_answers_no_attempt_is_left_to_a_person(provider):
    request = provider.charged()
    strange = replace(request, attempt_id=UUID(int=7))
    provider.run(provider.gateway.charge(strange, FAR))
    [found] = provider.compared().differences
    assert (found.kind, found.attempt_id, found.provider_minor) == ("charge_unknown", strange.attempt_id, PRICE)
    assert provider.applied() == (0, ["charge_unknown"])


def test_a_charge_of_a_card_that_the_log_does_not_have_is_found(provider):
    request = ChargeRequest(
        attempt_id=UUID(int=8),
        card_id=UUID(int=9),
        purpose="renewal:2",
        token=provider.token(None),
        amount=Money(minor=990, currency="EUR"),
        attempted_at=FAR,
    )
    provider.run(provider.gateway.charge(request, FAR))
    assert provider.kinds() == ["charge_unknown"]


def test_a_second_charge_for_one_attempt_is_found_until_it_is_refunded(sandbox, address):
    request = sandbox.charged()
    customer, method = request.token.split("/")
    names = {"attempt": request.attempt_id, "card": request.card_id, "purpose": request.purpose}
    metadata = {f"metadata[{name}]": value for name, value in names.items()}
    about = {"amount": PRICE, "currency": "eur", "customer": customer, "payment_method": method}
    flags = {"confirm": "true", "off_session": "true", "payment_method_types[]": "card"}
    second = post(address, "/v1/payment_intents", **about, **flags, **metadata)["id"]
    [found] = sandbox.compared().differences
    assert (found.kind, found.gateway_ref) == ("charge_unknown", second)
    post(address, "/v1/refunds", payment_intent=second)
    assert sandbox.kinds() == []


def test_a_charge_that_the_log_says_was_declined_is_looked_up_and_recorded(provider):
    request = provider.charged(answer=Declined(code="generic_decline"))
    [found] = provider.compared().differences
    assert (found.kind, found.provider_minor, found.log_minor) == ("charge_not_recorded", PRICE, None)
    facts, left = provider.applied()
    assert (facts > 0, left) == (True, [])
    assert "charge_succeeded" in provider.cards.names(request.card_id)


def test_a_charge_that_went_back_wholly_is_as_if_it_had_never_been(sandbox, address):
    request = sandbox.charged(answer=Declined(code="generic_decline"))
    post(address, "/v1/refunds", payment_intent=sandbox.ref(request))
    assert sandbox.kinds() == []


def test_an_open_attempt_is_no_difference_and_is_looked_up_as_well(provider):
    request = provider.charged(answer=Unclear(reason="timeout"))
    compared = provider.compared()
    assert (compared.open, compared.differences) == (((request.card_id, request.attempt_id),), ())
    assert provider.applied()[1] == []
    assert provider.cards.names(request.card_id)[-2:] == ["charge_succeeded", "card_renewed"]
    assert provider.compared().open == ()


def test_a_charge_that_the_provider_does_not_have_is_left_to_a_person(sandbox, stripe):
    request = sandbox.charged()
    with running() as empty:
        on_clock_of_the_cards(empty)
        sandbox.listing = lambda: stripe(empty)
        [found] = sandbox.compared().differences
        assert (found.kind, found.attempt_id, found.log_minor) == ("charge_missing", request.attempt_id, PRICE)
        assert sandbox.applied() == (0, ["charge_missing"])


def test_another_amount_is_found(sandbox):
    sandbox.charged()
    found = sandbox.run(sandbox.listing().charges(ChargesRequest(since=BEGIN), NOW)).charges
    more = [one.model_copy(update={"amount": Money(minor=PRICE + 1, currency="EUR")}) for one in found]
    compared = differences(more, books_since(sandbox.cards.connection, BEGIN), (), SPAN)
    assert [(one.kind, one.provider_minor, one.log_minor) for one in compared.differences] == [
        ("amount_differs", PRICE + 1, PRICE)
    ]


def test_a_refund_that_was_made_on_the_provider_s_pages_is_recorded(sandbox, address):
    request = sandbox.charged()
    for minor in (100, 50):
        post(address, "/v1/refunds", payment_intent=sandbox.ref(request), amount=minor)
        [found] = sandbox.compared().differences
        assert (found.kind, found.provider_minor - found.log_minor) == ("refund_not_recorded", minor)
        assert sandbox.applied() == (1, [])
    assert sandbox.cards.names(request.card_id)[-2:] == ["refund_recorded", "refund_recorded"]
    assert sandbox.cards.log()[-1].fact.amount.minor == 50


def test_a_refund_that_came_back_is_looked_up_and_recorded(sandbox, address):
    request = sandbox.charged("pm_card_refundFail")
    refund = sandbox.refunded(request)
    assert sandbox.kinds() == []
    post_json(f"{address}/_sandbox/settle/{refund.gateway_ref}", {})
    [found] = sandbox.compared().differences
    assert (found.kind, found.provider_minor, found.log_minor) == ("refund_missing", 0, PRICE)
    facts, left = sandbox.applied()
    assert (facts > 0, left) == (True, [])
    assert "refund_returned" in sandbox.cards.names(request.card_id)


def test_a_refund_under_way_is_no_difference(sandbox):
    request = sandbox.charged("pm_card_pendingRefund")
    sandbox.refunded(request)
    assert sandbox.kinds() == []


def test_what_is_younger_than_its_own_answer_is_left_out(sandbox):
    sandbox.charged(answer=Declined(code="generic_decline"))
    use = lambda call: call(sandbox.cards.connection)  # noqa: E731
    compared = sandbox.run(compare(use, sandbox.gateway, span_of(BEGIN, FAR + timedelta(minutes=1), BUDGET)))
    assert (compared.at_provider, compared.differences) == (0, ())


def test_a_provider_that_does_not_answer_differs_in_nothing(sandbox, stripe):
    with pytest.raises(NotListedError, match="does not list its charges"):
        sandbox.compared(stripe("http://127.0.0.1:9"))


# Daily


@pytest.mark.parametrize(
    ("now", "hours"),
    [("2027-01-05T02:00+00:00", 1), ("2027-01-05T03:00+00:00", 24), ("2027-01-05T23:00+00:00", 4)],
)
def test_it_is_done_by_itself_once_a_day(now, hours):
    assert until_next(datetime.fromisoformat(now)) == timedelta(hours=hours)


def daily(provider, **rules):
    """What one day's reconciling logged."""

    @asynccontextmanager
    async def listing():
        yield provider.listing()

    use = lambda call: call(provider.cards.connection)  # noqa: E731
    read_rules = lambda: (replace(provider.cards.rules()[0], **rules), NOW)  # noqa: E731
    with capture_logs() as logged:
        provider.run(reconcile(use, read_rules, listing, BUDGET))
    return logged


def test_each_difference_is_logged_and_nothing_recorded(provider):
    provider.charged()
    request = provider.charged(answer=Declined(code="generic_decline"))
    before = provider.cards.log()
    difference, done = daily(provider)
    assert (difference["event"], difference["kind"]) == ("reconcile.difference", "charge_not_recorded")
    assert (difference["attempt_id"], difference["provider_minor"]) == (str(request.attempt_id), PRICE)
    assert (done["event"], done["differences"], done["charge_not_recorded"]) == ("reconcile.done", 1, 1)
    assert (done["at_provider"], done["in_log"]) == (2, 1)
    assert provider.cards.log() == before


def test_after_a_restore_it_is_left_out(simulated, connection):
    [logged] = daily(simulated, restored=Gap(BEGIN, NOW))
    assert logged["event"] == "reconcile.left_out"


def test_a_provider_that_does_not_list_is_asked_again_the_next_day(sandbox, stripe):
    sandbox.listing = lambda: stripe("http://127.0.0.1:9")
    [logged] = daily(sandbox)
    assert logged["event"] == "reconcile.not_listed"
