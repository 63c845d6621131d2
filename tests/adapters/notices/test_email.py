"""E-mail over SMTP: what the server's answers mean, over TLS and with a password."""

import ssl

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from adapters.notices.delivery import Accepted, Bounced, Doubtful, Failed, Rejected
from adapters.notices.email import Mailer, Relay
from tests.adapters.certificates import Authority
from tests.ports import free_port

LETTER = b"Subject: x\r\n\r\nx\r\n"
TO, FROM = "lin@example.org", "notices@baohao.example"


def relay(port, tls="none", user=None, password=None):
    return Relay("127.0.0.1", port, tls, user, password, FROM)


def sent(run, mailer, *addresses):
    async def send():
        outcomes = [await mailer.send(None, address, LETTER) for address in addresses]
        await mailer.rest()
        return outcomes

    return run(send())


@pytest.mark.parametrize(
    ("answer", "to_address", "outcome"),
    [
        ("250 OK", "250 OK", Accepted("smtp_250")),
        ("451 later", "250 OK", Failed("smtp_451")),
        ("554 no", "250 OK", Rejected("smtp_554")),
        ("250 OK", "450 busy", Failed("mailbox_450")),
        ("250 OK", "450 4.7.1 too fast", Failed("smtp_450")),
        ("250 OK", "450 4.1.8 sender's domain not found", Failed("smtp_450")),
        ("250 OK", "452 4.2.2 full", Failed("mailbox_452")),
        ("250 OK", "451 4.3.0 trouble", Failed("smtp_451")),
        ("250 OK", "550 no such user lin@example.org", Bounced("smtp_550")),
    ],
)
def test_five_hundred_is_final_and_four_hundred_is_not(run, mailbox, answer, to_address, outcome):
    mailbox.answer, mailbox.to_address = answer, to_address
    assert sent(run, Mailer(relay(mailbox.port)), TO) == [outcome]


@pytest.mark.parametrize(
    ("answer", "to_address", "is_blamed"),
    [
        ("250 OK", "550 5.1.1 no such user", True),
        ("250 OK", "550-5.1.1 no such user\r\n550 5.1.1 at all", True),
        ("250 OK", "554 5.1.2 no such host", True),
        ("550 5.1.1 no such user", "250 OK", True),
        ("250 OK", "551 moved", True),
        ("250 OK", "550 5.4.1 access denied", True),
        ("250 OK", "554 5.7.1 Relay access denied", False),
        ("250 OK", "550 5.7.1 listed", False),
        ("250 OK", "550 5.1.8 sender's domain not found", False),
        ("250 OK", "550 5.2.1 mailbox disabled", True),
        ("550 5.7.26 DMARC", "250 OK", False),
        ("550 content", "250 OK", False),
    ],
)
def test_an_address_is_blamed_only_where_the_server_says_that_it_is_wrong(run, mailbox, answer, to_address, is_blamed):
    mailbox.answer, mailbox.to_address = answer, to_address
    code = (answer if to_address == "250 OK" else to_address)[:3]
    outcome = (Bounced if is_blamed else Rejected)(f"smtp_{code}")
    assert sent(run, Mailer(relay(mailbox.port)), TO) == [outcome]


@pytest.mark.parametrize("answer", ["550 5.2.2 full", "552 full"])
def test_a_full_mailbox_is_no_wrong_address(run, mailbox, answer):
    mailbox.to_address = answer
    assert sent(run, Mailer(relay(mailbox.port)), TO) == [Rejected(f"mailbox_{answer[:3]}")]


def test_several_emails_go_over_one_connection_and_a_refusal_of_one_is_none_of_the_next(run, mailbox):
    mailer = Mailer(relay(mailbox.port))
    assert sent(run, mailer, TO, TO) == [Accepted("smtp_250")] * 2
    mailbox.to_address = "550 no"
    assert sent(run, mailer, TO) == [Bounced("smtp_550")]
    mailbox.to_address = "250 OK"
    assert sent(run, mailer, TO) == [Accepted("smtp_250")]


def test_a_server_that_is_not_there_has_taken_nothing(run):
    assert sent(run, Mailer(relay(free_port())), TO) == [Failed("SMTPConnectError")]


def test_an_answer_that_is_lost_leaves_a_doubt(run, mailbox):
    mailbox.hangs_up = True
    assert sent(run, Mailer(relay(mailbox.port)), TO) == [Doubtful("SMTPServerDisconnected")]


def test_an_address_that_smtp_cannot_write_is_final(run, mailbox):
    assert sent(run, Mailer(relay(mailbox.port)), "林@example.org") == [Bounced("address_invalid")]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def protected(authority, mailbox):
    """A server with TLS that wants a password."""
    certificate, key = authority.signed("smtp")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def authenticate(_server, _session, _envelope, _mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"baohao", b"right"), handled=False)

    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    yield controller.port
    controller.stop()


def test_the_connection_is_protected_before_the_password_is_said(run, authority, protected, mailbox):
    context = ssl.create_default_context(cafile=authority.certificate)
    assert sent(run, Mailer(relay(protected, "starttls", "baohao", "right"), context), TO) == [Accepted("smtp_250")]
    assert sent(run, Mailer(relay(protected, "starttls", "baohao", "wrong"), context), TO) == [Failed("smtp_535")]
    assert len(mailbox.raw) == 1


def test_a_server_that_cannot_prove_who_it_is_is_given_nothing(run, protected, mailbox):
    outcome = sent(run, Mailer(relay(protected, "starttls", "baohao", "right")), TO)[0]
    assert isinstance(outcome, Failed)
    assert mailbox.raw == []


def test_a_server_without_tls_is_given_nothing_where_it_was_wanted(run, mailbox):
    outcome = sent(run, Mailer(relay(mailbox.port, "starttls")), TO)[0]
    assert isinstance(outcome, Failed)
    assert mailbox.raw == []
