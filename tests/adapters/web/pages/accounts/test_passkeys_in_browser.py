"""Passkeys in a real browser, with an authenticator that Chromium plays: added, used, proved with, removed."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.adapters.web.pages.accounts.conftest import PASSWORD
from tests.adapters.web.pages.holders import EMAIL, HOLDER
from tests.chromium import windows

OPTIONS = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def opened(browser, served, world):
    """Opens the pages in English, with an authenticator or none."""
    with windows(browser, served) as open_window:

        def open_page(*, signed_in=False, **options):
            world.connection.execute("UPDATE accounts SET language = 'en'")
            session = ("__Host-bh", world.tokens[HOLDER]) if signed_in else None
            return open_window(session, locale="en", **options)

        yield open_page


class Key:
    """The authenticator of one page."""

    def __init__(self, page):
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        self._id = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": OPTIONS})["authenticatorId"]

    def verifies(self, *, verified):
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": verified})

    def credentials(self):
        return self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})["credentials"]

    def counts(self, count):
        """As a copy of it would, which was made before."""
        for one in self.credentials():
            self._session.send(
                "WebAuthn.removeCredential", {"authenticatorId": self._id, "credentialId": one["credentialId"]}
            )
            again = {**one, "signCount": count}
            self._session.send("WebAuthn.addCredential", {"authenticatorId": self._id, "credential": again})


def add_passkey(page):
    page.goto("/account")
    page.get_by_role("link", name="Add one Passkeys").click()
    form = page.locator("form[data-passkey]")
    form.get_by_label("Name").fill("My laptop")
    form.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    expect(page.get_by_text("To add a passkey, allow scripts")).to_be_hidden()


def sign_out(page):
    page.goto("/cards")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")


def test_a_passkey_is_added_signs_in_without_typing_and_is_removed(opened, post):
    page = opened(signed_in=True)
    said = []
    page.on("console", lambda message: said.append(message.text))
    key = Key(page)
    add_passkey(page)
    [credential] = key.credentials()
    assert credential["isResidentCredential"]
    assert credential["rpId"] == "localhost"
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/cards")
    page.goto("/account/passkeys")
    page.get_by_text("Change name").click()
    page.get_by_label("Name", exact=True).first.fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Old laptop")).to_be_visible()
    page.get_by_role("button", name="Remove Old laptop").click()
    expect(page.get_by_text("No passkeys yet.")).to_be_visible()
    assert [kind for kind, _ in post.kinds()] == ["passkey_added", "passkey_removed"]
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("That sign-in does not match.")).to_be_visible()
    assert said == []


def test_a_passkey_is_a_proof_and_the_way_goes_on(opened, world):
    page = opened(signed_in=True)
    Key(page)
    add_passkey(page)
    world.connection.execute("UPDATE sessions SET confirmed_at = confirmed_at - interval '15 minutes'")
    page.goto("/account/password")
    page.get_by_role("button", name="Confirm with a passkey").click()
    page.wait_for_url("**/account/password")


def test_who_is_not_verified_or_goes_back_reads_so_and_may_try_again(opened):
    page = opened(signed_in=True)
    key = Key(page)
    add_passkey(page)
    sign_out(page)
    key.verifies(verified=False)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("The browser gave no passkey.")).to_be_visible()
    key.verifies(verified=True)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/cards")


def test_a_copy_of_a_passkey_does_not_sign_in(opened, post):
    page = opened(signed_in=True)
    key = Key(page)
    add_passkey(page)
    for _ in range(2):
        sign_out(page)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/cards")
    sign_out(page)
    key.counts(1)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("That sign-in does not match.")).to_be_visible()
    assert post.kinds()[-1] == ("passkey_copied", EMAIL)


def test_without_script_the_buttons_are_not_there_and_the_rest_works(opened):
    page = opened(java_script_enabled=False)
    page.goto("/sign-in")
    assert not page.get_by_role("button", name="Use a passkey").is_visible()
    page.get_by_label("E-mail or phone number").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/cards")
    page.goto("/account/passkeys")
    assert not page.get_by_role("button", name="Add a passkey").is_visible()
    page.get_by_text("To add a passkey, allow scripts").wait_for()


def test_the_pages_of_passkeys_fit_and_axe_finds_nothing(opened, world):
    page = opened(signed_in=True, width=390)
    Key(page)
    add_passkey(page)
    world.connection.execute("UPDATE sessions SET confirmed_at = confirmed_at - interval '15 minutes'")
    for path in ("/account/confirm?next=/account/passkeys", "/account/passkeys", "/cards/add", "/cards", "/sign-in"):
        page.goto(path)
        if "/confirm" in path:
            page.set_viewport_size({"width": 320, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        found = Axe().run(page)
        assert not found.violations_count, f"{path}: {found.generate_report()}"
        if "/confirm" in path:
            page.get_by_role("button", name="Confirm with a passkey").click()
            page.wait_for_url(f"{page.url.split('/account')[0]}/account/passkeys")
