"""Facts as they are stored: pinned byte for byte, since what is stored is read for ever."""

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from engine.card.card import STATE_VERSION, Card
from engine.card.event import Event
from engine.card.evolve import replay
from engine.envelope import KIND_OF, NAME_OF, names_of, read_fact
from engine.errors import CorruptHistoryError
from engine.store.appending import stored_fact
from engine.store.port import StoredFact
from engine.upcasts import UPCASTS, charge_failed_v1
from tests.engine.samples import CARD_ID, DECLINED

GOLDEN = Path(__file__).with_name("golden")
DEFAULTS = {
    "TopUpFailed.withdrawn": False,
    "AutoRenewEnabled.reactivation_fee": None,
    "PeriodChanged.reactivation_fee": None,
    "PriceChangeAnnounced.reactivation_fee": None,
    "PriceChangeAnnounced.replaces_later": False,
    "AutoRenewSwitchedOff.ends_on": None,
    "AutoRenewSwitchedOff.lost_on": None,
    "RenewalStarted.reactivation_fee": None,
    "ChargeAttempted.top_up": None,
    "ChargeAttempted.from_balance": 0,
    "ChargeAttempted.fingerprint": None,
    "ChargeAttempted.brand": None,
    "ChargeAttempted.follows_decline": False,
    "ChargeAttempted.limits_edition": None,
    "ChargeAttempted.last_rung": False,
    "ChargeAttempted.page_until": None,
    "ChargeWithheld.top_up": None,
    "ChargeWithheld.limits_edition": None,
    "ChargeWithheld.last_rung": False,
    "ChargingBlocked.reason": "charging_stopped",
    "ChargeSucceeded.top_up": None,
    "ChargeSucceeded.from_balance": 0,
    "ChargeSucceeded.evidence": None,
    "ChargeSucceeded.closed": None,
    "ChargeFailed.advice_code": None,
    "ChargeFailed.network_code": None,
    "ChargeFailed.top_up": None,
    "ChargeFailed.decided_by": "code",
    "ChargeFailed.not_before": None,
    "ChargeFailed.within_rung": False,
    "ChargeFailed.fingerprint": None,
    "ChargeFailed.evidence": None,
    "CaseOpened.attempt_id": None,
    "ChargeFound.top_up": None,
    "ChargeFound.from_balance": 0,
    "ChargeFound.fingerprint": None,
    "RestoreEnded.reason": None,
    "CardRenewed.from_balance": 0,
    "CardRenewed.reactivation_fee": None,
    "CardRenewed.method_id": None,
    "AutoRenewEnabled.agreed_on": None,
    "PeriodChanged.agreed_on": None,
    "DeadlinesMoved.until": None,
    "DeadlinesMoved.suspends_on": None,
    "DeadlinesMoved.lost_on": None,
    "NumberReclaimed.charges": (),
    "RefundRecorded.refund_id": None,
    "RefundStarted.payment": None,
    "RefundReturned.payment": None,
    "BalanceCredited.evidence": None,
    "BalanceDebited.from_reserve": 0,
    "BalanceDebited.of_term": None,
    "DisputeWon.to_terms": 0,
    "DisputeRecorded.instrument": None,
    "RenewalRequestEnded.withheld": None,
    "RenewalRequestEnded.next_try_at": None,
    "ReminderDue.code": None,
    "ReminderDue.declined_amount": None,
    "ReminderDue.amount": None,
    "ReminderDue.reactivation_fee": None,
    "ReminderDue.months": None,
    "ReminderDue.method_id": None,
    "ReminderDue.charge_on": None,
    "ReminderDue.next_try_at": None,
    "ReminderDue.suspends_on": None,
    "ReminderDue.lost_on": None,
    "ReminderDue.policy_version": None,
}
"""By fact and field, the value that a stored fact without the field has."""
CARD_SHAPES = {
    1: "b33c56f3b651958a596e1036d51d39c8ee586308fbcb0a96801c6e66ea3c4baf",
    2: "f5705b226b2119f0944f94120f732f538ad21202f82c47f4939afc6e932be14b",
    3: "7e7d89103b173c90b7d41555ff5470014126275eb818aef54d3071b880d1fcd9",
    4: "7b15c19522e089910e6fd56f030d181c79e27ae6f54f07d8fa2fbababef65efa",
    5: "f2a5da2ad1c2d5980bc37fd3d0546fed54ff6202393def9d3933bc0c3d9412e9",
    6: "c061c02fed76110f0ad483477e6532012e2b9635a46fbaf7819af9b40d752135",
    7: "0bc3f3691e3f3519152b5cd8f941b1c22f948034c9b0aea76ecef3aae9f9828f",
    8: "0dd2ef1c2b1f7c6f953c3cf65dda4ab64a7d9e31848c944b4f2a0a029ec41f80",
    9: "568bca922c5f137807f917638712fa0d17dab027bc69856e56eb7a9055777b5b",
    10: "589fb36e2d1e5756e6ad061772a4cd72491eb195d66e3ebb06643bfc65c6d4e3",
    11: "583e4e3361996f013fe9bb88127357d8b6dee75730ab13323afbbd6864bcf3b8",
    12: "850d95a29c8fc5737e473ead8186b17f825f0266cf49df73ad67fe1ca7c15ba7",
    13: "850d95a29c8fc5737e473ead8186b17f825f0266cf49df73ad67fe1ca7c15ba7",  # another checksum
    14: "850d95a29c8fc5737e473ead8186b17f825f0266cf49df73ad67fe1ca7c15ba7",  # since when holders are aware
    15: "6b845d013802d5ce8ed88765412b35883a500bdeefe071457a144ac2928c4413",
    16: "2794d3853ee48e5915013fe53511e3ba1915e9e897a48e296de6491b72b35103",
}
"""Per STATE_VERSION the shape of the state in its snapshots; a changed shape needs a new version, and a line here."""


