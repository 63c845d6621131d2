"""A card that a read model cannot follow is parked for that model; all other cards and models go on."""

from dataclasses import replace

import pytest
from psycopg import sql

from engine.card.payments import ChargeSucceeded
from engine.card.term import CardRenewed
from engine.store.log import head, read_log
from projections.charges import CHARGES
from projections.follow import follow, retry_parked_cards
from projections.ledger import LEDGER
from projections.live import LIVE, MODELS, differences
from projections.parked_cards import REASON_KEPT, count_parked_cards, list_parked_cards
from tests.engine.random_histories import store_all
from tests.projections.folding import varied_lives

NAMES = sorted(model.name for model in MODELS)


@pytest.fixture
def lives(store):
    lives = varied_lives(20)
    store_all(store, lives)
    return lives


def follow_all(connection, follower=LIVE, limit=7):
    parked = []
    while (step := follow(connection, follower, limit)).fact_count:
        parked += step.parked
    return parked


def rows(connection, model):
    """The rows of a read model as text, by card."""
    query = sql.SQL("SELECT card_id, t::text FROM {} t ORDER BY 2").format(sql.Identifier(model.name))
    found = {}
    for card_id, row in connection.execute(query):
        found.setdefault(card_id, []).append(row)
    return found


def spoil(connection, card_id, topic="x.v1"):
    """Add a row that cannot be read."""
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 1000, %s, '{}')",
        (card_id, topic),
    )
    return head(connection)


def with_fold(fold):
    """The live follower, with another fold of the charges."""
    models = tuple(replace(CHARGES, fold=fold) if model is CHARGES else model for model in MODELS)
    return replace(LIVE, models=models)


def charged_card(connection):
    """A card that was charged, and the position of its first success."""
    return next((f.card_id, f.position) for f in read_log(connection, 0, 10_000) if isinstance(f.fact, ChargeSucceeded))


READING_RENEWALS = sorted(model.name for model in MODELS if CardRenewed in model.facts)


@pytest.mark.parametrize(
    ("topic", "models"),
    [("x.v1", NAMES), ("card_renewed.v1", READING_RENEWALS)],
    ids=["unknown fact", "unreadable fact"],
)
@pytest.mark.parametrize("limit", [1, 1000])
def test_a_row_that_cannot_be_read_parks_its_card_for_the_models_that_read_it_and_all_others_are_followed(
    store, connection, lives, topic, models, limit
):
    card_id = lives[0].card_id
    position = spoil(connection, card_id, topic)
    later = [life for life in varied_lives(25) if life.card_id not in {one.card_id for one in lives}]
    store_all(store, later)
    parked = follow_all(connection, limit=limit)
    assert sorted((one.model, one.card_id, one.position) for one in parked) == [(n, card_id, position) for n in models]
    assert count_parked_cards(connection, LIVE.name) == dict.fromkeys(models, 1)
    assert {life.card_id for life in later if life.wake_at} <= rows(connection, MODELS[1]).keys()
    assert not any(differences(connection, 13).values()), "a replay parks the same card at the same fact"


def test_what_is_parked_is_listed_by_model_with_its_reason(connection, lives):
    position = spoil(connection, lives[0].card_id)
    follow_all(connection)
    listed = list_parked_cards(connection, LIVE.name, 100)
    assert [(one.model, one.position) for one in listed] == [(name, position) for name in NAMES]
    assert listed[0].reason.startswith(f"card {lives[0].card_id}, version 1000: no fact is called 'x.v1'")
    assert list_parked_cards(connection, LIVE.name, 2) == listed[:2]


@pytest.mark.parametrize("limit", [1, 1000])
def test_a_fact_that_cannot_be_folded_parks_its_card_for_that_model_only(connection, lives, limit):
    card_id, position = charged_card(connection)

    def fold(row, recorded):
        if recorded.position == position:
            raise ValueError("text\0 " * REASON_KEPT)
        return CHARGES.fold(row, recorded)

    [parked] = follow_all(connection, with_fold(fold), limit)
    assert parked[:3] == (CHARGES.name, card_id, position)
    [listed] = list_parked_cards(connection, LIVE.name, 100)
    assert listed.reason.startswith("ValueError: text? text?")
    found = differences(connection, 1000)
    assert {name for name, rows in found.items() if rows} == {CHARGES.name}
    assert retry_parked_cards(connection, LIVE) == []
    assert not any(differences(connection, 1000).values()), "folded from where it stopped"


@pytest.mark.parametrize("wrong", ["a\0b", "\udcff"], ids=["NUL", "no text"])
def test_a_row_that_postgresql_refuses_parks_its_card_for_that_model_only(connection, lives, wrong):
    card_id, position = charged_card(connection)

    def fold(row, recorded):
        folded = CHARGES.fold(row, recorded)
        return folded._replace(gateway_ref=wrong) if recorded.position == position else folded

    [parked] = follow_all(connection, with_fold(fold), 1000)
    assert parked[:2] == (CHARGES.name, card_id)
    assert rows(connection, CHARGES).keys() | {card_id} == {f.card_id for f in charges(connection)}
    retry_parked_cards(connection, LIVE)
    assert not any(differences(connection, 1000).values())


def charges(connection):
    return [fact for fact in read_log(connection, 0, 10_000) if CHARGES.key_of(fact) is not None]


def test_a_parked_card_stays_parked_while_its_facts_go_on_and_until_it_can_be_folded(store, connection, lives):
    card_id, position = charged_card(connection)

    def fold(row, recorded):
        if recorded.position == position:
            raise ValueError("not yet")
        return CHARGES.fold(row, recorded)

    unable = with_fold(fold)
    assert len(follow_all(connection, unable, 1)) == 1, "once, though more facts of that card follow"
    [still] = retry_parked_cards(connection, unable)
    assert (still.card_id, still.position) == (card_id, position)
    assert count_parked_cards(connection, LIVE.name) == {CHARGES.name: 1}
    assert retry_parked_cards(connection, LIVE) == []
    assert count_parked_cards(connection, LIVE.name) == {}


def test_an_unreadable_row_stays_parked_when_it_is_tried_again(connection, lives):
    position = spoil(connection, lives[0].card_id)
    follow_all(connection)
    assert sorted((one.model, one.position) for one in retry_parked_cards(connection, LIVE)) == [
        (name, position) for name in NAMES
    ]
    assert count_parked_cards(connection, LIVE.name) == dict.fromkeys(NAMES, 1)


def test_an_error_that_is_no_card_s_is_raised(connection, lives):
    connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(LEDGER.name)))
    with pytest.raises(Exception, match="ledger"):
        follow_all(connection)
    assert count_parked_cards(connection, LIVE.name) == {}
