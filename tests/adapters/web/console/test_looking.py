"""Looking: the search, the card, lists and figures; what is personal is veiled, and each look is recorded."""

from uuid import uuid4

import pytest

from tests.adapters.web.bounces import settled
from tests.adapters.web.pages.holders import EMAIL, HOLDER, NUMBERS, card_id_of

FAILING, PAID = card_id_of("failing"), card_id_of("paid")
NUMBER = "+12125550142"


def attempt_of(world, card_id):
    query = "SELECT attempt_id FROM charges WHERE card_id = %s ORDER BY attempted_at DESC LIMIT 1"
    return world.connection.execute(query, (card_id,)).fetchone()[0]


@pytest.mark.parametrize(
    ("sought", "kind"),
    [
        (NUMBER, "number"),
        ("+1 212-555-0142", "number"),
        ("5550142", "last digits"),
        (str(FAILING), "id"),
        (str(FAILING).upper(), "id"),
    ],
)
def test_what_names_one_card_leads_to_it_and_is_recorded_without_being_repeated(desk, record, world, sought, kind):
    world.connection.execute("DELETE FROM card_numbers WHERE number LIKE '+852%'")
    assert desk("support").post("/search", {"sought": f" {sought} "}).to == f"/cards/{FAILING}"
    assert record() == [("look_up", FAILING, kind, None, "1 found")]


@pytest.mark.parametrize("name", ["waiting", "off"])
def test_a_number_of_a_range_that_is_not_known_yet_is_found_too(desk, name):
    assert desk("support").post("/search", {"sought": NUMBERS[name]}).to == f"/cards/{card_id_of(name)}"


def test_an_attempt_its_reference_and_the_gateways_name_lead_to_their_card(desk, world):
    attempt = attempt_of(world, PAID)
    reference = attempt.hex[:8].upper()
    for sought in (attempt, f"{reference[:4]}-{reference[4:]}", f"ref-{attempt}"):
        assert desk("read").post("/search", {"sought": sought}).to == f"/cards/{PAID}"


def test_the_reference_of_a_confirmation_leads_to_its_card(desk, world):
    command_id = uuid4()
    query = "INSERT INTO card_events_commands VALUES (%s, '', %s, 1, 0, now())"
    world.connection.execute(query, (f"web:{command_id}", PAID))
    digits = command_id.hex[:8]
    assert desk("read").post("/search", {"sought": f"{digits[:4]}-{digits[4:]}"}).to == f"/cards/{PAID}"


@pytest.mark.parametrize(
    ("sought", "kind"),
    [
        (NUMBER, "number"),
        ("001 212 555 0142", "number"),
        ("+1 (212) 555-0142", "number"),
        (NUMBERS["off"], "number"),
        ("+852 5550 0142", "number"),
        ("\N{FULLWIDTH PLUS SIGN}852.5550.0142", "number"),
        ("42", "last digits"),
        ("555-0142", "last digits"),
        (EMAIL, "e-mail"),
        ("lin@", "e-mail"),
    ],
)
def test_a_reader_cannot_learn_numbers_or_addresses_by_trying_them(desk, record, sought, kind):
    answer = desk("read").post("/search", {"sought": sought})
    assert answer.status == 403
    assert f"Searching by {kind} needs the role support" in answer.text
    assert "/cards/" not in answer.html
    assert record() == [("look_up", None, kind, None, "refused: not for this role")]


def test_a_reader_searches_by_ids_and_references(desk):
    page = desk("read").get("/")
    assert "Card, attempt, case or reference" in page.html
    assert "e-mail" not in page.text
    assert desk("read").post("/search", {"sought": HOLDER}).text.count("+12…") == 2


def test_an_address_or_a_holder_leads_to_all_their_cards_with_veiled_numbers(desk, record):
    for role in ("support", "operator"):
        for sought in (EMAIL, EMAIL.upper(), HOLDER):
            text = desk(role).post("/search", {"sought": sought}).text
            assert text.count("+12…") == 2
            assert not any(number in text for number in NUMBERS.values())
    assert {about for _, _, about, _, _ in record()} == {"e-mail", "text"}
    assert EMAIL not in str(record())


def test_nothing_found_and_nothing_typed_are_told_apart(desk):
    answer = desk("read").post("/search", {"sought": "<b>nothing</b>"})
    assert "Nothing was found" in answer.text
    assert 'value="&lt;b&gt;nothing&lt;/b&gt;"' in answer.html
    assert desk("read").post("/search", {"sought": " "}).status == 422
    assert desk("read").post("/search", {"sought": "'; DROP TABLE cards --\x00"}).status == 200


def test_a_reader_never_sees_what_is_personal(desk, world):
    for name in (*NUMBERS, "paid"):
        html = desk("read").get(f"/cards/{card_id_of(name)}").html
        for number in NUMBERS.values():
            assert number not in html
            assert number[-8:] not in html.replace(" ", "")
        assert EMAIL not in html
        assert "Show personal data" not in html
    assert desk("read").get(f"/cards/{FAILING}?clear").status == 403


