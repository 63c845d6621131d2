"""Taking all personal data along, and erasing them."""

import json
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.directory.accounts import find_account
from adapters.directory.answers import Done, NotRecent, StillOwed
from adapters.directory.card_numbers import number_of, set_number
from adapters.directory.changing import begin_reset
from adapters.directory.leaving import erase_account, export_account
from adapters.directory.messages import message_to
from adapters.directory.passkeys import begin_adding
from adapters.directory.sessions import open_session
from adapters.directory.signing_in import sign_in
from adapters.directory.tables import DIRECTORY
from adapters.notices.outbox import put_message
from adapters.web.api.tokens import SCOPES, NewToken, create_token
from engine.commands import EnableAutoRenew, SwitchOffAutoRenew
from tests.adapters.cards import FAR, TERMS
from tests.adapters.directory.desk import EMAIL, PASSWORD, PHONE
from tests.adapters.directory.passkey_desk import SITE, add_passkey

NUMBER = "+8613700137000"


@pytest.fixture
def holder_id(desk, cards):
    """A holder who has a card with a number, which is renewed automatically."""
    [card_id] = cards.register(1)
    cards.project()
    desk.run(set_number(desk.connection, card_id, NUMBER))
    return desk.account(phone=PHONE.text, holder_id="holder-1")


def switch_off(cards, card_id: UUID):
    cards.give(SwitchOffAutoRenew(command_id="off", card_id=card_id, reason="holder"))
    cards.project()


def personal(desk) -> str:
    """All that the tables of the directory hold."""
    return "\n".join(str(desk.rows(f"SELECT t::text FROM {table} t")) for table in DIRECTORY)


def test_all_personal_data_are_exported_without_secrets(desk, cards, holder_id):
    opened = desk.do(sign_in, EMAIL.text, PASSWORD)
    exported = desk.do(export_account, desk.session(opened))
    text = json.dumps(exported)
    for part in (EMAIL.text, PHONE.text, NUMBER, "Firefox, Linux", "203.0.113.0/24", "signed_in"):
        assert part in text
    assert "argon2" not in text
    assert exported["account"]["has_password"]
    assert "exported" in desk.events(holder_id)
    assert desk.later(minutes=11).do(export_account, desk.session(opened)) == NotRecent()


def test_what_was_sent_and_what_opens_the_account_are_exported_but_open_nothing(desk, holder_id, key):
    lasts = timedelta(days=1)
    token = desk.run(create_token(desk.connection, NewToken("app", holder_id, SCOPES, lasts), desk.at))
    desk.run(create_token(desk.connection, NewToken("office", None, SCOPES, lasts), desk.at))
    signed_in = desk.signed_in(holder_id)
    add_passkey(desk, signed_in, key)
    for kind, values in (("code", {"code": "918273", "purpose": "sign_in", "minutes": "10"}), ("email_changed", {})):
        message = message_to(EMAIL, kind, "en", values, holder_id=holder_id)
        desk.run(put_message(desk.connection, message))
    exported = desk.do(export_account, signed_in)
    assert [(one["name"], one["scopes"]) for one in exported["tokens"]] == [("app", list(SCOPES))]
    assert [(one["label"], one["used_at"]) for one in exported["passkeys"]] == [("My phone", None)]
    assert {(one["kind"], one["address"]) for one in exported["messages"]} == {
        ("code", EMAIL.text),
        ("email_changed", EMAIL.text),
    }
    text = json.dumps(exported)
    for secret in (token, "918273", "office", "token_hash", "public_key", *key.keys):
        assert secret not in text


def test_an_account_is_erased_when_nothing_is_owed_for_its_cards(desk, cards, holder_id):
    signed_in = desk.signed_in(holder_id)
    [card_id] = cards.register(1)
    assert desk.do_sending(erase_account, signed_in) == StillOwed((card_id,))
    switch_off(cards, card_id)
    for what in ("balance_minor = 1", "balance_minor = 0, reserved_minor = 1", "reserved_minor = 0"):
        cards.connection.execute(f"UPDATE cards SET {what}, outcome_unknown = {what == 'reserved_minor = 0'}")
        assert desk.do_sending(erase_account, signed_in) == StillOwed((card_id,))
    cards.connection.execute("UPDATE cards SET outcome_unknown = false")
    assert desk.do_sending(erase_account, signed_in) == Done()


