"""A holder's whole way in a real browser, on a whole system: real processes, servers, provider's pages and e-mails."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from adapters.notices.folder import mails_in
from tests.chromium import launched
from tests.journey.patience import until
from tests.warm_starts import true_starts

STARTS_WITHIN_S = 120


@pytest.fixture(scope="module")
def demo():
    """`baohao up --demo`, once it says what to open: its address, the password, and the folder of its e-mails."""
    home = Path(tempfile.mkdtemp(prefix="baohao-portal-"))
    outside = {"DATABASE_URL", "NATS_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    environment = kept | {"BAOHAO_HOME": str(home), "BAOHAO_WEB_PORT": "0"}
    command = [sys.executable, "-m", "adapters.cli", "up", "--demo"]
    with true_starts(), subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            said = []
            for line in process.stderr:
                said.append(line)
                if "/demo moves the clock" in line:
                    break
            found = re.search(r"Open (http://localhost:\d+) .* password (\S+) as", "".join(said))
            assert found, "".join(said)
            yield found[1], found[2], home / "demo" / "mail"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def browser(demo):
    yield from launched()


@pytest.fixture
def sam(browser, demo):
    """The window of the holder who has not switched auto-renewal on yet, before sign-in."""
    context = browser.new_context(base_url=demo[0], locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(60_000)  # time passes behind one of the buttons
    yield page
    context.close()


def sign_in(page, email, password):
    page.goto("/")
    page.get_by_label("E-mail or phone number").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/cards")


def add_method(page, which):
    """To the provider's page and back."""
    page.get_by_role("button", name="Add a payment method").click()
    page.get_by_text(which).click()
    page.get_by_role("button", name="Save").click()


def let_pass(page, span):
    page.goto("/demo")
    page.get_by_role("button", name=f"One {span} later").click()
    page.wait_for_load_state()


def subjects(demo, to):
    return [mail.subject for mail in mails_in(demo[2]) if mail.to == to]


def test_the_five_steps_lead_to_a_renewal_and_an_email_for_each_step(sam, demo):
    address, password, _ = demo
    sign_in(sam, "sam@example.com", password)
    sam.get_by_role("link", name="Turn on auto-renewal").click()
    sam.get_by_label("Every month").check()
    sam.get_by_role("button", name="Continue").click()
    add_method(sam, "A card that can be saved, but is declined when it is charged")
    assert sam.url.startswith(address)
    sam.get_by_role("button", name="Continue", exact=True).click()
    sam.get_by_text("Nothing is charged today.").wait_for()
    sam.get_by_role("button", name="Confirm and authorise").click()
    sam.get_by_role("heading", name="Auto-renewal is on").wait_for()
    until(lambda: any("Auto-renewal is on" in one for one in subjects(demo, "sam@example.com")))

    let_pass(sam, "month")
    sam.goto("/cards")
    sam.get_by_text("1 needs you.").wait_for()
    until(lambda: any("failed" in one for one in subjects(demo, "sam@example.com")))

    sam.get_by_role("link", name="Change payment method").click()
    add_method(sam, "A credit card that works")
    sam.get_by_role("link", name="Cards", exact=True).click()
    let_pass(sam, "day")
    sam.goto("/cards")
    sam.locator("h2.number a").click()
    sam.get_by_text("Renewed for 1 month,").wait_for()
    sam.get_by_text("failed: Visa ending").first.wait_for()
    until(lambda: any("renewed" in one.lower() for one in subjects(demo, "sam@example.com")))
    sam.get_by_role("link", name="Receipt", exact=True).click()
    sam.get_by_text("Renewal for 1 month").wait_for()


def test_whoever_cancels_at_the_providers_comes_back_and_nothing_is_bound(sam, demo):
    sign_in(sam, "sam@example.com", demo[1])
    sam.locator("h2.number a").click()
    sam.get_by_role("link", name="Change Payment methods").click()
    before = sam.locator("dl.answers").inner_text()
    sam.get_by_role("button", name="Add a payment method").click()
    sam.get_by_role("link", name="Cancel and go back").click()
    assert sam.locator("dl.answers").inner_text() == before
