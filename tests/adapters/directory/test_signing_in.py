"""Signing in: one answer to all that is wrong, a delay that grows, and never a lock-out."""

import pytest

from adapters.directory.accounts import find_account
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, NotMatching, Opened, Wait
from adapters.directory.changing import change_password
from adapters.directory.signing_in import (
    begin_code_sign_in,
    begin_confirmation,
    confirm_with_code,
    confirm_with_password,
    sign_in,
    sign_in_with_code,
)
from tests.adapters.directory.desk import EMAIL, PASSWORD, PHONE


def fails(desk, times, typed=EMAIL.text):
    """So many failures as fast as they are allowed; how long each of them had to wait for."""
    waited = []
    for _ in range(times):
        answer = desk.do(sign_in, typed, "wrong password")
        while isinstance(answer, Wait):
            waited.append(answer.seconds)
            answer = desk.later(seconds=answer.seconds).do(sign_in, typed, "wrong password")
        assert answer == NotMatching()
    return waited


@pytest.mark.parametrize("typed", [EMAIL.text, " Lin@Example.ORG ", PHONE.text, "138 0013 8000", "0086 13800138000"])
def test_the_address_may_be_typed_in_many_ways(desk, typed):
    holder_id = desk.account(phone=PHONE.text)
    opened = desk.do(sign_in, typed, PASSWORD)
    assert opened.holder_id == holder_id
    signed_in = desk.session(opened)
    assert (signed_in.holder_id, signed_in.email, signed_in.phone) == (holder_id, EMAIL.text, PHONE.text)
    assert desk.events(holder_id) == ["created", "signed_in"]


def test_a_password_is_the_same_however_its_characters_are_composed(desk):
    desk.account(password="caf\N{LATIN SMALL LETTER E WITH ACUTE} de la gare")
    typed = "cafe\N{COMBINING ACUTE ACCENT} de la gare"
    assert isinstance(desk.do(sign_in, EMAIL.text, typed), Opened)


@pytest.mark.parametrize(
    ("typed", "password"),
    [
        (EMAIL.text, "wrong"),
        (EMAIL.text, ""),
        (EMAIL.text, PASSWORD + "\0"),
        (EMAIL.text, "x" * 100_000),
        (EMAIL.text, "\ud800"),
        ("nobody@example.org", PASSWORD),
        ("+8613900139000", PASSWORD),
        ("no address", PASSWORD),
        ("\0", PASSWORD),
        ("\ud800@example.org", PASSWORD),
        ("", PASSWORD),
    ],
)
def test_all_that_is_wrong_has_one_answer(desk, typed, password):
    desk.account()
    assert desk.do(sign_in, typed, password) == NotMatching()


def test_an_account_without_a_password_is_as_wrong_as_none(desk):
    desk.account(password=None)
    assert desk.do(sign_in, EMAIL.text, "") == NotMatching()


@pytest.mark.parametrize("typed", [EMAIL.text, "nobody@example.org", "no address"])
def test_after_five_failures_the_delay_grows_to_thirty_seconds_whether_there_is_an_account_or_not(desk, typed):
    desk.account()
    assert fails(desk, 12, typed) == [1, 2, 4, 8, 16, 30, 30]


def test_there_is_no_lock_out_and_a_success_ends_the_delay(desk):
    desk.account()
    fails(desk, 12)
    assert desk.do(sign_in, EMAIL.text, PASSWORD) == Wait(30)
    desk.later(seconds=30)
    assert isinstance(desk.do(sign_in, EMAIL.text, PASSWORD), Opened)
    assert fails(desk, 5) == []


def test_failures_of_yesterday_count_no_more(desk):
    desk.account()
    fails(desk, 8)
    desk.later(days=1, seconds=1)
    assert fails(desk, 5) == []


def test_many_tries_at_once_get_no_more_of_them(desk):
    desk.account()
    answers = desk.at_once(*[lambda connection: sign_in(connection, EMAIL.text, "wrong", desk.visit)] * 12)
    assert answers.count(NotMatching()) == 5
    assert answers.count(Wait(1)) == 7


