"""The web role as a process of its own, killed between the fact and the page: nothing is paid twice or lost."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from http.client import HTTPException
from urllib.request import Request, urlopen

import psycopg
import pytest
from msgspec import json

from adapters.cli.demo.at_sandbox import set_clock
from adapters.clock import recorded_now
from adapters.control import move_clock
from adapters.directory.accounts import NewAccount, create_account
from adapters.directory.sessions import open_session
from adapters.directory.visit import Visit
from adapters.gateways.sandbox.running import running
from adapters.gateways.sandbox.server import Options
from adapters.gateways.sandbox.webhooks import Webhook
from tests.adapters.cards import FAR, card_id_of, commands_for
from tests.adapters.gateways.stripe.asking import KEY, get
from tests.adapters.gateways.stripe.test_stripe_pages import submit
from tests.adapters.web.conftest import SECRET, _answers
from tests.adapters.web.pages.client import Client
from tests.engine.databases import application_url
from tests.journey.patience import until
from tests.ports import free_port

NUMBER = 30
CARD = card_id_of(NUMBER)
PAY = f"/cards/{CARD}/pay"


@pytest.fixture
def provider(connection):
    """A sandbox that notifies the role at a port where it may or may not run."""
    port = free_port()
    with running(Options(webhooks=(Webhook(f"http://127.0.0.1:{port}/notifications/sandbox", SECRET),))) as sandbox:
        set_clock(sandbox, FAR)
        move_clock(connection, FAR)
        yield sandbox, port


@contextmanager
def web_process(provider, database_url, home):
    """The role, until the end of the block or until it is killed."""
    sandbox, port = provider
    settings = {
        "DATABASE_URL": application_url(database_url),
        "NATS_URL": "nats://127.0.0.1:1",
        "BAOHAO_HOME": str(home),
        "BAOHAO_CLOCK": "virtual",
        "BAOHAO_GATEWAY": "stripe",
        "BAOHAO_STRIPE_KEY": KEY,
        "BAOHAO_STRIPE_URL": sandbox,
        "BAOHAO_STRIPE_WEBHOOK_SECRET": SECRET,
        "BAOHAO_WEB_PORT": str(port),
    }
    command = [sys.executable, "-m", "adapters.cli", "run", "web"]
    with (home / "log").open("ab") as log, subprocess.Popen(command, env=os.environ | settings, stderr=log) as process:
        try:
            until(lambda: process.poll() is not None or _answers(f"http://127.0.0.1:{port}"))
            assert process.poll() is None, (home / "log").read_text("utf-8")
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def token_of_holder(database_url):
    async def sign_in():
        async with await psycopg.AsyncConnection.connect(application_url(database_url), autocommit=True) as connection:
            visit, holder = Visit(recorded_now(), "192.0.2.1", "Firefox, Linux"), f"holder-{NUMBER}"
            await create_account(connection, NewAccount(email="lin@example.com", holder_id=holder), visit)
            return (await open_session(connection, holder, visit)).token

    return asyncio.run(sign_in())


def stalls(sandbox):
    """The next session is made only after some seconds: longer than the role lives."""
    fault = {"kind": "stall_then_commit", "method": "POST", "path": "checkout/sessions", "times": 1, "seconds": 5.0}
    with urlopen(Request(f"{sandbox}/_sandbox/faults", json.encode({"faults": [fault]})), timeout=60):
        return


def test_killed_between_the_fact_and_the_page_the_holder_goes_on_and_pays_once(provider, database_url, cards, tmp_path):
    sandbox, port = provider
    cards.give(*commands_for(NUMBER, "cus_none/pm_none"))
    lin = Client(f"http://127.0.0.1:{port}", token_of_holder(database_url))
    with web_process(provider, database_url, tmp_path) as process:
        page = lin.get(PAY)
        form = {name: page.field(name) for name in ("command_id", "term", "minor")} | {"by": "alipay"}
        stalls(sandbox)

        def send():
            with suppress(OSError, HTTPException):
                lin.post(PAY, form)

        sending = threading.Thread(target=send)
        sending.start()
        until(lambda: "charge_attempted" in cards.names(CARD))
        process.kill()
        sending.join(timeout=60)
    with web_process(provider, database_url, tmp_path):
        until(lambda: lin.post(PAY, form).to.startswith(sandbox))  # the first request may still be under way there
        page = lin.post(PAY, form).to
        submit(page, method="alipay")
        submit(submit(page), answer="agree")
        until(lambda: cards.names(CARD)[-2:] == ["charge_succeeded", "card_renewed"])
    assert cards.names(CARD).count("charge_attempted") == 1
    taken = [one for one in get(sandbox, "/v1/payment_intents")["data"] if one["status"] == "succeeded"]
    assert len(taken) == 1
