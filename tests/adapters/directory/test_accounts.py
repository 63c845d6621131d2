"""Accounts and the numbers of cards: each address, id and number once."""

from uuid import uuid4

import psycopg
import pytest

from adapters.directory.accounts import (
    account_at,
    find_account,
    list_accounts,
    set_language,
    set_zone,
)
from adapters.directory.addresses import Address, address_of, number_of_card, number_of_text, veiled
from adapters.directory.answers import Done, Opened, Taken
from adapters.directory.card_numbers import card_with, import_numbers, list_numbers, number_of, set_number
from adapters.directory.signing_in import begin_code_sign_in, sign_in, sign_in_with_code
from adapters.directory.visit import Visit, device_of
from tests.adapters.directory.desk import EMAIL, PASSWORD, PHONE


def test_each_address_and_each_holder_has_one_account(desk):
    holder_id = desk.account(phone=PHONE.text)
    assert desk.account() == Taken("email")
    assert desk.account("other@example.org", phone=PHONE.text) == Taken("phone")
    assert desk.account("other@example.org", holder_id=holder_id) == Taken("holder_id")
    with pytest.raises(psycopg.errors.CheckViolation):
        desk.account(email=None)


def test_accounts_are_found_by_id_and_address_and_listed(desk):
    ids = sorted(desk.account(f"{name}@example.org") for name in "abc")
    assert [one.holder_id for one in desk.run(list_accounts(desk.connection, 2, 1))] == ids[1:]
    found = desk.run(account_at(desk.connection, Address("email", "a@example.org")))
    assert found == desk.run(find_account(desk.connection, found.holder_id))
    assert desk.run(account_at(desk.connection, PHONE)) is None


def test_an_account_whose_address_was_stored_in_its_own_script_is_found_by_either(desk):
    holder_id = desk.account("lin@例子.中国")
    typed = address_of("lin@例子.中国")
    assert desk.run(account_at(desk.connection, typed)).holder_id == holder_id
    sent = desk.do_sending(begin_code_sign_in, typed, "en")
    assert desk.sent[0].to == "lin@xn--fsqu00a.xn--fiqs8s"
    assert isinstance(desk.do(sign_in_with_code, desk.code(sent)), Opened)
    for written in ("Lin@例子.中国", typed.text):
        assert isinstance(desk.do(sign_in, written, PASSWORD), Opened)


def test_who_has_an_address_that_is_taken_no_more_still_signs_in_with_the_password(desk):
    desk.account("李@example.org")
    assert isinstance(desk.do(sign_in, "李@Example.org", PASSWORD), Opened)


def test_language_and_zone_are_the_holder_s_to_set(desk):
    holder_id = desk.account()
    desk.run(set_language(desk.connection, holder_id, "en"))
    assert desk.run(set_zone(desk.connection, holder_id, "Europe/Berlin"))
    assert not desk.run(set_zone(desk.connection, holder_id, "Europe/Nowhere"))
    account = desk.run(find_account(desk.connection, holder_id))
    assert (account.language, account.zone) == ("en", "Europe/Berlin")


def test_a_number_belongs_to_one_card_at_a_time(desk):
    first, second = uuid4(), uuid4()
    assert desk.run(set_number(desk.connection, first, PHONE.text)) == Done()
    assert desk.run(set_number(desk.connection, second, PHONE.text)) == Taken("number")
    assert desk.run(set_number(desk.connection, first, "+85291234567")) == Done()
    assert desk.run(set_number(desk.connection, second, PHONE.text)) == Done()
    assert desk.run(number_of(desk.connection, [first, second, uuid4()])) == {first: "+85291234567", second: PHONE.text}
    assert desk.run(card_with(desk.connection, PHONE.text)) == second
    assert desk.run(card_with(desk.connection, EMAIL.text)) is None
    assert desk.run(list_numbers(desk.connection, 10, ending="4567")) == [(first, "+85291234567")]
    assert len(desk.run(list_numbers(desk.connection, 10))) == 2


def test_many_numbers_are_imported_and_those_of_other_cards_left(desk):
    ids = [uuid4() for _ in range(4)]
    desk.run(set_number(desk.connection, ids[0], PHONE.text))
    numbers = {card_id: f"+4915112345{index:03d}" for index, card_id in enumerate(ids[1:])}
    assert desk.run(import_numbers(desk.connection, numbers)) == {}
    again = numbers | {ids[1]: PHONE.text}
    assert desk.run(import_numbers(desk.connection, again)) == {ids[1]: Taken("number")}
    assert desk.run(number_of(desk.connection, ids)) == {ids[0]: PHONE.text, **numbers}


@pytest.mark.parametrize(
    ("typed", "kind", "text"),
    [
        ("Lin@Example.ORG", "email", "lin@example.org"),
        (" Lin@例子.中国 ", "email", "lin@xn--fsqu00a.xn--fiqs8s"),
        ("lin@XN--fsqu00a.xn--fiqs8s", "email", "lin@xn--fsqu00a.xn--fiqs8s"),
        ("13800138000", "phone", PHONE.text),
        ("+86 138-0013-8000", "phone", PHONE.text),
        ("+1 (415) 555-2671", "phone", "+14155552671"),
    ],
)
def test_an_address_is_written_in_one_way(typed, kind, text):
    assert address_of(typed) == Address(kind, text)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "x",
        "a@b",
        "a@@example.org",
        "12345",
        "+86138",
        "13800138000;ext=3",
        "x" * 300,
        "\0",
        "李@example.org",
        "李@例子.中国",
        "\ud800@a.org",
    ],
)
def test_anything_else_is_no_address(typed):
    assert address_of(typed) is None


@pytest.mark.parametrize("typed", ["+447700900877", "＋852 5550 0142", " +8613800138000", "13800138000"])
def test_a_card_is_sought_by_any_number_as_long_as_its_countrys(typed):
    assert number_of_card(typed)


@pytest.mark.parametrize(
    "typed", ["", "+", "12", "5550142", "+1212555", "+8613800138000;ext=3", "a@b.org", "+999123456789"]
)
def test_what_no_card_can_have_is_no_number(typed):
    assert number_of_card(typed) is None


def test_an_address_is_shown_so_that_only_its_owner_knows_it():
    assert [veiled(one) for one in (EMAIL.text, PHONE.text, None)] == ["l…@example.org", "+86…00", None]
    assert EMAIL.text not in repr(EMAIL)
    assert number_of_text("x") is None


@pytest.mark.parametrize(
    ("ip", "limited_as", "prefix"),
    [
        ("203.0.113.7", "203.0.113.7/32", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::ffff:203.0.113.7", "203.0.113.7/32", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
        ("::1", "::/64", "::/48"),
        ("", "", None),
        ("unix:", "", None),
    ],
)
def test_a_client_is_counted_by_its_network_and_remembered_by_a_wider_one(desk, ip, limited_as, prefix):
    visit = Visit(desk.at, ip)
    assert (visit.limited_as, visit.prefix) == (limited_as, prefix)


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/130.0 Safari/537.36 MicroMessenger/8.0", "WeChat, Android"),
        ("curl/8.0", ""),
        ("", ""),
    ],
)
def test_a_device_has_a_name_that_its_owner_knows(user_agent, device):
    assert device_of(user_agent) == device
