"""A web role on a real database, which a sandbox notifies; cards whose methods are attached at the sandbox."""

import asyncio
import contextlib
import threading
import time
from datetime import timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from adapters.cli.demo.at_sandbox import set_clock
from adapters.control import move_clock
from adapters.gateways.sandbox.running import running
from adapters.gateways.sandbox.server import Options
from adapters.gateways.sandbox.webhooks import Webhook
from adapters.gateways.stripe import StripeGateway
from adapters.gateways.stripe_notifications import SIGNATURE, signature
from adapters.roles import web
from adapters.settings import load_settings
from adapters.wiring import opened_stripe
from engine.actor import actor
from engine.commands import Issued, RefundCharge
from engine.questions import ask
from tests.adapters.cards import FAR
from tests.adapters.gateways.stripe.asking import KEY, post
from tests.engine.databases import application_url
from tests.ports import free_port

SECRET = "whsec_" + "of_a_test"
STARTS_WITHIN_S = 60


class Web:
    """The role, where it is reached, the cards, and the provider."""

    def __init__(self, cards, connection, sandbox, settings):
        self.cards, self.connection, self.sandbox, self.settings = cards, connection, sandbox, settings
        self.lines = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.settings.web_port}"

    def notify(self, body, *, secret=SECRET, at=None, header=None, endpoint="stripe"):
        """Send a notification as the provider would; returns the status."""
        signed = signature(body, secret, at or FAR) if header is None else header
        request = Request(f"{self.address}/notifications/{endpoint}", body, {SIGNATURE: signed})
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.status
        except HTTPError as error:
            return error.code

    def inbox(self):
        return self.connection.execute("SELECT provider_event, settled_at IS NOT NULL FROM inbox ORDER BY 1").fetchall()

    def charging(self, number, token="pm_card_visa", holder=None):
        """A card whose attempt is recorded, and not sent yet; returns its id and the question that sends it."""
        customer = post(self.sandbox, "/v1/customers", **({"metadata[holder]": holder} if holder else {}))["id"]
        method = post(self.sandbox, f"/v1/payment_methods/{token}/attach", customer=customer)["id"]
        [card_id] = self.cards.register(number, token=f"{customer}/{method}")
        self.cards.now = FAR
        [question] = self.cards.engine.wake({card_id: "due"}, *self.cards.rules()).questions
        return card_id, question

    def send(self, question):
        """The gateway's answer to a question, which is not recorded."""

        async def once():
            async with opened_stripe(self.settings) as api:
                return await ask(StripeGateway(api, timedelta(seconds=5)), question, FAR)

        return asyncio.run(once())

    def refund(self, card_id, attempt_id):
        """Refund the charge; returns the gateway's answer."""
        command = RefundCharge(command_id=str(uuid4()), card_id=card_id, attempt_id=attempt_id)
        rules, at = self.cards.rules()
        [facts] = self.cards.engine.execute([Issued(command, actor("operator", "tests"))], rules, at)
        assert isinstance(facts, tuple), facts
        [question] = self.cards.engine.wake({card_id: "due"}, rules, at + timedelta(minutes=1)).questions
        answer = self.send(question)
        self.record(question, answer)
        return answer

    def record(self, question, answer):
        return self.cards.engine.record([(question, answer)], *self.cards.rules())


@pytest.fixture
def served(cards, connection, database_url):
    """The web role and the sandbox that notifies it."""
    port = free_port()
    hook = Webhook(f"http://127.0.0.1:{port}/notifications/sandbox", SECRET)
    with running(Options(webhooks=(hook,))) as sandbox:
        set_clock(sandbox, FAR)
        move_clock(connection, FAR)
        settings = load_settings(
            clock="virtual",
            gateway="stripe",
            stripe_key=KEY,
            stripe_url=sandbox,
            stripe_webhook_secret=SECRET,
            web_port=port,
        )
        found = Web(cards, connection, sandbox, settings)
        with capture_logs() as lines, role(settings, application_url(database_url)):
            found.lines = lines
            yield found


@contextlib.contextmanager
def role(settings, database_url, **more):
    """The web role in a thread with an event loop of its own."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    def serve():
        loop.run_until_complete(web.main(settings, database_url, "", stop, **more))
        loop.run_until_complete(loop.shutdown_default_executor())  # closes meanwhile what was still being closed

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        _wait(thread, f"http://127.0.0.1:{settings.web_port}")
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=60)
        assert not thread.is_alive()
        loop.close()


def _wait(thread, address):
    deadline = time.monotonic() + STARTS_WITHIN_S
    while not _answers(address):
        assert thread.is_alive(), "the web role ended; its log says why"
        assert time.monotonic() < deadline, f"the web role does not answer within {STARTS_WITHIN_S} s"


def _answers(address):
    with contextlib.suppress(OSError), urlopen(f"{address}/health", timeout=2) as answer:
        return answer.status == 204
    time.sleep(0.02)
    return False