@pytest.mark.parametrize("status", ["attempted", "unknown", "pending"])
def test_an_account_stays_while_a_charge_of_its_cards_is_open(desk, cards, holder_id, status):
    [card_id] = cards.register(1)
    cards.now = FAR
    cards.engine.wake({card_id: "due"}, *cards.rules())
    switch_off(cards, card_id)
    signed_in = desk.signed_in(holder_id)
    cards.connection.execute("UPDATE cards SET outcome_unknown = false, reserved_minor = 0")
    assert cards.connection.execute("UPDATE charges SET status = %s", (status,)).rowcount == 1
    assert desk.do_sending(erase_account, signed_in) == StillOwed((card_id,))
    cards.connection.execute("UPDATE charges SET status = 'failed'")
    assert desk.do_sending(erase_account, signed_in) == Done()


def test_an_account_stays_until_the_read_models_have_followed_its_cards(desk, cards, holder_id):
    [card_id] = cards.register(1)
    switch_off(cards, card_id)
    cards.give(EnableAutoRenew(command_id="on", card_id=card_id, months=1, **TERMS))
    signed_in = desk.signed_in(holder_id)
    assert desk.do_sending(erase_account, signed_in) == StillOwed((card_id,))
    cards.give(SwitchOffAutoRenew(command_id="off again", card_id=card_id, reason="holder"))
    cards.project()
    cards.register(2)  # another holder's, which has not been followed yet
    assert desk.do_sending(erase_account, signed_in) == Done()


def test_an_account_stays_while_one_of_its_cards_cannot_be_followed(desk, cards, holder_id):
    [card_id] = cards.register(1)
    switch_off(cards, card_id)
    park = "INSERT INTO parked_cards (follower, model, card_id, position, reason) VALUES (%s, 'charges', %s, 1, 'x')"
    cards.connection.execute(park, ("read_models", card_id))
    assert desk.do_sending(erase_account, desk.signed_in(holder_id)) == StillOwed((card_id,))


def test_nothing_personal_is_left_and_another_account_is_not_touched(desk, cards, holder_id, key):
    other = desk.account("other@example.org")
    kept = desk.do(open_session, other)
    [card_id] = cards.register(1)
    switch_off(cards, card_id)
    desk.do(sign_in, EMAIL.text, "wrong")
    desk.do_sending(begin_reset, EMAIL, "en")
    add_passkey(desk, desk.signed_in(holder_id), key)
    desk.do(begin_adding, desk.signed_in(holder_id), SITE)
    desk.sent.clear()
    assert desk.do_sending(erase_account, desk.signed_in(holder_id)) == Done()
    assert [(message.kind, message.to) for message in desk.sent] == [
        ("account_erased", EMAIL.text),
        ("account_erased", PHONE.text),
    ]
    left = personal(desk)
    for part in (EMAIL.text, PHONE.text, NUMBER, "My phone"):
        assert part not in left
    assert desk.rows("SELECT FROM passkey_challenges") == []
    assert desk.run(number_of(desk.connection, [card_id])) == {}
    assert desk.rows("SELECT what, ip_prefix FROM account_events WHERE holder_id = %s", holder_id) == [("erased", None)]
    assert desk.session(kept)
    assert desk.run(find_account(desk.connection, other))


def test_programs_of_the_holder_have_no_access_any_more(desk):
    holder_id = desk.account()
    for name, whose in (("app", holder_id), ("office", None)):
        new = NewToken(name, whose, SCOPES, timedelta(days=1))
        assert desk.run(create_token(desk.connection, new, desk.at))
    assert desk.do_sending(erase_account, desk.signed_in(holder_id)) == Done()
    assert desk.rows("SELECT name FROM api_tokens") == [("office",)]


def test_the_same_address_may_register_again(desk):
    holder_id = desk.account()
    assert desk.do_sending(erase_account, desk.signed_in(holder_id)) == Done()
    assert desk.account() != holder_id
    assert desk.do_sending(erase_account, desk.signed_in(desk.account("other@example.org"))) == Done()
