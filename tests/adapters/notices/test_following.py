"""The follower: facts become notices once, and what it cannot read holds up no other card longer than it must."""

from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from engine.actor import actor
from engine.card.term import CardRenewed
from engine.commands import Issued, RecordRefund
from engine.envelope import NAME_OF
from engine.errors import StandstillError
from tests.adapters.notices.post import HOLDER
from tests.engine.engine_calls import bind, enable, register
from tests.engine.samples import MONTH_PRICE, REGISTERED_AT, RULES


def test_an_import_tells_holders_nothing_that_they_had_agreed_to_elsewhere(post, card_id):
    other = type(card_id)(int=4711)
    post.now = REGISTERED_AT
    issued = [Issued(one, actor("operator", "cli")) for one in (register(other), bind(other), enable(other))]
    assert not [one for one in post.engine.execute(issued, RULES, post.now) if isinstance(one, Exception)]
    assert post.follow() == 0
    post.give(enable(other, months=12, turn=2))
    assert post.follow() == 1
    assert [(row["kind"], row["holder_id"], row["card_id"]) for row in post.rows()] == [
        ("period_changed", HOLDER, other)
    ]


def test_a_holder_who_agrees_is_told_at_once(post):
    post.account()
    post.card()
    post.connection.execute("DELETE FROM followers")
    post.now = REGISTERED_AT
    post.follow()
    assert [row["kind"] for row in post.rows()] == ["method_bound", "switched_on"]


def store(post, name):
    """A fact of another stream that nobody can read."""
    post.connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 1, %s, '{}')",
        (uuid4(), name),
    )


def test_a_broken_fact_is_passed_over_and_named_in_the_log(post, card_id):
    store(post, NAME_OF[CardRenewed])
    post.wake(card_id)
    with capture_logs() as lines:
        assert post.follow() == 1
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["role.fact_skipped"]


def test_a_fact_of_a_newer_program_stops_the_follower_after_what_came_before(post, card_id):
    post.wake(card_id)
    store(post, "odd.v9")
    with pytest.raises(StandstillError, match="until this notifier is upgraded"):
        post.follow()
    assert [row["kind"] for row in post.rows()] == ["renewed"]


def test_a_refund_that_our_support_made_is_told_as_that(post, card_id):
    post.wake(card_id)
    post.follow()
    attempt_id = post.rows("renewed")[0]["content"]["attempt_id"]
    refund = {"attempt_id": attempt_id, "amount": MONTH_PRICE, "evidence": "transfer 7"}
    post.give(RecordRefund(command_id="by-hand", card_id=card_id, **refund))
    post.follow()
    assert {row["content"]["by"] for row in post.rows("refunded")} == {"support"}
