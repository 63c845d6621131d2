"""Changes of addresses and password: only by who has just proved to be the holder, and the old address is told."""

import asyncio
from collections import Counter
from dataclasses import replace
from uuid import uuid4

import pytest

from adapters.directory.accounts import find_account
from adapters.directory.addresses import Address
from adapters.directory.answers import (
    CodeDead,
    CodeSent,
    CodeWrong,
    Done,
    LastAddress,
    NotMatching,
    NotRecent,
    Opened,
    PasswordRefused,
)
from adapters.directory.changing import (
    begin_change,
    begin_reset,
    change_password,
    finish_change,
    finish_reset,
    remove_address,
)
from adapters.directory.codes import TypedCode
from adapters.directory.registering import begin_registration
from adapters.directory.sessions import open_session
from adapters.directory.signing_in import sign_in
from tests.adapters.directory.desk import EMAIL, PASSWORD, PHONE

NEW = Address("email", "new@example.org")
NEW_PASSWORD = "another long password"


def account_of(desk, holder_id):
    return desk.run(find_account(desk.connection, holder_id))


def told(desk, kind):
    return [message.to for message in desk.sent if message.kind == kind]


def test_a_new_address_is_proved_and_the_old_one_told_while_other_sessions_end(desk):
    holder_id = desk.account(phone=PHONE.text)
    elsewhere = desk.do(open_session, holder_id)
    signed_in = desk.signed_in(holder_id)
    sent = desk.do_sending(begin_change, signed_in, NEW)
    assert told(desk, "code") == [NEW.text]
    assert desk.do_sending(finish_change, signed_in, "email", desk.wrong(sent)) == CodeWrong(4)
    assert account_of(desk, holder_id).email == EMAIL.text
    assert desk.do_sending(finish_change, signed_in, "email", desk.code(sent)) == Done()
    assert account_of(desk, holder_id).email == NEW.text
    assert told(desk, "email_changed") == [EMAIL.text, PHONE.text]
    values = {message.to: message.values for message in desk.sent if message.kind == "email_changed"}
    assert values == {
        EMAIL.text: {"before": EMAIL.text, "after": "n…@example.org"},
        PHONE.text: {"before": "l…@example.org", "after": "n…@example.org"},
    }
    assert desk.session(elsewhere) is None
    assert "email_changed" in desk.events(holder_id)
    assert desk.do(sign_in, EMAIL.text, PASSWORD) == NotMatching()


def test_a_phone_is_added_to_an_account_that_has_none(desk):
    holder_id = desk.account()
    signed_in = desk.signed_in(holder_id)
    sent = desk.do_sending(begin_change, signed_in, PHONE)
    assert desk.do_sending(finish_change, signed_in, "phone", desk.code(sent)) == Done()
    account = account_of(desk, holder_id)
    assert (account.phone, account.phone_confirmed) == (PHONE.text, True)
    assert told(desk, "phone_changed") == [EMAIL.text]


def test_an_address_of_another_account_is_told_of_it_and_whoever_asks_sees_no_difference(desk):
    desk.account(NEW.text)
    signed_in = desk.signed_in(desk.account())
    sent = desk.do_sending(begin_change, signed_in, NEW)
    assert isinstance(sent, CodeSent)
    [message] = desk.sent
    assert (message.kind, message.to, message.holder_id) == ("account_exists", NEW.text, None)
    assert desk.do_sending(finish_change, signed_in, "email", desk.wrong(sent)) == CodeWrong(4)


