"""The sealed log goes into a file and into another store with the same positions and roots, or nothing changes."""

from io import BytesIO

import psycopg
import pytest
from msgspec import json

from engine.errors import BaohaoError
from engine.store.limits_rebuild import rebuild_limits
from projections.audit.heads import HeadError, SealKey
from projections.audit.lines import export_lines, import_lines
from projections.audit.sealing import seal_next
from projections.audit.seals import last_seal, seals_from
from projections.audit.tree import ProofError
from projections.audit.verifying import verify
from projections.follow import follow
from projections.live import LIVE, MODELS
from tests.engine.random_histories import random_history, store_all
from tests.projections.audit.tampering import rows_of

KEY = SealKey.new("baohao.example/tests")
KEYS = [KEY.public]


@pytest.fixture
def sealed(store, connection):
    """A log with a gap in its positions, under several seals."""
    store_all(store, [random_history(seed, 20) for seed in range(3)])
    connection.execute("SELECT nextval('card_events_notification_id_seq')")
    store_all(store, [random_history(seed, 20) for seed in range(3, 6)])
    while seal_next(connection, KEY, 16) is not None:
        pass
    return connection


@pytest.fixture
def other_url(databases):
    with databases["cards"].lent() as url:
        yield url


@pytest.fixture
def other(other_url):
    """An empty store."""
    with psycopg.connect(other_url, autocommit=True) as opened:
        yield opened


def exported(connection, first=1, last=None):
    file = BytesIO()
    export_lines(connection, KEYS, file, first, last)
    return file.getvalue().splitlines(keepends=True)


def state_of(connection):
    return rows_of(connection), [tuple(one) for one in seals_from(connection, 1)]


def projected(connection):
    while follow(connection, LIVE, 1000).fact_count:
        pass
    return [connection.execute(f"SELECT t::text FROM {one.name} t ORDER BY 1").fetchall() for one in MODELS]


def test_another_store_has_the_same_rows_seals_and_read_models(sealed, other, other_url):
    done = import_lines(other, KEYS, exported(sealed))
    last = last_seal(sealed)
    assert done == (last.size, last.number)
    assert state_of(other) == state_of(sealed)
    assert verify(other_url, KEYS).findings == []
    assert projected(other) == projected(sealed)
    assert rebuild_limits(other) == rebuild_limits(sealed)


def test_the_other_store_goes_on_behind_the_last_position(sealed, other):
    import_lines(other, KEYS, exported(sealed))
    next_position = other.execute("SELECT nextval('card_events_notification_id_seq')").fetchone()[0]
    assert next_position == last_seal(sealed).position + 1


def test_a_log_goes_over_in_parts(sealed, other):
    last = last_seal(sealed).number
    for first in range(1, last + 1, 2):
        import_lines(other, KEYS, exported(sealed, first, min(first + 1, last)))
    assert state_of(other) == state_of(sealed)


def test_a_part_that_does_not_follow_is_refused(sealed, other):
    with pytest.raises(ProofError, match="the file goes on after seal 2, but the log ends with seal 0"):
        import_lines(other, KEYS, exported(sealed, 3))
    with pytest.raises(ProofError, match="the file goes on after seal 0, but the log ends with seal"):
        import_lines(sealed, KEYS, exported(sealed))
    for first, last in ((99, None), (1, 99), (3, 2)):
        with pytest.raises(ProofError, match="the log has no seals with all these numbers"):
            exported(sealed, first, last)


def test_nothing_is_added_to_facts_that_are_not_sealed(sealed, other, other_url):
    other.execute("INSERT INTO card_events VALUES (gen_random_uuid(), 1, 'x', 'x')")
    with pytest.raises(ProofError, match="the log holds facts that no seal is over"):
        import_lines(other, KEYS, exported(sealed))


def test_a_file_of_its_first_line_alone_is_refused(sealed, other):
    first, *_ = exported(sealed)
    with pytest.raises(ProofError, match="the file has no seal"):
        import_lines(other, KEYS, [first])
    assert state_of(other) == ([], [])


def test_a_log_that_was_altered_is_not_exported(sealed):
    sealed.execute("SET session_replication_role = replica")
    sealed.execute("UPDATE card_events SET topic = topic || 'x' WHERE notification_id = 20")
    with pytest.raises(ProofError, match="the facts of seal 2 are not those that were sealed; `baohao audit verify`"):
        exported(sealed)


def test_no_changed_file_is_taken_and_nothing_of_it_is_left(sealed, other):
    lines = exported(sealed)
    facts = [place for place, line in enumerate(lines) if b'"kind":"fact"' in line]
    seals = [place for place, line in enumerate(lines) if b'"kind":"seal"' in line]
    fact = json.decode(lines[facts[20]])
    bad = [
        [],
        lines[1:],
        lines[:-1],
        [*lines, lines[0]],
        [lines[0], *lines],
        [*lines[: facts[20]], *lines[facts[21] :]],
        [*lines[: facts[20]], lines[facts[21]], lines[facts[20]], *lines[facts[22] :]],
        [*lines[: seals[1]], *lines[seals[1] + 1 :]],
        [*lines[: facts[20]], json.encode(fact | {"state": "{}"}), *lines[facts[21] :]],
        [*lines[: facts[20]], json.encode(fact | {"position": -1}), *lines[facts[21] :]],
        [*lines[: facts[20]], json.encode(fact | {"more": 1}), *lines[facts[21] :]],
        [*lines[:5], b"\xff\n", *lines[5:]],
        [*lines[:5], b"[]\n", *lines[5:]],
    ]
    for file in bad:
        with pytest.raises(BaohaoError):
            import_lines(other, KEYS, file)
        assert state_of(other) == ([], [])
    with pytest.raises(HeadError, match="not signed by a key that was given"):
        import_lines(other, [SealKey.new("other").public], lines)
