"""A log that was sealed is verified, and whatever its owner does to it is named."""

from random import Random

import pytest

from projections.audit.heads import HeadError, SealKey, read_head
from projections.audit.leaves import LeafFact, fact_of, leaf_of, leaves_between
from projections.audit.sealing import seal_next
from projections.audit.seals import last_seal, seals_from
from projections.audit.tree import ProofError, leaf_hash
from projections.audit.verifying import verify
from tests.engine.random_histories import random_history, store_all
from tests.projections.audit.tampering import MANIPULATIONS, rows_of

KEY = SealKey.new("baohao.example/tests")
KEYS = [KEY.public]
STRETCH = 16


@pytest.fixture
def sealed(copied_attempts, store, connection):
    """A log with gaps in its positions, under many seals, and a copy of it."""
    store_all(store, [random_history(seed, 20) for seed in range(4)])
    connection.execute(
        "SELECT setval('card_events_notification_id_seq', (SELECT max(notification_id) + 3 FROM card_events))"
    )
    store_all(store, [random_history(seed, 20) for seed in range(4, 8)])
    seal_all(connection)
    connection.execute("CREATE TABLE kept_events AS SELECT * FROM card_events")
    connection.execute("CREATE TABLE kept_seals AS SELECT * FROM seals")
    connection.execute("SET session_replication_role = replica")  # no trigger stops an owner
    yield connection
    connection.execute("DROP TABLE kept_events, kept_seals")


def seal_all(connection):
    while seal_next(connection, KEY, STRETCH) is not None:
        pass


def put_back(connection):
    connection.execute("TRUNCATE card_events, seals")
    connection.execute("INSERT INTO card_events SELECT * FROM kept_events")
    connection.execute("INSERT INTO seals SELECT * FROM kept_seals")
    connection.execute(
        "CREATE UNIQUE INDEX IF NOT EXISTS card_events_notification_id_idx ON card_events (notification_id)"
    )


def findings_of(url, **options):
    return verify(url, KEYS, **options).findings


def sentence_of(url, **options):
    (found,) = findings_of(url, **options)
    return found.sentence


@pytest.mark.parametrize("parallel", [1, 2])
def test_a_log_that_nobody_touched_is_as_it_was_sealed(sealed, cards_url, parallel):
    count = len(rows_of(sealed))
    verified = verify(cards_url, KEYS, parallel=parallel)
    assert verified == (count, -(-count // STRETCH), 0, [])


def test_what_is_appended_after_the_last_seal_waits_for_the_next(sealed, cards_url, store):
    before = len(rows_of(sealed))
    store_all(store, [random_history(50, 20)])
    verified = verify(cards_url, KEYS)
    assert (verified.facts, verified.unsealed) == (before, len(rows_of(sealed)) - before)
    seal_all(sealed)
    assert verify(cards_url, KEYS).unsealed == 0


def test_an_empty_log_has_nothing_to_show(connection, cards_url):
    assert seal_next(connection, KEY, 10) is None
    assert verify(cards_url, KEYS) == (0, 0, 0, [])


def is_named(wanted, found):
    kind, position = wanted
    if kind == "cut":
        return any(one.kind == "cut" for one in found)
    return any(
        one.kind == kind and one.first_position <= position <= one.last_position
        for one in found
        if one.kind != "versions" and one.first_position is not None
    )


def manipulate_and_verify(sealed, url, chance):
    """One random manipulation; returns what was done where it is not named exactly."""
    manipulation = chance.choice(MANIPULATIONS)
    with sealed.transaction():
        done = manipulation(sealed, chance, rows_of(sealed))
    head = read_head(sealed.execute("SELECT head FROM kept_seals ORDER BY number DESC LIMIT 1").fetchone()[0])
    found = findings_of(url, heads=[head])
    put_back(sealed)
    return [(manipulation.__name__, wanted, found) for wanted in done if not is_named(wanted, found)]


@pytest.mark.parametrize("seed", range(10))
def test_what_the_owner_does_to_the_log_is_named(sealed, cards_url, seed):
    chance = Random(seed)
    for _ in range(10):
        assert manipulate_and_verify(sealed, cards_url, chance) == []
    assert findings_of(cards_url) == []


@pytest.mark.slow
def test_a_thousand_manipulations_are_named(sealed, cards_url):
    chance = Random(2026)
    for _ in range(1000):
        assert manipulate_and_verify(sealed, cards_url, chance) == []


def test_the_sentences_name_position_fact_and_card(sealed, cards_url):
    row = rows_of(sealed)[20]
    sealed.execute("UPDATE card_events SET state = '{}' WHERE notification_id = %s", (row.position,))
    what = f"{row.name!r}, version {row.version} of card {row.card_id}"
    expected = f"the fact at position {row.position} was altered; it is now {what}, which cannot be read"
    assert sentence_of(cards_url) == expected


def test_a_gap_in_the_versions_is_named_before_anything_is_sealed(store, connection, cards_url):
    store_all(store, [random_history(1, 20)])
    card_id = rows_of(connection)[3].card_id
    connection.execute("SET session_replication_role = replica")
    connection.execute("DELETE FROM card_events WHERE originator_version = 3")
    assert f"card {card_id} end with version" in sentence_of(cards_url)
    assert sentence_of(cards_url).endswith("version 3 is missing")


def test_a_row_and_its_kept_hash_changed_together_are_found_by_the_signed_root(sealed, cards_url):
    row = rows_of(sealed)[20]
    other = leaf_of(LeafFact(*row._replace(state=b"{}")))
    sealed.execute("UPDATE card_events SET state = '{}' WHERE notification_id = %s", (row.position,))
    kept = sealed.execute("SELECT leaves FROM seals WHERE number = 2").fetchone()[0]
    leaves = kept.replace(leaf_hash(leaf_of(LeafFact(*row))), leaf_hash(other))
    assert leaves != kept
    sealed.execute("UPDATE seals SET leaves = %s WHERE number = 2", (leaves,))
    assert "are not those of seal 2, and the hashes kept with it were changed too" in sentence_of(cards_url)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "leaves = repeat('x', length(leaves))::bytea",
            "the hashes or positions kept with it were changed; the log is",
        ),
        (
            "positions = '{[1000,1016)}'",
            "the hashes or positions kept with it were changed; the log is as it was sealed",
        ),
        ("nodes = ''", "a tree of 48 leaves has 2 nodes, not 0"),
        ("head = ''", "this is no signed head"),
        (r"head = replace(head, E'\n48\n', E'\n47\n')", "the head was changed"),
        ("head = (SELECT head FROM seals WHERE number = 2)", "its row says something else than its signed head"),
        ("position = position - 100", "it does not go on from the one before"),
    ],
)
def test_a_changed_seal_is_named_and_the_others_still_hold(sealed, cards_url, change, sentence):
    sealed.execute(f"UPDATE seals SET {change} WHERE number = 3")
    assert sentence_of(cards_url).startswith("seal 3: ")
    assert sentence in sentence_of(cards_url)


