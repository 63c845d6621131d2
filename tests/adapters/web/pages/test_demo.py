"""The demo's page: the newest of what was sent, and how much there is."""

import asyncio

import pytest
from starlette.requests import Request

from adapters.notices.folder import MAILS_MOST
from adapters.settings import load_settings
from adapters.web.demo import demo_pages
from tests.adapters.web.pages.holders import NOW

MAIL = "To: lin@example.com\nSubject: number {0}\n\nThe text of {0}.\n"


class Nobody:
    """A door and a portal, as far as the page asks them."""

    async def visitor(self, _request):
        return None

    def read_rules(self):
        return None, NOW


@pytest.mark.parametrize(
    ("written", "told"), [(3, None), (MAILS_MOST, None), (MAILS_MOST + 7, "The newest 100 of 107.")]
)
def test_where_not_all_mails_are_shown_their_number_is(tmp_path, written, told):
    for number in range(written):
        (tmp_path / f"{number}.eml").write_text(MAIL.format(number))
    settings = load_settings(mail_folder=tmp_path, home=tmp_path)
    page, _ = demo_pages(Nobody(), Nobody(), lambda _: None, settings)
    request = Request({"type": "http", "method": "GET", "path": "/demo", "headers": [(b"accept-language", b"en")]})
    text = asyncio.run(page.endpoint(request)).body.decode()
    assert text.count("The text of") == min(written, MAILS_MOST)
    assert ("The newest" in text) is (told is not None)
    assert told is None or told in text
