"""Cards, history, prices and receipts, as programs read them."""

from datetime import timedelta
from uuid import UUID

import pytest

from engine.card.consent import AutoRenewEnabled
from engine.ports import Charged
from tests.adapters.web.pages.holders import HOLDER, NOW, NUMBERS, OTHER, card_id_of

PLUS = card_id_of("plus")


def all_of(program, path, what, by):
    """All pages of a list."""
    found, cursor, pages = [], "", 0
    while True:
        answer = program.get(f"{path}{'&' if '?' in path else '?'}limit={by}{cursor}").json
        assert len(answer[what]) <= by
        found += answer[what]
        pages += 1
        if answer["next"] is None:
            return found, pages
        cursor = f"&cursor={answer['next']}"


def test_a_holders_program_pages_through_the_cards_of_its_holder_alone(app):
    cards, pages = all_of(app, "/cards", "cards", 3)
    assert pages == 3
    assert {one["card_id"] for one in cards} == {str(card_id_of(name)) for name in NUMBERS}
    assert {one["holder_id"] for one in cards} == {HOLDER}
    assert app.get(f"/cards?holder={OTHER}").json == {"cards": [], "next": None}


def test_a_back_office_sees_all_cards_or_those_of_one_holder(office):
    cards, _ = all_of(office, "/cards", "cards", 4)
    assert {one["holder_id"] for one in cards} == {HOLDER, OTHER}
    assert len(cards) == len({one["card_id"] for one in cards}) == len(NUMBERS) + 1
    [only] = office.get(f"/cards?holder={OTHER}").json["cards"]
    assert only["card_id"] == str(card_id_of("another's"))


def test_a_card_tells_how_it_stands_and_what_will_happen(app):
    card = app.get(f"/cards/{PLUS}").json
    assert (card["number"], card["standing"], card["auto_renewal_months"]) == (NUMBERS["plus"], "active", 12)
    assert card["term"] == {"number": 0, "starts_on": "2026-03-14", "ends_on": "2027-03-14", "zone": "Europe/London"}
    assert card["balance"] == {"amount_minor": 0, "currency": "CNY"}
    assert card["next_payment"]["total"] == {"amount_minor": 18240, "currency": "CNY"}
    assert card["next_payment"]["method_id"] == "visa"
    assert [one["type"] for one in card["outlook"]][-2:] == ["payment", "term_begins"]
    assert card["outlook"][-1]["ends_on"] == "2028-03-14"
    assert card["consent"]["price"] == {"amount_minor": 18240, "currency": "CNY"}


@pytest.mark.parametrize("name", [*NUMBERS, "another's"])
def test_each_card_is_shown_without_tokens_or_fingerprints(office, name):
    answer = office.get(f"/cards/{card_id_of(name)}")
    assert answer.status == 200
    assert b"sim:" not in answer.body
    assert b"fp-visa" not in answer.body


def test_a_card_that_has_not_changed_is_not_sent_again(app):
    first = app.get(f"/cards/{PLUS}")
    tag = first.headers["etag"]
    assert tag.startswith(f'"{first.json["version"]}-')
    again = app.get(f"/cards/{PLUS}", **{"If-None-Match": f'"x", W/{tag}'})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert app.write("DELETE", f"/cards/{PLUS}/auto-renewal").status == 200
    changed = app.get(f"/cards/{PLUS}", **{"If-None-Match": tag})
    assert changed.status == 200
    assert changed.json["version"] > first.json["version"]
    assert changed.json["consent"] is None


def test_history_comes_newest_first_in_the_readers_language(app):
    path = f"/cards/{card_id_of('failing')}/history"
    entries, pages = all_of(app, path, "events", 2)
    assert pages > 2
    versions = [one["version"] for one in entries]
    assert versions == sorted(versions, reverse=True)
    assert [entries[-1]["type"], entries[-1]["text"]] == [
        "card_registered",
        "The card was set up, paid until 30 November 2026.",
    ]
    assert any("<" in one["text"] for one in entries) is False
    chinese = app.get(path, **{"Accept-Language": "zh-CN"}).json["events"]
    assert chinese[-1]["text"] != entries[-1]["text"]


def tell(world, holder, *sent):
    """As if a holder of the card was told that auto-renewal is on; returns the version of that fact."""
    version = next(
        one.version for one in world.cards.log() if one.card_id == PLUS and isinstance(one.fact, AutoRenewEnabled)
    )
    for channel, state in sent:
        world.connection.execute(
            """
            INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at,
                state, sent_at)
            VALUES (%s, %s, %s, %s, 'switched_on', %s, '{}', %s, %s, %s, %s)
            """,
            (f"{PLUS}:{version}:{state}", channel, holder, PLUS, NOW, NOW, NOW, state, NOW),
        )
    return version


