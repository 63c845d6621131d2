"""`card change-holder`: an operator hands a card over that nobody uses."""

from datetime import timedelta

import pytest

from engine.commands import RemovePaymentMethod, SwitchOffAutoRenew
from tests.adapters.cards import BEGIN
from tests.adapters.cli.conftest import on_virtual_clock


@pytest.fixture(scope="module")
def installation(new_installation):
    """One on the virtual clock, a day after the card was registered."""
    return on_virtual_clock(new_installation(), BEGIN + timedelta(days=1))


def test_a_card_that_nobody_uses_goes_to_another_holder(installation, cards):
    [card_id] = cards.register(1)
    refused = installation.run("card", "change-holder", card_id, "holder-2")
    assert refused.exit_code == 1
    assert "its holder still uses the card: auto-renewal is on, a payment method is bound" in refused.stderr
    assert "[in_use]" in refused.stderr
    cards.give(SwitchOffAutoRenew(command_id="off", card_id=card_id))
    [method] = cards.engine.cards([card_id])[0].methods.bound
    cards.give(RemovePaymentMethod(command_id="remove", card_id=card_id, method_id=method.method_id))
    done = installation.json("card", "change-holder", card_id, "holder-2")
    assert done == {"card_id": str(card_id), "holder_id": "holder-2", "facts": ["HolderChanged"]}
    assert installation.json("card", "change-holder", card_id, "holder-2")["facts"] == []
    assert installation.run("card", "change-holder", card_id, "x" * 201).exit_code == 2
    assert installation.json("card", "history", card_id)[-1]["name"] == "holder_changed.v1"
