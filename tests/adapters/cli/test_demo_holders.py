"""The holders of the demo: what their commands are called."""

from adapters.cli.demo.holders import story
from tests.adapters.web.pages.holders import NOW


def test_a_command_of_the_demo_is_named_by_its_card_and_not_by_its_phone_number():
    told = [one.command for one in story(NOW)]
    assert all(one.command_id.startswith(f"demo {one.card_id} ") for one in told)
    assert len({one.command_id for one in told}) == len(told)
