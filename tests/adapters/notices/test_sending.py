"""Notices go out once for each cause, at hours at which they are welcome, and again where that does no harm."""

from datetime import UTC, datetime
from uuid import uuid4

from adapters.directory.addresses import Address
from adapters.directory.messages import message_to
from adapters.notices.outbox import forget_holder, put_message, told_holder, told_of_card
from tests.adapters.notices.post import DECLINED, EMAIL, HOLDER, NUMBER, PHONE, parts, plain


def test_a_renewal_is_told_once(post, card_id):
    post.wake(card_id)
    post.tell()
    post.tell()
    (letter,) = post.mailbox.letters
    assert plain(letter["Subject"]) == "Renewed to 1 May 2026: card +1 212 555 0142"
    assert (letter["To"], letter["From"]) == (EMAIL, "Baohao <notices@baohao.example>")
    text, html = parts(letter)
    (charge,) = post.engine.cards([card_id])[0].payments
    for part in (text, html):
        assert "Your card +1 212 555 0142 is renewed and paid to 1 May 2026." in part
        assert f"https://baohao.example/receipts/{charge.attempt_id}" in part
        assert "Open this page only by this link or by typing the address yourself." in part
        assert "You get this because the number depends on it, or because the law wants you to know." in part
        assert "Help: https://baohao.example/help" in part
        assert "Visa" in part
    assert '<html lang="en">' in html
    assert post.receiver.forms == []
    assert post.states() == [("email", "accepted", None)]


def test_a_failure_is_told_by_both_channels_in_the_holders_language(post):
    post.account("zh-CN")
    post.wake(post.card(), DECLINED)
    post.tell()
    (letter,) = post.mailbox.letters
    assert letter["Subject"] == "扣款未成功：保号卡 +1 212 555 0142"
    assert "银行说余额不足。" in parts(letter)[0]
    assert letter["Content-Language"] == "zh-CN"
    (text,) = post.receiver.texts()
    assert text.startswith("【保号】保号卡 尾号 0142 扣款未成功，2026 年 4 月 3 日起停机。")
    assert len(text) <= 70
    assert post.receiver.forms[0]["To"] == PHONE


def test_an_sms_to_the_card_itself_names_its_number(post):
    post.account(phone=NUMBER)
    post.wake(post.card(), DECLINED)
    post.tell()
    (text,) = post.receiver.texts()
    assert "card +1 212 555 0142" in text


def test_a_card_without_a_known_number_is_named_by_its_id(post, card_id):
    post.connection.execute("DELETE FROM card_numbers")
    post.wake(card_id)
    post.tell()
    assert f"card {str(card_id)[:8]}" in post.mailbox.subjects()[0]


def test_a_holder_without_an_account_is_told_nothing_and_the_row_says_so(post):
    post.wake(post.card())
    post.tell()
    assert post.states() == [("email", "dropped", "no_account")]


def test_a_holder_without_an_email_address_gets_an_sms(post):
    post.account(email=None)
    post.wake(post.card())
    post.tell()
    assert plain(post.receiver.texts()[0]).startswith("Baohao: card ending 0142 is renewed and paid to 1 May 2026.")
    assert post.states() == [("email", "dropped", "no_address"), ("sms", "accepted", None)]


def test_an_address_that_is_not_confirmed_is_not_used(post, card_id):
    post.connection.execute("UPDATE accounts SET email_confirmed = false, phone_confirmed = false")
    post.wake(card_id)
    post.tell()
    assert post.states() == [("email", "dropped", "no_address"), ("sms", "dropped", "no_address")]


def test_an_unknown_mailbox_is_final_and_the_other_channel_is_tried(post, card_id):
    post.mailbox.to_address = "550 no such user"
    post.wake(card_id)
    post.tell()
    assert post.states() == [("email", "bounced", "smtp_550"), ("sms", "accepted", None)]


def test_what_our_own_server_does_not_take_goes_by_the_other_channel_and_the_address_stays_good(post, card_id):
    post.mailbox.to_address = "554 5.7.1 Relay access denied"
    post.wake(card_id, DECLINED)
    post.tell("email")
    assert ("email", "dropped", "smtp_554") in post.states("payment_failed")
    post.mailbox.to_address = "250 OK"
    post.pass_by(days=2)
    post.wake(card_id)
    post.tell()
    assert post.mailbox.subjects() == ["Renewed to 1\N{NO-BREAK SPACE}May 2026: card +1 212 555 0142"]


def test_an_email_that_is_refused_for_good_is_sent_as_an_sms(post, card_id):
    post.mailbox.answer = "550 5.7.26 DMARC"
    post.wake(card_id)
    post.tell()
    assert post.states() == [("email", "dropped", "smtp_550"), ("sms", "accepted", None)]


def test_a_busy_mailbox_is_tried_again_with_the_same_bytes(post, card_id):
    post.mailbox.answer = "451 later"
    post.wake(card_id)
    post.tell()
    assert post.states() == [("email", "pending", "smtp_451")]
    post.connection.execute("UPDATE accounts SET language = 'zh-CN', email = 'other@example.org'")
    post.mailbox.answer = "250 OK"
    post.pass_by(seconds=20)
    post.send()
    assert len(post.mailbox.raw) == 1
    post.pass_by(minutes=2)
    post.send()
    first, second = post.mailbox.raw
    assert first == second
    assert post.states() == [("email", "accepted", None)]


