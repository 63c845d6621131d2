"""Infrastructure errors, one small tree, and the one error of business: a refusal."""

from typing import Literal

from engine.money import Money

RefusalCode = Literal[
    # the card
    "unknown_card",
    "reserved_id",
    "already_registered",
    "term_ended_long_ago",
    "term_far_ahead",
    "card_closed",
    "card_reclaimed",
    "held",
    "number_in_doubt",
    "unknown_zone",
    "in_use",
    "another_holder",
    # what is sold
    "unknown_plan",
    "unknown_currency",
    "unknown_version",
    "not_sold",
    "price_changed",
    # payment methods
    "unknown_method",
    "method_exists",
    "too_many_methods",
    "not_reusable",
    "not_paid_on_page",
    "last_method",
    "not_the_methods",
    "no_payment_method",
    "no_usable_method",
    # renewal
    "auto_renew_off",
    "already_paid_ahead",
    "charge_under_way",
    "charging_stopped",
    "restored",
    # amounts
    "wrong_currency",
    "amount_not_positive",
    "amount_too_large",
    "below_minimum_charge",
    "above_method_limit",
    "half_an_order",
    "amount_below_threshold",
    "declined_too_often",
    # charges that are over, and what goes back
    "unknown_attempt",
    "already_charged",
    "gateway_ref_missing",
    "no_charge_named",
    "more_than_charged",
    "more_than_balance",
    "more_than_disputed",
    "not_what_is_owed",
    "refund_under_way",
    "is_on_balance",
    "term_begun",
    "not_the_last_term",
    "not_a_full_refund",
    # the command itself
    "command_id_reused",
    # operations
    "reason_missing",
    "reason_invalid",
    "not_blocked",
    "clock_not_behind",
    "restore_unfinished",
]
"""Every code of a refusal, stable and for programs; README.md beside this file lists when each is used."""


class BaohaoError(Exception):
    """An expected error, with a message for people."""


class Refused(BaohaoError):  # noqa: N818 (the domain's word: a refusal is a reply, not a fault)
    """The caller asked for something the rules forbid; nothing was recorded.

    `code` is stable and for programs, the message is for people, `field` names what to change, `least` how much it has
    to be at least.
    """

    def __init__(self, code: RefusalCode, message: str, field: str | None = None, least: Money | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.least = least


class CatalogueError(BaohaoError):
    """The catalogue file is wrong; the message names where and what to do."""


class PolicyError(BaohaoError):
    """The policy file is wrong; the message names where and what to do."""


class CorruptHistoryError(BaohaoError):
    """A stored fact cannot be read; the message names card and version."""


class UnknownFactError(CorruptHistoryError):
    """A stored fact has a name that this program does not know: a newer one has recorded it."""


class ConnectionLostError(BaohaoError):
    """The connection to the event store failed; whether an append in progress was stored is unknown."""


class LockHeldError(BaohaoError):
    """Another session holds a lock of the event log for too long; nothing was stored."""


class SchemaError(BaohaoError):
    """The database is not at the version that this program needs."""


class GatewayMisuseError(BaohaoError):
    """The gateway rejects our request as wrong (400, 401, 403, 404): not a decline; a person has to look."""


class StandstillError(BaohaoError):
    """A part of the system cannot go on until a person acts; the message says what to do."""


class LogReplacedError(StandstillError):
    """Another database is in the place of the one that was looked at; nothing was stored."""