def test_of_two_accounts_that_change_to_one_address_one_gets_it(desk):
    signed_in = [desk.signed_in(desk.account(f"{name}@example.org")) for name in ("one", "two")]
    codes = []
    for one in signed_in:
        sent = desk.do_sending(begin_change, one, NEW)
        codes.append(desk.code(sent))
    answers = desk.at_once(
        *(
            lambda connection, one=one, code=code: finish_change(connection, desk.send, one, "email", code, desk.visit)
            for one, code in zip(signed_in, codes, strict=True)
        )
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["CodeDead", "Done"]


def test_a_code_of_another_holder_changes_nothing(desk):
    mine, other = desk.signed_in(desk.account()), desk.signed_in(desk.account("other@example.org"))
    sent = desk.do_sending(begin_change, other, NEW)
    assert desk.do_sending(finish_change, mine, "email", desk.code(sent)) == CodeDead()


def test_nothing_sensitive_is_done_ten_minutes_after_the_last_proof(desk):
    signed_in = desk.signed_in(desk.account())
    desk.later(minutes=10, seconds=1)
    code = TypedCode(str(uuid4()), "123456")
    assert desk.do_sending(begin_change, signed_in, NEW) == NotRecent()
    assert desk.do_sending(finish_change, signed_in, "email", code) == NotRecent()
    assert desk.do_sending(remove_address, signed_in, "email") == NotRecent()
    assert desk.do_sending(change_password, signed_in, NEW_PASSWORD) == NotRecent()
    assert desk.sent == []


@pytest.mark.parametrize("confirmed", [True, False])
def test_an_address_is_removed_only_if_another_one_is_proved(desk, confirmed):
    holder_id = desk.account(phone=PHONE.text)
    signed_in = desk.signed_in(holder_id)
    if confirmed:
        sent = desk.do_sending(begin_change, signed_in, PHONE)
        assert desk.do_sending(finish_change, signed_in, "phone", desk.code(sent)) == Done()
        assert told(desk, "phone_changed") == []  # it was only confirmed
    answer = desk.do_sending(remove_address, signed_in, "email")
    assert answer == (Done() if confirmed else LastAddress())
    assert account_of(desk, holder_id).email == (None if confirmed else EMAIL.text)
    assert told(desk, "email_changed") == ([EMAIL.text, PHONE.text] if confirmed else [])


def test_a_new_password_ends_all_other_sessions_and_the_holder_is_told_at_all_addresses(desk):
    holder_id = desk.account(phone=PHONE.text)
    elsewhere, here = desk.do(open_session, holder_id), desk.do(open_session, holder_id)
    signed_in = desk.session(here)
    assert desk.do_sending(change_password, signed_in, "password") == PasswordRefused("common")
    assert desk.do_sending(change_password, signed_in, EMAIL.text) == PasswordRefused("own_address")
    assert desk.do_sending(change_password, signed_in, NEW_PASSWORD) == Done()
    assert desk.session(elsewhere) is None
    assert desk.session(here)
    assert told(desk, "password_changed") == [EMAIL.text, PHONE.text]
    assert desk.do(sign_in, EMAIL.text, PASSWORD) == NotMatching()
    assert isinstance(desk.do(sign_in, EMAIL.text, NEW_PASSWORD), Opened)


def test_a_forgotten_password_is_replaced_by_whoever_gets_the_code(desk):
    holder_id = desk.account(phone=PHONE.text)
    elsewhere = desk.do(open_session, holder_id)
    first = desk.do_sending(begin_reset, EMAIL, "en")
    code_of_first = desk.code(first)
    sent = desk.do_sending(begin_reset, EMAIL, "en")
    assert desk.do_sending(finish_reset, desk.code(sent), "short") == PasswordRefused("too_short")
    assert desk.do_sending(finish_reset, desk.code(sent), EMAIL.text) == PasswordRefused("own_address")
    assert desk.do_sending(finish_reset, desk.wrong(sent), NEW_PASSWORD) == CodeWrong(4)
    opened = desk.do_sending(finish_reset, desk.code(sent), NEW_PASSWORD)
    assert desk.session(opened).is_recent(desk.at)
    assert desk.session(elsewhere) is None
    assert desk.do_sending(finish_reset, code_of_first, "a third long password") == CodeDead()
    assert isinstance(desk.do(sign_in, EMAIL.text, NEW_PASSWORD), Opened)
    assert told(desk, "password_changed") == [EMAIL.text, PHONE.text]


def test_a_number_is_told_of_changes_five_times_an_hour_and_fifteen_a_day_and_an_e_mail_address_always(desk):
    signed_in = desk.signed_in(desk.account(phone=PHONE.text))
    told_at = []
    for _ in range(4):
        for _ in range(6):
            assert desk.do_sending(change_password, signed_in, NEW_PASSWORD) == Done()
        told_at.append(Counter(told(desk, "password_changed")))
        desk.later(hours=1)
        signed_in = replace(signed_in, confirmed_at=desk.at)
    assert [one[EMAIL.text] for one in told_at] == [6, 12, 18, 24]
    assert [one[PHONE.text] for one in told_at] == [5, 10, 15, 15]
    signed_in = replace(signed_in, confirmed_at=desk.later(days=1).at)
    assert desk.do_sending(change_password, signed_in, NEW_PASSWORD) == Done()
    assert told(desk, "password_changed")[-1] == PHONE.text


def test_a_reset_where_there_is_no_account_is_answered_in_the_same_way(desk):
    sent = desk.do_sending(begin_reset, EMAIL, "en")
    assert isinstance(sent, CodeSent)
    assert desk.sent == []
    assert desk.do_sending(finish_reset, desk.wrong(sent), NEW_PASSWORD) == CodeWrong(4)


@pytest.mark.usefixtures("hashing_is_busy")
def test_a_reset_by_a_code_that_cannot_be_right_is_answered_without_hashing_anything(desk):
    for_another_thing = desk.do_sending(begin_registration, EMAIL, "en")
    for request in ("made up", for_another_thing.request):
        code = TypedCode(request, "123456")
        finishing = finish_reset(desk.connection, desk.send, code, NEW_PASSWORD, desk.visit)
        assert desk.run(asyncio.wait_for(finishing, timeout=60)) == CodeDead()


def test_resets_at_once_neither_wait_for_each_other_nor_fail(desk):
    desk.account()
    codes = []
    for _ in range(3):
        sent = desk.do_sending(begin_reset, EMAIL, "en")
        codes.append(desk.code(sent))
    answers = desk.at_once(
        *(
            lambda connection, code=code: finish_reset(connection, desk.send, code, NEW_PASSWORD, desk.visit)
            for code in codes
        )
    )
    assert Opened in {type(answer) for answer in answers}
    assert {type(answer) for answer in answers} <= {Opened, CodeDead}
    assert len(desk.rows("SELECT FROM sessions")) == 1