def test_history_does_not_say_what_another_holder_of_the_card_was_told(app, lin, world):
    tell(world, OTHER, ("email", "delivered"))
    assert all(one["notices"] == [] for one in app.get(f"/cards/{PLUS}/history").json["events"])
    assert "We told you" not in lin.get(f"/cards/{PLUS}").text
    tell(world, HOLDER, ("sms", "accepted"))
    assert "We told you" in lin.get(f"/cards/{PLUS}").text


def test_history_says_what_the_holder_was_told_and_how(app, world):
    version = tell(world, HOLDER, ("email", "delivered"), ("sms", "accepted"), ("sms", "pending"))
    told = {one["version"]: one["notices"] for one in app.get(f"/cards/{PLUS}/history").json["events"]}
    assert {(one["channel"], one["delivered"]) for one in told[version]} == {("email", True), ("sms", False)}
    assert told[version][0]["sent_at"] == "2026-11-29T04:00:00Z"
    assert [notices for one, notices in told.items() if one != version] == [[]] * (len(told) - 1)


def test_quotes_have_what_is_needed_to_agree(app):
    answer = app.get(f"/cards/{card_id_of('off')}/quotes").json
    assert answer["terms_version"] == "2026-11"
    assert [one["months"] for one in answer["quotes"]] == [1, 3, 6, 12]
    assert answer["quotes"][-1]["saving"] == {"amount_minor": 1920, "currency": "CNY"}


def test_receipts_are_of_the_holder_alone_and_go_on_by_cursor(world, app, other_app, office):
    world.live(PLUS, NOW + timedelta(days=500), Charged)
    world.cards.project()
    paid, pages = all_of(app, "/receipts", "receipts", 1)
    assert pages == len(paid) == 2
    assert {one["card_id"] for one in paid} == {str(PLUS)}
    assert paid[0]["paid_at"] > paid[1]["paid_at"]
    assert paid[0]["amount"] == {"amount_minor": 18240, "currency": "CNY"}
    assert office.get("/receipts").json["receipts"] == office.get(f"/receipts?holder={HOLDER}").json["receipts"] == paid
    assert other_app.get("/receipts").json == {"receipts": [], "next": None}
    assert other_app.get(f"/receipts?holder={HOLDER}").json == {"receipts": [], "next": None}


@pytest.fixture
def paid(world, app):
    """A receipt of Lin's, as the list has it."""
    world.live(PLUS, NOW + timedelta(days=120), Charged)
    world.cards.project()
    [found] = app.get("/receipts").json["receipts"]
    return found


def test_a_receipt_says_what_was_bought_and_how_it_was_paid(app, paid):
    path = f"/receipts/{paid['attempt_id']}"
    receipt = app.get(path).json
    assert {name: receipt[name] for name in paid} == paid
    assert receipt["term"] == {
        "months": 12,
        "price": {"amount_minor": 18240, "currency": "CNY"},
        "reactivation_fee": None,
        "starts_on": "2027-03-14",
        "ends_on": "2028-03-14",
        "zone": "Europe/London",
    }
    assert receipt["method"] == {"kind": "credit_card", "brand": "visa", "last4": "4242"}
    assert (receipt["number"], receipt["plan"]) == (NUMBERS["plus"], "keep-plus")


def test_a_receipt_is_a_file_that_is_sent_once(app, paid):
    path = f"/receipts/{paid['attempt_id']}/pdf"
    first = app.get(path)
    assert (first.headers["content-type"], first.body[:4]) == ("application/pdf", b"%PDF")
    assert app.get(path).body == first.body
    assert b"/Lang(zh-CN)" in app.get(path, **{"Accept-Language": "zh-CN"}).body
    again = app.get(path, **{"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("more", ["", "/pdf"])
def test_a_receipt_of_another_is_none(other_app, office, paid, more):
    answers = [other_app.get(f"/receipts/{one}{more}") for one in (paid["attempt_id"], PLUS)]
    assert {one.status for one in answers} == {404}
    assert len({one.body for one in answers}) == 1
    assert answers[0].code == "unknown_receipt"
    assert office.get(f"/receipts/{paid['attempt_id']}{more}").status == 200


@pytest.mark.parametrize("path", ["/cards", "/receipts", f"/cards/{PLUS}/history"])
@pytest.mark.parametrize("cursor", ["x", "%F0%9F%98%80", "AAAA", "MTIzNCB4", "OTk5OTk5OTk5OTk5OTk5OTk5OTk"])
def test_a_made_up_cursor_is_refused(app, path, cursor):
    answer = app.get(f"{path}?cursor={cursor}")
    assert (answer.status, answer.code) == (422, "invalid")
    assert answer.json["fields"][0]["field"] == "query.cursor"


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_page_has_a_hundred_at_most(app, limit):
    answer = app.get(f"/cards?limit={limit}")
    assert answer.code == "invalid"
    assert answer.json["fields"][0]["field"] == "query.limit"


def test_ids_are_uuids(app):
    assert app.get("/cards/7").code == "invalid"
    assert UUID(app.get("/cards?limit=1").json["cards"][0]["card_id"])
