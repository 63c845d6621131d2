"""A value of every name that a letter may say, as long as they get."""

from adapters.notices.wording import About

LONGEST_DAY = "2027-12-31"
FULL = {
    "number": 3,
    "amount": {"minor": 123400, "currency": "CNY"},
    "declined_amount": {"minor": 123300, "currency": "CNY"},
    "price": {"minor": 123400, "currency": "CNY"},
    "saving": {"minor": 123400, "currency": "CNY"},
    "balance": {"minor": 123400, "currency": "CNY"},
    "threshold": {"minor": 123400, "currency": "CNY"},
    "reactivation_fee": {"minor": 500, "currency": "CNY"},
    "from_balance": 100,
    "months": 12,
    "declined": 4,
    "kind": "credit_card",
    "brand": "visa",
    "last4": "4242",
    "next_try_at": "2027-12-30T02:00:00Z",
    "attempt_id": "25b68f46-0000-0000-0000-000000000000",
    "terms_version": "2026-11",
    "minutes": "10",
    **dict.fromkeys(("before", "after"), "l…@example.org"),
    **dict.fromkeys(
        ("starts_on", "ends_on", "charge_on", "suspends_on", "goes_off_on", "lost_on", "reclaimed_on", "applies_from"),
        LONGEST_DAY,
    ),
    "quarantined_until": LONGEST_DAY,
}
"""A value of every name, as long as they get."""


def about(language, name="ending 0142"):
    return About(language, "Asia/Hong_Kong", None, name if language == "en" else "尾号 0142")
