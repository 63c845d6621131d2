"""Sessions: whose token it is, for how long, and what ends them."""

from datetime import timedelta
from uuid import uuid4

import pytest

from adapters.directory.sessions import (
    ABSOLUTE,
    IDLE,
    end_others,
    end_session,
    list_sessions,
    open_session,
    save_draft,
)
from adapters.directory.signing_out import sign_out, sign_out_everywhere
from adapters.directory.sweeping import sweep


def opened(desk, holder_id):
    return desk.do(open_session, holder_id)


def test_only_the_hash_of_a_token_of_256_bits_is_stored(desk):
    session = opened(desk, desk.account())
    assert len(session.token) == 43
    assert session.token not in str(desk.rows("SELECT sessions::text FROM sessions"))
    assert desk.session("another") is None


def test_it_says_all_that_a_page_asks_in_one_round_trip(desk):
    holder_id = desk.account(language="en", zone="Asia/Hong_Kong")
    found = desk.session(opened(desk, holder_id))
    assert (found.holder_id, found.language, found.zone, found.draft) == (holder_id, "en", "Asia/Hong_Kong", {})
    assert found.confirmed_at == desk.at


def test_its_record_shows_no_address(desk):
    assert "example.org" not in repr(desk.signed_in(desk.account()))


def test_it_ends_a_day_after_it_was_used_last_and_two_weeks_after_it_began(desk):
    session = opened(desk, desk.account())
    assert desk.later(hours=24).session(session)
    assert desk.later(hours=24, seconds=1).session(session) is None
    session = opened(desk, "h-0")
    session = opened(desk, desk.account("two@example.org"))
    for _ in range(14):
        assert desk.later(days=1).session(session)
    assert desk.later(seconds=1).session(session) is None


def test_its_use_is_written_once_a_minute(desk):
    session = opened(desk, desk.account())
    begin = desk.at
    for seconds, seen in ((59, 0), (1, 0), (1, 61), (60, 61), (1, 122)):
        desk.later(seconds=seconds).session(session)
        assert desk.rows("SELECT seen_at FROM sessions") == [(begin + timedelta(seconds=seen),)]


def test_devices_are_listed_and_ended_by_their_holder_alone(desk):
    holder_id, other = desk.account(), desk.account("other@example.org")
    first = opened(desk, holder_id)
    second = opened(desk.later(hours=1), holder_id)
    listed = desk.run(list_sessions(desk.connection, holder_id, desk.at))
    assert [one.session_id for one in listed] == [second.session_id, first.session_id]
    assert listed[0].device == "Firefox, Linux"
    assert not desk.run(end_session(desk.connection, other, first.session_id))
    assert desk.do(sign_out, desk.session(second), other=first.session_id)
    assert desk.session(first) is None
    assert desk.do(sign_out, desk.session(second))
    assert desk.session(second) is None


@pytest.mark.parametrize("here_too", [True, False])
def test_signing_out_everywhere_ends_all_others_or_all(desk, here_too):
    holder_id, other = desk.account(), desk.account("other@example.org")
    here, there, foreign = opened(desk, holder_id), opened(desk, holder_id), opened(desk, other)
    ended = desk.do(sign_out_everywhere, desk.session(here), here_too=here_too)
    assert ended == 1 + here_too
    assert (desk.session(here) is None) == here_too
    assert desk.session(there) is None
    assert desk.session(foreign)
    assert desk.run(end_others(desk.connection, holder_id, here.session_id)) == 0


def test_a_form_of_several_steps_keeps_what_it_has(desk):
    session = opened(desk, desk.account())
    session_id = session.session_id
    desk.run(save_draft(desk.connection, session_id, "renew", {"months": 6, "name": "保号"}))
    desk.run(save_draft(desk.connection, session_id, "other", [1]))
    assert desk.session(session).draft == {"renew": {"months": 6, "name": "保号"}, "other": [1]}
    desk.run(save_draft(desk.connection, session_id, "renew", None))
    assert desk.session(session).draft == {"other": [1]}
    assert not desk.run(save_draft(desk.connection, session_id, "large", "x" * 20_000))
    assert not desk.run(save_draft(desk.connection, uuid4(), "other", 1))
    assert desk.session(session).draft == {"other": [1]}


def test_what_has_had_its_time_is_swept_away_and_nothing_else(desk):
    kept = opened(desk, desk.account())
    assert desk.run(sweep(desk.connection, desk.at)) == 0
    desk.later(hours=23).session(kept)
    desk.later(seconds=(IDLE - timedelta(hours=23)).total_seconds() + 1)
    assert desk.run(sweep(desk.connection, desk.at)) == 0
    assert desk.session(kept)
    desk.later(seconds=ABSOLUTE.total_seconds())
    assert desk.run(sweep(desk.connection, desk.at)) == 1
    desk.later(days=366)
    assert desk.run(sweep(desk.connection, desk.at)) == 1
