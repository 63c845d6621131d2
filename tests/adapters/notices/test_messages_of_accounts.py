"""Codes and what concerns a sign-in: at once, to the address that was named, and codes never twice."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from adapters.directory.addresses import Address
from adapters.directory.messages import message_to
from adapters.notices.outbox import put_message
from tests.adapters.notices.post import EMAIL, HOLDER, PHONE, parts


def put(post, kind, address=None, language="en", expires_at=None):
    """A message of accounts, as the directory sends it."""
    values = {"code": "918273", "purpose": "sign_in", "minutes": "10"} if kind == "code" else {}
    address = address or Address("email", EMAIL)
    message = message_to(address, kind, language, values, holder_id=HOLDER, expires_at=expires_at)

    for _ in range(2):  # the same message is one, however often it is put
        post.asks(put_message, message)


@pytest.mark.parametrize(("kind", "sent"), [("code", 1), ("password_changed", 2)])
def test_a_code_that_may_have_arrived_is_never_sent_again(post, kind, sent):
    put(post, kind)
    post.send()
    post.connection.execute(
        """
        UPDATE outbox SET state = 'sending', handed_over = true, address = %s, content = '{}',
            lease_until = clock_timestamp()
        """,
        (EMAIL,),
    )
    post.send()
    assert len(post.mailbox.raw) == sent
    assert post.states()[0][1:] == (("dropped", "may_have_arrived") if sent == 1 else ("accepted", None))


def test_a_code_is_sent_at_once_at_any_hour_and_nothing_of_it_is_kept(post):
    post.now = datetime(2026, 3, 29, 16, tzinfo=UTC)  # midnight in Shanghai
    put(post, "code", Address("phone", PHONE), "zh-CN")
    with capture_logs() as lines:
        post.send()
    assert post.receiver.texts() == ["【保号】验证码 918273，10 分钟内有效。请勿告诉任何人。 https://baohao.example"]
    (row,) = post.rows()
    assert (row["state"], row["body"], row["content"], row["address"]) == ("accepted", None, None, None)
    assert not [line for line in lines if "918273" in str(line) or PHONE in str(line)]


def test_a_code_that_is_over_is_not_sent(post):
    put(post, "code", expires_at=datetime(2026, 1, 1, tzinfo=UTC))
    post.send()
    assert post.mailbox.raw == []
    assert post.states() == [("email", "dropped", "no_news_any_more")]


def test_a_message_of_accounts_is_judged_by_real_time_whatever_the_business_time_is(post):
    post.now = datetime(2020, 1, 1, tzinfo=UTC)
    put(post, "code")
    post.send()
    assert post.mailbox.subjects() == ["918273 is your code"]
    assert "With it you sign in." in parts(post.mailbox.letters[0])[0]


@pytest.mark.parametrize(
    ("kind", "why", "links"),
    [
        ("code", "somebody gave this address on our page. If that was not you, do nothing.", False),
        ("account_exists", "somebody gave this address on our page. If that was not you, do nothing.", True),
        ("password_changed", "it concerns your account.", True),
        ("account_erased", "it concerns your account.", False),
    ],
)
def test_an_email_of_accounts_says_why_it_came_and_warns_of_other_links_only_beside_one(post, kind, why, links):
    put(post, kind)
    post.send()
    for part in parts(post.mailbox.letters[0]):
        assert f"You get this because {why}" in part
        assert "your number" not in part.lower()
        assert "the law" not in part
        assert ("only by this link" in part) is links is ("https://baohao.example" in part)


def test_a_chinese_email_separates_names_and_values_in_chinese(post):
    post.account("zh-CN")
    post.wake(post.card())
    post.tell()
    text = parts(post.mailbox.letters[0])[0]
    assert "价格：¥15.00" in text
    assert "打开收据：https://" in text