def stored(name: str) -> StoredFact:
    """The pinned bytes; the file's line end is no part of them."""
    state = GOLDEN.joinpath(f"{name}.json").read_bytes().removesuffix(b"\n")
    return StoredFact(CARD_ID, 7, name, state)


def test_each_stored_name_is_pinned_and_no_other():
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(KIND_OF) | set(UPCASTS)


def test_each_fact_has_one_stored_name():
    ours = {kind for kind in Event.__subclasses__() if kind.__module__.startswith("engine.")}
    assert set(KIND_OF.values()) == ours
    assert len(NAME_OF) == len(KIND_OF)
    assert {name for kind in ours for name in names_of(kind)} == set(KIND_OF) | set(UPCASTS)


@pytest.mark.parametrize("name", KIND_OF)
def test_a_stored_fact_is_read_and_written_byte_for_byte(name):
    recorded = read_fact(0, *stored(name))
    assert type(recorded.fact) is KIND_OF[name]
    assert stored_fact(*recorded[1:]) == stored(name)


@pytest.mark.parametrize("path", sorted((GOLDEN / "before").iterdir()), ids=lambda path: path.stem)
def test_what_was_stored_before_a_fact_got_more_fields_is_read_and_means_the_same(path):
    name = ".".join(path.stem.partition("@")[0].split(".")[:2])  # the rest tells apart the shapes of one name
    before = StoredFact(CARD_ID, 7, name, path.read_bytes().removesuffix(b"\n"))
    recorded = read_fact(0, *before)
    again = stored_fact(*recorded[1:])
    assert read_fact(0, *again) == recorded
    if name in KIND_OF:
        assert again == before


def test_a_failed_charge_of_version_1_is_read_with_what_its_codes_meant_then():
    before, now = read_fact(0, *stored("charge_failed.v1")), read_fact(0, *stored("charge_failed.v2"))
    assert before == now


@pytest.mark.parametrize(
    ("code", "consequence", "means"),
    [
        ("insufficient_funds", "retry", (True, True, False)),
        ("lost_card", "new_method", (True, True, True)),
        ("authentication_required", "holder_present", (True, True, True)),
        ("invalid_amount", "alarm", (True, False, False)),
        ("never_happened", "retry", (False, False, False)),
        ("not_charged", "retry", (False, False, False)),
    ],
)
def test_what_a_failed_charge_of_version_1_concluded_follows_from_its_codes(code, consequence, means):
    read = charge_failed_v1({"code": code, "consequence": consequence})
    assert (read["happened"], read["counts"], read["ends_method"]) == means


@pytest.mark.parametrize("name", KIND_OF)
def test_a_field_that_no_fact_has_is_an_error(name):
    state = stored(name).state.replace(b'"fact":{', b'"fact":{"unheard_of":1,')
    with pytest.raises(CorruptHistoryError, match="unheard_of"):
        read_fact(0, *StoredFact(CARD_ID, 7, name, state))


def test_a_field_that_no_envelope_has_is_an_error():
    state = stored("suspended.v1").state.replace(b'"cause"', b'"unheard_of":1,"cause"')
    with pytest.raises(CorruptHistoryError, match="unheard_of"):
        read_fact(0, *StoredFact(CARD_ID, 7, "suspended.v1", state))


def test_what_a_field_means_that_is_left_out_is_pinned():
    """A field that holds its default is not stored, so that the default is part of the stored meaning for ever."""
    assert {
        f"{kind.__name__}.{field.name}": field.default
        for kind in KIND_OF.values()
        for field in msgspec.structs.fields(kind)
        if not field.required
    } == DEFAULTS


