"""The notifier as a process: each cause arrives once, whatever is killed or goes away."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from adapters.control import move_clock
from engine.commands import SwitchOffAutoRenew
from tests.adapters.notices.post import DECLINED, EMAIL, NUMBER, PHONE
from tests.adapters.notices.receivers import Mailbox
from tests.journey.patience import until

SECRETS = (EMAIL, PHONE, NUMBER, "+1 212 555 0142", "secret-token")
CARDS = 12
CONNECTIONS = 6
"""Of a notifier that works: of its lead and of each channel, each with a listener."""


@pytest.fixture
def notifier(post, tmp_path):
    """Starts notifiers as processes, and reads afterwards that none of them has logged a secret."""
    move_clock(post.connection, post.now)
    token = tmp_path / "token"
    token.write_text("secret-token")
    environment = {
        "DATABASE_URL": post.url,
        "NATS_URL": "nats://127.0.0.1:9",
        "BAOHAO_HOME": str(tmp_path),
        "BAOHAO_CLOCK": "virtual",
        "BAOHAO_POLL_MS": "50",
        "BAOHAO_SMTP_HOST": "127.0.0.1",
        "BAOHAO_SMTP_PORT": str(post.mailbox.port),
        "BAOHAO_SMTP_TLS": "none",
        "BAOHAO_MAIL_FROM": "notices@baohao.example",
        "BAOHAO_WEB_URL": "https://baohao.example",
        "BAOHAO_SMS": "twilio",
        "BAOHAO_TWILIO_URL": post.receiver.url,
        "BAOHAO_TWILIO_ACCOUNT": "AC1",
        "BAOHAO_TWILIO_TOKEN_FILE": str(token),
        "BAOHAO_TWILIO_FROM": "+15005550006",
    }
    log = tmp_path / "notifier.log"

    @contextmanager
    def start(**changed):
        command = [sys.executable, "-m", "adapters.cli", "run", "notifier"]
        with log.open("ab") as file:
            process = subprocess.Popen(command, env=os.environ | environment | changed, stdout=file, stderr=file)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)

    yield start
    lines = log.read_text() if log.exists() else ""
    assert not [secret for secret in SECRETS if secret in lines]


def is_done(post):
    states = [state for _, state, _ in post.states()]
    return states and not {"pending", "sending"} & set(states)


def time_passes(post, **time):
    post.pass_by(**time)
    move_clock(post.connection, post.now)


def test_two_notifiers_tell_each_cause_once(post, notifier):
    post.account()
    cards = [post.card(f"+121255501{number:02}") for number in range(CARDS)]
    with notifier(), notifier():
        for card_id in cards:
            post.wake(card_id, DECLINED)
        until(lambda: len(post.rows()) == 2 * CARDS and is_done(post))
    assert len({letter["Subject"] for letter in post.mailbox.letters}) == len(post.mailbox.raw) == CARDS
    assert len(set(post.receiver.texts())) == len(post.receiver.forms) == CARDS
    assert {state for _, state, _ in post.states()} == {"accepted"}


def test_an_email_whose_sender_was_killed_before_it_knew_comes_again_as_the_same(post, card_id, notifier):
    with notifier() as first:
        post.mailbox.before_answer = lambda: (first.kill(), first.wait())
        post.wake(card_id)
        until(lambda: first.poll() is not None)
    post.mailbox.before_answer = lambda: None
    assert post.states() == [("email", "sending", None)]
    time_passes(post, minutes=5)
    with notifier():
        until(lambda: is_done(post))
    first_one, second_one = post.mailbox.raw
    assert first_one == second_one
    assert post.mailbox.letters[0]["Message-ID"].endswith("@baohao.example>")


def test_an_sms_whose_sender_was_killed_is_sent_once_more_and_not_again(post, notifier):
    post.account(email=None)
    card_id = post.card()
    post.wake(card_id)
    for expected in (1, 2):
        with notifier() as process:
            post.receiver.before_answer = lambda process=process: (process.kill(), process.wait())
            until(lambda process=process: process.poll() is not None)
        assert len(post.receiver.forms) == expected
        time_passes(post, minutes=5)
    post.receiver.before_answer = lambda: None
    with notifier():
        until(lambda: is_done(post))
    assert len(post.receiver.forms) == 2
    assert post.states()[1] == ("sms", "dropped", "may_have_arrived")


def test_nothing_is_lost_or_doubled_while_the_database_is_away(post, card_id, notifier, postgres_url):
    name = post.connection.info.dbname
    with notifier(), psycopg.connect(postgres_url, autocommit=True) as owner:
        connected = "SELECT FROM pg_stat_activity WHERE application_name ~ 'notifier'"
        until(lambda: owner.execute(connected).rowcount >= CONNECTIONS)
        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        owner.execute(
            """
            SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = %s AND application_name ~ 'notifier'
            """,
            (name,),
        )
        post.wake(card_id)
        assert not post.mailbox.raw
        owner.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        until(lambda: is_done(post))
    assert len(post.mailbox.raw) == 1


def test_what_the_smtp_server_could_not_take_comes_when_it_is_back(post, card_id, notifier):
    port = post.mailbox.port
    post.mailbox.close()
    with notifier():
        post.wake(card_id)
        until(lambda: post.states() == [("email", "pending", "SMTPConnectError")])
        again = Mailbox(port)
        try:
            time_passes(post, minutes=2)
            until(lambda: is_done(post))
            assert len(again.raw) == 1
        finally:
            again.close()


def test_without_anything_to_send_by_it_does_not_start(notifier):
    with notifier(BAOHAO_SMTP_HOST="", BAOHAO_SMS="none") as process:
        assert process.wait(timeout=60) == 78


def test_what_happened_long_before_its_first_start_is_not_told(post, notifier):
    post.account()
    card_id = post.card()
    post.wake(card_id)
    later = post.card("+12125550143")
    post.connection.execute("DELETE FROM followers")
    post.now += timedelta(days=40)
    move_clock(post.connection, post.now)
    post.give(SwitchOffAutoRenew(command_id="off", card_id=later))
    with notifier():
        until(lambda: post.rows() and is_done(post))
    assert {row["card_id"] for row in post.rows()} == {later}
