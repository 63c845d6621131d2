"""Proofs are checked with the public key alone, and nothing but what was sealed can be proved."""

from base64 import b64encode
from uuid import uuid4

import pytest

from engine.envelope import event_id_of
from engine.errors import BaohaoError
from projections.audit.heads import HeadError, SealKey
from projections.audit.leaves import LeafFact
from projections.audit.proofs import Grown, Held, check_proof, position_of_event, prove_growth, prove_inclusion
from projections.audit.sealing import seal_next
from projections.audit.seals import last_seal, seals_from
from projections.audit.tree import ProofError
from tests.engine.random_histories import random_history, store_all
from tests.projections.audit.tampering import rows_of

KEY = SealKey.new("baohao.example/tests")
KEYS = [KEY.public]


@pytest.fixture
def sealed(store, connection):
    store_all(store, [random_history(seed, 20) for seed in range(3)])
    while seal_next(connection, KEY, 7) is not None:
        pass
    return connection


def test_every_fact_is_proved_to_be_in_the_log(sealed):
    for index, row in enumerate(rows_of(sealed)):
        shown = check_proof(prove_inclusion(sealed, row.position), KEYS)
        assert isinstance(shown, Held)
        assert (shown.fact, shown.number) == (LeafFact(*row), index)
        assert shown.number < shown.head.size <= shown.number + 7


def test_a_fact_is_found_by_its_event(sealed):
    row = rows_of(sealed)[11]
    assert position_of_event(sealed, event_id_of(row.state)) == row.position
    with pytest.raises(ProofError, match="the log has no event"):
        position_of_event(sealed, uuid4())


def test_every_two_seals_are_proved_to_be_of_one_log_that_grew(sealed):
    seals = seals_from(sealed, 1)
    for older in seals:
        for newer in seals[older.number - 1 :]:
            shown = check_proof(prove_growth(sealed, older.number, newer.number), KEYS)
            assert isinstance(shown, Grown)
            assert (shown.older.text, shown.newer.text) == (older.head, newer.head)


def test_what_was_altered_cannot_be_proved(sealed):
    sealed.execute("SET session_replication_role = replica")
    sealed.execute("UPDATE card_events SET topic = topic || 'x' WHERE notification_id = 3")
    with pytest.raises(ProofError, match="the fact at position 3 is not as seal 1 has it; `baohao audit verify` says"):
        prove_inclusion(sealed, 3)
    sealed.execute("UPDATE seals SET leaves = substring(leaves FROM 33) WHERE number = 2")
    with pytest.raises(ProofError, match="seals 1 and 3 are not of one log any more"):
        prove_growth(sealed, 1, 3)


def test_what_is_not_there_or_not_sealed_cannot_be_proved(sealed, store):
    with pytest.raises(ProofError, match="the log has no fact at position 999"):
        prove_inclusion(sealed, 999)
    store_all(store, [random_history(20, 20)])
    with pytest.raises(ProofError, match="is not sealed yet"):
        prove_inclusion(sealed, last_seal(sealed).position + 1)
    for older, newer in ((0, 1), (1, 99)):
        with pytest.raises(ProofError, match="there is no seal"):
            prove_growth(sealed, older, newer)
    with pytest.raises(ProofError, match="seal 2 is newer than seal 1"):
        prove_growth(sealed, 2, 1)


def test_no_changed_proof_shows_anything(sealed):
    for proof in (prove_inclusion(sealed, 9), prove_growth(sealed, 2, 5)):
        for place, character in enumerate(proof):
            changed = proof[:place] + ("B" if character == "A" else "A") + proof[place + 1 :]
            with pytest.raises(BaohaoError):
                check_proof(changed, KEYS)
            with pytest.raises(BaohaoError):
                check_proof(proof[:place], KEYS)


def test_a_proof_of_another_key_or_about_another_fact_shows_nothing(sealed):
    proof = prove_inclusion(sealed, 9)
    with pytest.raises(HeadError, match="is not signed by a key that was given"):
        check_proof(proof, [SealKey.new("other").public])
    other = b64encode(b"no leaf").decode()
    lines = proof.split("\n")
    with pytest.raises(ProofError, match="no leaf"):
        check_proof("\n".join([lines[0], f"extra {other}", *lines[2:]]), KEYS)


@pytest.mark.parametrize(
    "text", ["", "\n\n", "c2sp.org/tlog-proof@v1", "baohao.v1/growth-proof\n", "{}", "\0\n\n\n\n\n\n"]
)
def test_other_texts_are_no_proofs(text):
    with pytest.raises(BaohaoError, match="this is no"):
        check_proof(text, KEYS)