def test_who_may_see_it_sees_it_when_asked_and_that_is_recorded(desk, record):
    veiled = desk("support").get(f"/cards/{FAILING}").text
    assert EMAIL not in veiled
    assert "l…@example.com" in veiled
    clear = desk("support").get(f"/cards/{FAILING}?clear").text
    assert EMAIL in clear
    assert "+1 212 555 0142" in clear
    assert [(action, card) for action, card, *_ in record()] == [("see_card", FAILING), ("see_personal_data", FAILING)]


def test_a_card_shows_its_facts_their_reasons_and_what_comes_next(desk):
    text = desk("read").get(f"/cards/{FAILING}").text
    for said in (
        "payment failed",
        "charge_attempted.v1",
        "failed with code insufficient_funds",
        "Next wake 2026-11-30 05:00:00 UTC",
        "1 of 15 in 30 days",
        "Term 1 was offered",
        "operator:tests",
        "accepted",
    ):
        assert said in text, said
    assert "sim:good" not in desk("read").get(f"/cards/{FAILING}").html


def test_an_unknown_outcome_and_a_parked_card_say_so(desk):
    assert "waiting" in desk("read").get(f"/cards/{card_id_of('waiting')}").text
    assert "it is parked (a reason)" in desk("read").get(f"/cards/{card_id_of('short')}").text


def test_each_number_of_the_figures_leads_to_as_many_cards(desk):
    client = desk("read")
    html = client.get("/figures?days=90").html
    found = {}
    for part in html.split('<td class="num"><a href="')[1:]:
        address, _, rest = part.partition('">')
        found[address.replace("&amp;", "&")] = rest.split("<")[0]
    assert len(found) >= 15
    for address, number in found.items():
        if "CNY" in number:
            assert client.get(address).html.count('<a class="id"') == 1
        elif "code=" not in address:
            count = int(number.rpartition(" ")[2])
            assert client.get(address).html.count('<a class="id"') == count, address
    assert found["/cards?outcome=first&days=90"] == "1"
    assert found["/cards?outcome=suspended&days=90"] == "1"
    assert found["/cards?outcome=came_to&pass=2&days=90"] == "0 of 1"
    assert found["/cards?code=insufficient_funds&days=90"] == "2"
    assert found["/cards?month=2026-11&currency=CNY"] == "21.00 CNY"


def test_a_recovery_counts_where_it_happened(desk, world):
    world.connection.execute(
        "UPDATE charges SET status = 'succeeded' WHERE attempt_id = %s", (attempt_of(world, FAILING),)
    )
    html = desk("read").get("/figures").html
    assert "Recovered by pass 2" in html
    text = desk("read").get("/cards?outcome=recovered&pass=2").text
    assert str(FAILING) in text
    assert "no longer" not in text
    assert "There are none." in desk("read").get("/cards?outcome=recovered&pass=1").text


def test_lists_have_pages_and_keep_what_was_asked_for(desk, world):
    world.connection.execute(
        """
        INSERT INTO cards SELECT gen_random_uuid(), 'h-many', plan, currency, zone, 'grace', 0, starts_on, ends_on,
            ends_at, NULL, NULL, 0, NULL, false, false, 0, 0, 1, changed_at
        FROM cards, generate_series(1, 10) WHERE holder_id = 'h-lin'
        """
    )
    first = desk("read").get("/cards?status=grace")
    assert first.html.count('<a class="id"') == 50
    assert 'href="/cards?status=grace&amp;page=2"' in first.html
    assert desk("read").get("/cards?status=grace&page=2").html.count('<a class="id"') == 30


def test_health_says_what_runs_and_that_the_broker_is_away(desk):
    text = desk("read").get("/health").text
    for said in ("read_models", "under 1 minute", "The broker does not answer", "Parked cards"):
        assert said in text


def test_the_record_is_shown_to_all_and_changed_by_nobody(desk, world, record):
    desk("operator").get(f"/cards/{FAILING}?clear")
    assert "see personal data" in desk("read").get(f"/record?card={FAILING}").text
    columns = "has_column_privilege('baohao_app', 'operator_actions', %s, 'UPDATE')"
    for column, may in (("outcome", True), ("reason", False), ("operator_id", False), ("at", False)):
        assert world.connection.execute(f"SELECT {columns}", (column,)).fetchone() == (may,)
    query = "SELECT has_table_privilege('baohao_app', 'operator_actions', 'DELETE, TRUNCATE')"
    assert world.connection.execute(query).fetchone() == (False,)


def test_a_card_says_that_its_holder_is_not_reached(desk, world):
    assert "bounced" not in desk("read").get(f"/cards/{FAILING}").text
    settled(world.connection, EMAIL, "bounced")
    text = desk("read").get(f"/cards/{FAILING}").text
    assert "The holder's e-mail address is not reached: the last message to it bounced." in text
    assert EMAIL not in text
