"""Reasons: what goes into the log for good is no place for what is personal, nor for what cannot be seen."""

import pytest

from adapters.web.console.reasons import text_fault
from tests.adapters.web.pages.holders import card_id_of

CARD = f"/cards/{card_id_of('plus')}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("asked by lin@example.com", "e-mail address"),
        ("asked by lin\uff20example.com", "e-mail address"),
        ("called from +1 212 555-0142", "phone number"),
        ("called from +1 (212) 555.0142 twice", "phone number"),
        ("called from \uff0b12125550142", "phone number"),
        ("called from +121\u200b25550142", "phone number"),
        ("one\x07", "cannot be seen"),
        ("two\nlines", "cannot be seen"),
        ("turned \u202eround", "cannot be seen"),
        ("marked \u061c", "cannot be seen"),
        ("4242 4242 4242 4242", "payment card"),
    ],
)
def test_what_is_personal_or_unseen_is_refused(text, said):
    assert said in text_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        "a complaint",
        "ticket 4711-20261129",
        "the credit of 3 @ 2.50 EUR on 2026-11-29",
        "+12.50 too much",
        "持有人来电",
        "card 6d0f8a52-9d0c-4a70-b7c6-6f8a3b2e1c00",
    ],
)
def test_other_words_are_taken(text):
    assert text_fault(text) is None


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (f"{CARD}/hold", {"step": "do"}),
        (f"{CARD}/switch-off", {"step": "do", "who": "holder"}),
        ("/payment-cards", {"fingerprint": "fp-visa"}),
        ("/charging/stop", {"word": "STOP"}),
        ("/charging/resume", {"word": "RESUME"}),
    ],
)
def test_no_form_takes_them_and_nothing_is_recorded(operator, record, path, fields):
    for reason in ("asked by lin@example.com", "from +1 212 555 0142", "turned \u202eround"):
        answer = operator.post(path, {**fields, "reason": reason})
        assert answer.status == 422
        assert "This looks like" in answer.text or "cannot be seen" in answer.text
    assert record() == []