def test_a_client_fails_twenty_times_in_a_quarter_of_an_hour_over_all_accounts(desk):
    desk.account()
    for number in range(20):
        desk.ip = f"2001:db8:1:2::{number + 1}"
        assert desk.do(sign_in, f"{number}@example.org", "wrong") == NotMatching()
    desk.ip = "2001:db8:1:2:ffff::1"
    assert desk.do(sign_in, EMAIL.text, PASSWORD) == Wait(900)
    desk.ip = "2001:db8:1:3::1"
    assert isinstance(desk.do(sign_in, EMAIL.text, PASSWORD), Opened)
    desk.ip = "2001:db8:1:2::1"
    assert isinstance(desk.later(minutes=15).do(sign_in, EMAIL.text, PASSWORD), Opened)


def test_successes_and_waiting_do_not_count_for_the_client(desk):
    desk.account()
    for _ in range(25):
        assert isinstance(desk.do(sign_in, EMAIL.text, PASSWORD), Opened)
    fails(desk, 5)
    for _ in range(25):
        assert desk.do(sign_in, EMAIL.text, PASSWORD) == Wait(1)
    desk.later(seconds=1)
    assert isinstance(desk.do(sign_in, EMAIL.text, PASSWORD), Opened)


def test_a_password_that_is_changed_meanwhile_opens_nothing(desk):
    """The old one was judged right before the change, and its session would have come after it."""
    signed_in = desk.signed_in(desk.account())
    answers = desk.at_once(
        *[lambda connection: sign_in(connection, EMAIL.text, PASSWORD, desk.visit)] * 4,
        lambda connection: change_password(connection, desk.send, signed_in, "another long password", desk.visit),
    )
    left = desk.rows("SELECT session_id FROM sessions")
    assert len(answers) == 5
    assert left == [(signed_in.session_id,)]


def test_a_code_signs_in_and_confirms_the_address(desk):
    holder_id = desk.account(email=None, phone=PHONE.text, password=None, language="en")
    sent = desk.do_sending(begin_code_sign_in, PHONE, "zh-CN")
    assert (desk.sent[0].language, desk.sent[0].values["purpose"]) == ("en", "sign_in")
    assert desk.do(sign_in_with_code, desk.wrong(sent)) == CodeWrong(4)
    assert desk.do(sign_in_with_code, desk.code(sent)).holder_id == holder_id
    account = desk.run(find_account(desk.connection, holder_id))
    assert account.phone_confirmed
    assert desk.do(sign_in_with_code, desk.code(sent)) == CodeDead()


def test_a_code_is_asked_for_in_the_same_way_where_there_is_no_account_but_nothing_is_sent(desk):
    sent = desk.do_sending(begin_code_sign_in, PHONE, "en")
    assert isinstance(sent, CodeSent)
    assert desk.sent == []
    assert desk.do(sign_in_with_code, desk.wrong(sent)) == CodeWrong(4)


def test_signed_in_for_longer_the_holder_proves_again_who_it_is_and_gets_a_new_token(desk):
    desk.account()
    opened = desk.do(sign_in, EMAIL.text, PASSWORD)
    signed_in = desk.later(minutes=10, seconds=1).session(opened)
    assert not signed_in.is_recent(desk.at)
    assert desk.do(confirm_with_password, signed_in, "wrong") == NotMatching()
    again = desk.do(confirm_with_password, signed_in, PASSWORD)
    assert again.session_id == opened.session_id
    assert desk.session(opened) is None
    assert desk.session(again).is_recent(desk.at)


def test_proving_again_by_a_code_takes_one_of_the_same_holder(desk):
    other, holder_id = desk.account("other@example.org"), desk.account()
    opened = desk.do(sign_in, EMAIL.text, PASSWORD)
    signed_in = desk.later(hours=1).session(opened)
    foreign = desk.do_sending(begin_confirmation, desk.signed_in(other))
    assert desk.do(confirm_with_code, signed_in, desk.code(foreign)) == CodeDead()
    sent = desk.do_sending(begin_confirmation, signed_in)
    assert desk.sent[-1].to == EMAIL.text
    again = desk.do(confirm_with_code, signed_in, desk.code(sent))
    assert desk.session(again).is_recent(desk.at)
    assert desk.events(holder_id) == ["created", "signed_in", "confirmed"]