def test_a_server_that_is_gone_for_good_ends_with_the_other_channel(post, card_id):
    post.mailbox.answer = "451 later"
    post.wake(card_id)
    post.follow()
    for _ in range(7):
        post.pass_by(hours=48)
        post.send()
    assert post.states() == [("email", "dropped", "given_up: smtp_451"), ("sms", "accepted", None)]
    assert len(post.mailbox.raw) == 7


def test_sms_wait_for_the_morning_where_the_holder_lives(post, card_id):
    post.now = datetime(2026, 3, 29, 14, tzinfo=UTC)  # ten in the evening in Shanghai
    post.wake(card_id, DECLINED)
    post.tell()
    assert len(post.mailbox.raw) == 1
    assert post.receiver.forms == []
    assert ("sms", "pending", "quiet_hours") in post.states()
    post.pass_by(hours=9)
    post.send()
    assert post.receiver.forms == []
    post.pass_by(hours=1)
    post.send()
    assert len(post.receiver.forms) == 1


def test_a_card_causes_one_sms_a_day(post, card_id):
    post.wake(card_id, DECLINED)
    post.tell()
    (row,) = [row for row in post.rows("payment_failed") if row["channel"] == "sms"]
    post.connection.execute(
        """
        INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at)
        SELECT key || ' again', 'sms', holder_id, card_id, kind, caused_at, content, not_before, expires_at
        FROM outbox WHERE key = %s AND channel = 'sms'
        """,
        (row["key"],),
    )
    post.send()
    assert len(post.receiver.forms) == 1
    assert ("sms", "pending", "one_sms_a_day") in post.states()
    post.pass_by(hours=22)
    post.send()
    assert len(post.receiver.forms) == 2


def test_an_sms_that_may_have_arrived_is_sent_once_more_and_then_given_up(post):
    post.account(email=None)
    post.receiver.answers = [(500, {}), (500, {})]
    post.wake(post.card())
    post.tell()
    assert post.states()[1] == ("sms", "pending", "http_500")
    post.pass_by(minutes=2)
    post.send()
    assert post.states()[1] == ("sms", "dropped", "may_have_arrived: http_500")
    post.pass_by(days=1)
    post.send()
    assert len(post.receiver.forms) == 2


def test_a_killed_sender_leaves_an_email_that_is_sent_again_with_the_same_bytes(post, card_id):
    post.wake(card_id)
    post.tell()
    (row,) = post.rows()
    post.connection.execute(
        """
        UPDATE outbox SET state = 'sending', handed_over = true, address = %s, body = %s,
            lease_until = clock_timestamp() + '1 minute'
        """,
        (EMAIL, post.mailbox.raw[0]),
    )
    post.send()
    assert len(post.mailbox.raw) == 1
    post.pass_by(minutes=2)
    post.send()
    first, second = post.mailbox.letters
    assert first["Message-ID"] == second["Message-ID"]
    assert post.rows()[0]["claim"] == row["claim"] + 1


def test_addresses_leave_the_outbox_when_it_was_sent_and_the_proof_stays(post, card_id):
    post.wake(card_id)
    post.tell()
    (row,) = post.rows()
    assert (row["address"], row["body"]) == (None, None)
    assert len(row["address_hash"]) == len(row["body_hash"]) == 32
    assert row["template_version"]
    assert row["sent_at"] == post.now


def test_pages_read_what_was_told_and_when(post, card_id):
    post.wake(card_id, DECLINED)
    post.tell()
    told = post.asks(told_of_card, card_id)
    assert [(one.channel, one.kind, one.sent_at) for one in told] == [
        ("email", "payment_failed", post.now),
        ("sms", "payment_failed", post.now),
    ]
    (version,) = {one.version for one in told}
    assert told[0].key == f"{card_id}:{version}:payment_failed"
    assert post.asks(told_holder, HOLDER) == told
    assert post.asks(told_of_card, uuid4()) == []


def test_what_waits_for_a_holder_who_left_is_not_sent(post, card_id):
    post.wake(card_id)
    post.follow()
    post.asks(forget_holder, HOLDER)
    post.send()
    assert post.mailbox.raw == []
    assert post.states() == [("email", "dropped", "account_erased")]


def test_a_channel_that_is_not_set_up_hands_over_to_the_other(post, card_id):
    post.wake(card_id)
    post.follow()
    post.send("sms")
    assert len(post.mailbox.raw) == len(post.receiver.forms) == 0
    post.send("email")
    assert post.states() == [("email", "accepted", None)]


def test_without_an_address_of_the_pages_there_is_no_link(post, card_id):
    post.wake(card_id)
    post.follow()
    post.send(web_url=None)
    assert "https:" not in "".join(parts(post.mailbox.letters[0]))


def test_a_dead_mailbox_is_left_alone_until_something_reaches_it_again(post, card_id):
    post.mailbox.to_address = "550 no such user"
    post.wake(card_id)
    post.tell()
    post.mailbox.to_address = "250 OK"
    post.pass_by(days=23)
    post.wake(card_id)
    post.tell()
    assert post.states("renewal_ahead") == [("email", "dropped", "address_bounced"), ("sms", "accepted", None)]
    assert post.mailbox.raw == []
    post.asks(put_message, message_to(Address("email", EMAIL), "password_changed", "en", {}, holder_id=HOLDER))
    post.connection.execute("DELETE FROM outbox WHERE kind = 'renewal_ahead'")
    post.send()  # the message reaches the address, before the notice is judged
    post.connection.execute("UPDATE followers SET position = 0")
    post.tell()
    assert post.states("renewal_ahead") == [("email", "accepted", None)]