def test_a_removed_seal_is_named_and_the_others_still_hold(sealed, cards_url):
    sealed.execute("DELETE FROM seals WHERE number IN (3, 4)")
    assert sentence_of(cards_url) == "seal 3: it was removed, with those up to 4"


def test_seals_of_another_key_prove_nothing(sealed, cards_url):
    found = verify(cards_url, [SealKey.new(KEY.name).public]).findings
    assert {one.kind for one in found} == {"seal"}
    assert len(found) == last_seal(sealed).number


def test_it_begins_with_a_seal_that_is_trusted(sealed, cards_url):
    first, *_, last = seals_from(sealed, 3)
    verified = verify(cards_url, KEYS, from_seal=3)
    assert verified == (last.size - first.size, last.number - 3, 0, [])
    sealed.execute("DELETE FROM card_events WHERE notification_id = 1")
    assert {one.kind for one in findings_of(cards_url, from_seal=3)} == {"versions"}
    with pytest.raises(HeadError, match="there is no seal 99 to begin with"):
        verify(cards_url, KEYS, from_seal=99)


def test_every_head_that_was_kept_outside_still_holds(sealed, cards_url, store):
    heads = [read_head(seal.head) for seal in seals_from(sealed, 1)]
    sealed.execute("DELETE FROM seals WHERE number > 3")
    store_all(store, [random_history(50, 20)])
    assert findings_of(cards_url, heads=heads) == []
    with pytest.raises(HeadError, match="is older than seal 3: begin with an earlier one"):
        verify(cards_url, KEYS, heads, from_seal=3)


def test_a_log_that_grew_again_after_a_cut_is_not_that_of_the_head(sealed, cards_url, store):
    head = read_head(last_seal(sealed).head)
    sealed.execute("DELETE FROM seals WHERE number > 3")
    sealed.execute("DELETE FROM card_events WHERE notification_id > (SELECT max(position) FROM seals)")
    store_all(store, [random_history(seed, 20) for seed in range(60, 70)])
    seal_all(sealed)
    assert f"the first {head.size} facts are not those of the head" in sentence_of(cards_url, heads=[head])


def test_a_leaf_is_the_row_as_the_server_copies_it(sealed):
    rows = [LeafFact(*row) for row in rows_of(sealed)]
    leaves = leaves_between(sealed, -1, 10**9)
    assert leaves == [leaf_of(row) for row in rows]
    assert [fact_of(leaf) for leaf in leaves] == rows


@pytest.mark.parametrize(
    "change", [lambda _: b"", lambda leaf: leaf[:50], lambda leaf: b"\1" + leaf[1:], lambda leaf: leaf + b"x"]
)
def test_other_bytes_are_no_leaf(sealed, change):
    (leaf,) = leaves_between(sealed, 0, 1)
    with pytest.raises(ProofError, match="no leaf"):
        fact_of(change(leaf))