@pytest.mark.parametrize(
    ("once", "by"),
    [
        (b"P2DT3H", timedelta(days=2, hours=3)),
        (b"P1Y", timedelta(days=365)),
        (b"P1Y35DT3H", timedelta(days=400, hours=3)),
        (b"P2Y70DT1M0.5S", timedelta(days=800, seconds=60.5)),
    ],
)
def test_a_duration_may_be_spelled_as_it_once_was_in_hours_and_years_of_365_days(once, by):
    now = stored("deadlines_moved.v1")
    before = StoredFact(CARD_ID, 7, now.topic, now.state.replace(b"P2DT10800S", once))
    assert before != now
    recorded = read_fact(0, *before)
    assert recorded.fact.by == by
    assert read_fact(0, *stored_fact(*recorded[1:])) == recorded  # what is written of it today


@pytest.mark.parametrize("name", KIND_OF)
def test_every_field_of_a_fact_is_pinned_with_a_value(name):
    """An optional field that is null in the pinned bytes would be pinned by its name alone."""
    fact = json.loads(stored(name).state)["fact"]
    assert set(fact) == set(KIND_OF[name].__struct_fields__)
    assert None not in fact.values()


def test_an_envelope_is_read():
    recorded = read_fact(0, *stored("suspended.v1"))
    assert (recorded.card_id, recorded.version, recorded.position) == (CARD_ID, 7, 0)
    assert recorded.event_id == UUID("6f1d2c3b-0000-4000-8000-000000000007")
    assert recorded.recorded_at == datetime(2026, 4, 2, 16, 0, 0, 123456, tzinfo=UTC)
    assert (recorded.actor, recorded.cause) == ("consumer", "due-7")
    assert recorded.wake_at == datetime(2026, 4, 3, 2, 0, tzinfo=UTC)
    assert recorded.last is True


def test_instants_are_read_in_pythons_own_utc():
    """Any other zone object, equal as it may be, costs ten times as much to compare."""
    recorded = read_fact(0, *stored("suspended.v1"))
    assert recorded.recorded_at.tzinfo is recorded.wake_at.tzinfo is recorded.fact.at.tzinfo is UTC


@pytest.mark.parametrize("name", KIND_OF)
def test_a_name_says_the_fact_and_its_version(name):
    words, _, version = name.partition(".")
    assert words.replace("_", "") == KIND_OF[name].__name__.lower()
    assert version == ("v2" if words == "charge_failed" else "v1")


@pytest.mark.parametrize("fact", KIND_OF.values(), ids=lambda fact: fact.__name__)
def test_a_fact_says_in_one_sentence_what_happened(fact):
    first, *notes = fact.__doc__.split("\n\n")
    assert first.endswith(".")
    assert first.strip().count(". ") == 0
    assert "\n" not in first.strip()
    assert all(note.strip() for note in notes)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("suspended.v2", b"{}"),
        ("suspended.v1", b"{}"),
        ("suspended.v1", b"not JSON"),
        ("suspended.v1", stored("suspended.v1").state.replace(b'Z"', b'"')),  # a time of nowhere
        ("suspended.v1", b"\xff"),
        ("suspended.v1", b""),
        ("suspended.v1", stored("suspended.v1").state.replace(b"insufficient", b"\xffinsufficient")),
        ("charge_attempted.v1", stored("suspended.v1").state),
    ],
)
def test_what_cannot_be_read_is_named_by_card_and_version(name, state):
    with pytest.raises(CorruptHistoryError, match=f"card {CARD_ID}, version 7: .*{name}"):
        read_fact(0, *StoredFact(CARD_ID, 7, name, state))


def test_an_unknown_fact_is_not_skipped():
    class Misplaced(Event, kw_only=True):
        pass

    at = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(AssertionError, match="Misplaced"):
        replay(None, CARD_ID, (*DECLINED, Misplaced(at=at)))


def shape(schema: object) -> object:
    """A JSON schema without titles and descriptions."""
    if isinstance(schema, dict):
        return {key: shape(value) for key, value in schema.items() if key not in {"description", "title"}}
    return [shape(one) for one in schema] if isinstance(schema, list) else schema


def test_the_state_in_snapshots_has_the_shape_that_its_version_stands_for():
    found = json.dumps(shape(msgspec.json.schema(Card)), sort_keys=True)
    assert sha256(found.encode()).hexdigest() == CARD_SHAPES.get(STATE_VERSION), (
        "Card has another shape: raise STATE_VERSION, so that old snapshots are ignored, and pin it here"
    )
