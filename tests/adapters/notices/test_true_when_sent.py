"""A notice is judged once more when it is about to be sent, and old news is none."""

from datetime import UTC, datetime, timedelta

from structlog.testing import capture_logs

from engine.card.methods import PaymentMethod
from engine.commands import BindPaymentMethod, SwitchOffAutoRenew
from tests.adapters.notices.post import DECLINED


def another_method(card_id):
    method = PaymentMethod(method_id="new", kind="credit_card", token="tok-new", fingerprint="fp-new")
    return BindPaymentMethod(command_id="new", card_id=card_id, method=method)


def test_nobody_is_told_of_a_failure_that_was_made_good_meanwhile(post, card_id):
    post.wake(card_id, DECLINED)
    post.follow()
    post.give(another_method(card_id))
    post.wake(card_id)
    post.tell()
    assert post.mailbox.subjects()[-1].startswith("Renewed to")
    assert not [subject for subject in post.mailbox.subjects() if "failed" in subject]
    assert post.receiver.forms == []
    assert post.states("payment_failed") == [("email", "dropped", "paid_since"), ("sms", "dropped", "paid_since")]


def test_emails_are_claimed_and_judged_when_their_turn_comes(post, card_id):
    cards = [card_id, post.card("+12125550143")]
    for one in cards:
        post.wake(one, DECLINED)
    post.follow()
    seen = []

    def switch_off():
        seen.extend(sorted(state for channel, state, _ in post.states("payment_failed") if channel == "email"))
        post.give(*(SwitchOffAutoRenew(command_id=str(one), card_id=one) for one in cards))

    post.mailbox.before_answer = switch_off
    post.send("email")
    assert seen == ["pending", "sending"]
    assert len(post.mailbox.raw) == 1
    assert ("email", "dropped", "switched_off_since") in post.states("payment_failed")


def test_a_failure_waits_while_an_outcome_is_unknown(post, card_id):
    post.wake(card_id, DECLINED)
    post.follow()
    post.give(another_method(card_id))
    post.wake(card_id, "unknown")
    post.tell("email")
    assert ("email", "pending", "outcome_unknown") in post.states("payment_failed")
    assert not [subject for subject in post.mailbox.subjects() if "failed" in subject]
    post.pass_by(minutes=6)
    post.wake(card_id)
    post.tell("email")
    assert ("email", "dropped", "paid_since") in post.states("payment_failed")


def test_nothing_is_announced_after_auto_renewal_was_switched_off(post, card_id):
    post.wake(card_id)
    post.now = datetime(2026, 4, 21, 4, tzinfo=UTC)  # ten days before the next term's end
    post.wake(card_id)
    post.follow()
    assert [row["kind"] for row in post.rows()][-1] == "renewal_ahead"
    post.give(SwitchOffAutoRenew(command_id="off", card_id=card_id))
    post.tell()
    assert post.states("renewal_ahead") == [("email", "dropped", "switched_off_since")]
    assert post.states("switched_off") == [("email", "accepted", None)]


def test_old_news_is_not_sent(post, card_id):
    post.wake(card_id, DECLINED)
    post.now += timedelta(hours=25)
    assert post.follow() == 0


def test_what_becomes_old_while_it_waits_is_dropped(post, card_id):
    post.wake(card_id, DECLINED)
    post.follow()
    post.now += timedelta(hours=25)
    post.send()
    assert post.states("payment_failed") == [
        ("email", "dropped", "no_news_any_more"),
        ("sms", "dropped", "no_news_any_more"),
    ]


def test_following_again_from_the_start_adds_nothing(post, card_id):
    post.wake(card_id)
    post.tell()
    post.connection.execute("DELETE FROM followers")
    post.connection.execute("DELETE FROM outbox WHERE kind <> 'renewed'")
    post.tell()
    assert [subject for subject in post.mailbox.subjects() if "Renewed" in subject] == post.mailbox.subjects()[:1]


def test_what_cannot_be_written_is_dropped_and_named_in_the_log(post, card_id):
    post.wake(card_id, DECLINED)
    post.follow()
    post.connection.execute("""UPDATE outbox SET content = content || '{"lost_on": "soon"}' WHERE channel = 'email'""")
    with capture_logs() as lines:
        post.send()
    assert post.states("payment_failed") == [("email", "dropped", "cannot_be_written"), ("sms", "accepted", None)]
    assert "notices.cannot_be_written" in [line["event"] for line in lines]


def test_a_notice_waits_for_a_card_that_cannot_be_read(post, card_id):
    post.wake(card_id)
    post.follow()
    post.connection.execute("UPDATE outbox SET card_id = gen_random_uuid()")
    post.send()
    assert post.states() == [("email", "pending", "card_unreadable")]
