"""`baohao notices`: what holders were told, without addresses, and sending it again."""

import json

import pytest
from typer.testing import CliRunner

from adapters.cli.app import app
from tests.adapters.notices.post import EMAIL, HOLDER, NUMBER, PHONE


@pytest.fixture
def baohao(post):
    """A command on the database of the test; its status, stdout and stderr."""

    def run(*words):
        return CliRunner().invoke(app, ["notices", *words], env={"DATABASE_URL": post.url}, catch_exceptions=False)

    return run


def test_the_list_says_what_became_of_each_and_names_no_address(baohao, post, card_id):
    post.wake(card_id)
    post.tell()
    done = baohao("list", "--holder", HOLDER, "--json")
    (listed,) = json.loads(done.stdout)
    assert (listed["kind"], listed["state"], listed["card_id"]) == ("renewed", "accepted", str(card_id))
    assert baohao("list", "--state", "bounced").stdout == "notices: none\n"
    for words in (("list",), ("list", "--json"), ("show", listed["key"]), ("show", listed["key"], "--json")):
        shown = baohao(*words)
        assert shown.exit_code == 0
        assert not [secret for secret in (EMAIL, PHONE, NUMBER) if secret in shown.stdout + shown.stderr]


def test_a_notice_is_sent_again_under_another_message_id(baohao, post, card_id):
    post.wake(card_id)
    post.tell()
    key = post.rows()[0]["key"]
    assert baohao("resend", key).exit_code == 0
    post.send()
    first, second = post.mailbox.letters
    assert first["Subject"] == second["Subject"]
    assert first["Message-ID"] != second["Message-ID"]


def test_what_cannot_be_sent_again_is_said(baohao, post, card_id):
    post.wake(card_id)
    post.follow()
    key = post.rows()[0]["key"]
    assert baohao("resend", "none").exit_code == baohao("show", "none").exit_code == 1
    waiting = baohao("resend", key)
    assert (waiting.exit_code, "not sent yet" in waiting.stderr) == (1, True)
    post.send()
    post.connection.execute("UPDATE outbox SET content = NULL")
    assert "not kept" in baohao("resend", key).stderr
