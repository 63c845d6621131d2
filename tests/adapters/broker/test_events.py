"""Public messages are CloudEvents, and their headers say where a fact stands and what led to it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.broker.events import SUBJECTS, Cell, card_event, encoded, epoch_event
from engine.card.hold import CardReleased
from engine.card.waking import Deferred
from tests.engine.samples import CARD_ID, OPENS_AT
from tests.projections.folding import EVENT_ID, recorded

CELL = Cell("main")
RELEASED = recorded(CardReleased(at=OPENS_AT), 7, position=41)


def header(name, cell=CELL, **changed):
    return card_event(RELEASED._replace(**changed), cell).headers.get(f"ce-{name}")


def test_a_message_about_a_card_names_card_and_event_in_its_subject():
    event = card_event(RELEASED, CELL)
    assert event.subject == f"baohao.v1.card.{CARD_ID}.card_released"
    assert event.body == b"{}"
    assert (event.headers["ce-position"], event.headers["ce-cardversion"]) == ("41", "7")


def test_an_internal_fact_is_no_event():
    assert card_event(recorded(Deferred(reason="restored", until=OPENS_AT, at=OPENS_AT)), CELL) is None


def test_all_subjects_are_kept_by_the_stream():
    kept = [pattern.removesuffix(">") for pattern in SUBJECTS]
    events = [card_event(RELEASED, CELL), epoch_event(EVENT_ID, CELL, 5, datetime.now(UTC))]
    assert [event.subject.startswith(prefix) for event, prefix in zip(events, kept, strict=True)] == [True, True]


def test_the_id_of_an_event_stays_the_same_in_a_later_epoch_and_that_of_its_message_does_not():
    first, second = (card_event(RELEASED, Cell("main", epoch)) for epoch in (1, 2))
    assert first.headers["ce-id"] == second.headers["ce-id"] == str(EVENT_ID)
    assert (first.message_id, second.message_id) == (str(EVENT_ID), f"{EVENT_ID}.2")
    assert (first.headers["ce-epoch"], second.headers["ce-epoch"]) == ("1", "2")


def test_the_source_names_the_installation():
    assert header("source", Cell("frankfurt-2")) == "/baohao/frankfurt-2"
    assert header("source", Cell("上海")) == "/baohao/%E4%B8%8A%E6%B5%B7"


@pytest.mark.parametrize(
    ("actor", "kind"),
    [("holder:h-1", "holder"), ("operator:anna", "operator"), ("system:consumer", "system"), ("consumer", "system")],
)
def test_of_who_acted_only_the_kind_is_told(actor, kind):
    assert header("actorkind", actor=actor) == kind


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (f"{CARD_ID}.3.1", f"{CARD_ID}.3.1"),
        (f"{CARD_ID}.3.1\r\nNats-Rollup:all", f"{CARD_ID}.3.1%0D%0ANats-Rollup:all"),
        ("bind-7", "bind-7"),
        ("50 % of 保号", "50%20%25%20of%20%E4%BF%9D%E5%8F%B7"),
        ("a\r\nNats-Rollup: all", "a%0D%0ANats-Rollup:%20all"),
        ("somebody@example.org", None),
        ("+86 138 0013 8000", None),
        ("4242 4242 4242 4242", None),
    ],
)
def test_what_led_to_a_fact_is_told_but_nothing_that_must_not_be_published(cause, told):
    assert header("correlationid", cause=cause) == told


def test_attributes_are_percent_encoded_as_the_binding_to_nats_says():
    assert encoded("Euro € 😀") == "Euro%20%E2%82%AC%20%F0%9F%98%80"
    assert encoded('"~!#&') == "%22~!#&"


def test_an_epoch_says_after_which_position_it_begins():
    event = epoch_event(UUID(int=5), Cell("main", 3), 17, datetime(2027, 1, 1, tzinfo=UTC))
    assert (event.subject, event.body) == ("baohao.v1.stream.epoch_started", b'{"position":17}')
    assert (event.headers["ce-epoch"], event.headers["ce-position"]) == ("3", "17")
    assert event.headers["ce-time"] == "2027-01-01T00:00:00Z"
