"""The consequence of each decline code."""

import pytest

from engine.declines import CONSEQUENCES, METHOD_ENDS, Consequence, consequence_of


@pytest.mark.parametrize(
    ("code", "consequence"),
    [
        ("insufficient_funds", Consequence.RETRY),
        ("do_not_honor", Consequence.RETRY),  # soft for some, final for others: retried on the ladder
        ("processing_error", Consequence.RETRY_SOON),
        ("card_velocity_exceeded", Consequence.RETRY_AFTER_24H),
        ("expired_card", Consequence.FIX_DETAILS),
        ("invalid_account", Consequence.NEW_METHOD),
        ("authentication_required", Consequence.HOLDER_PRESENT),
        ("stolen_card", Consequence.NEVER),
        ("previously_declined_do_not_retry", Consequence.NEVER),
        ("revocation_of_authorization", Consequence.MANDATE_WITHDRAWN_METHOD),
        ("stop_payment_order", Consequence.MANDATE_WITHDRAWN_METHOD),
        ("revocation_of_all_authorizations", Consequence.MANDATE_WITHDRAWN_CARD),
        ("invalid_amount", Consequence.ALARM),
        ("duplicate_transaction", Consequence.RECONCILE),
    ],
)
def test_a_code_has_its_consequence(code, consequence):
    assert consequence_of(code) is consequence


@pytest.mark.parametrize("code", ["", "something_new", "never_happened", "INSUFFICIENT_FUNDS"])
def test_an_unknown_code_is_retried(code):
    assert consequence_of(code) is Consequence.RETRY


def test_each_consequence_belongs_to_some_code():
    assert set(CONSEQUENCES.values()) == set(Consequence)


def test_a_method_ends_where_trying_again_is_useless_or_forbidden():
    soft = {
        Consequence.RETRY,
        Consequence.RETRY_SOON,
        Consequence.RETRY_AFTER_24H,
        Consequence.ALARM,
        Consequence.RECONCILE,
    }
    assert set(Consequence) - soft == METHOD_ENDS
