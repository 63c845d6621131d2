"""The console and the holders' pages: two sites at one port, neither of which has the other's pages or sessions."""

import pytest
from pydantic import ValidationError

from adapters.settings import Settings
from adapters.web.console.visit import SESSION
from tests.adapters.web.console.operators import OperatorClient
from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import HOLDER


def test_the_holders_host_has_no_page_of_the_console(site, world):
    holders = Client(site.address)
    holders.cookies[SESSION] = site.sessions["operator"]
    for path in ("/cases", "/record", "/figures", "/charging", "/set-up/x"):
        assert holders.get(path).status == 404
    assert "auto-renewal" in holders.get("/terms").text


def test_the_consoles_host_has_no_page_of_holders(desk):
    for path in ("/receipts", "/account", "/terms", "/register", "/api/v1/openapi.json", "/notifications/stripe"):
        assert desk("operator").get(path).status == 404


def test_another_host_is_not_the_consoles(site, world):
    for host in ("console.localhost", "localhost", "evil.example", "console.localhost:1", "", "x" * 99):
        assert OperatorClient(site, site.sessions["operator"], host).get("/record").status in {400, 404}, host


def test_a_holders_session_is_nobodys_at_the_console_and_an_operators_nobodys_at_the_pages(site, world, desk):
    stranger = desk()
    for name in (SESSION, "__Host-bh"):
        stranger.cookies[name] = site.holders[HOLDER]
    assert stranger.get("/").to == "/sign-in"
    holders = Client(site.address, site.sessions["operator"])
    assert holders.get("/cards").to.startswith("/sign-in")


def test_without_an_address_there_is_no_console():
    assert Settings().console_url is None


def test_the_console_has_a_host_of_its_own():
    with pytest.raises(ValidationError, match="CONSOLE_URL should have another host"):
        Settings(web_url="https://baohao.example", console_url="https://baohao.example:8443")
    with pytest.raises(ValidationError):
        Settings(console_url="http://console.example")
    assert Settings(web_url="https://baohao.example", console_url="https://console.baohao.example")
