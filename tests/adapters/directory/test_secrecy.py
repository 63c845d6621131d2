"""No secret and no address gets into a log line, whatever the directory does."""

import structlog

from adapters.directory.addresses import Address
from adapters.directory.changing import begin_change, begin_reset, change_password, finish_change, finish_reset
from adapters.directory.registering import begin_registration, finish_registration
from adapters.directory.signing_in import confirm_with_password, sign_in
from tests.adapters.directory.desk import EMAIL, PASSWORD, PHONE

OTHER_PASSWORD = "canary of the second"


def test_a_whole_life_leaves_no_trace_in_the_logs(desk):
    with structlog.testing.capture_logs() as lines:
        sent = desk.do_sending(begin_registration, EMAIL, "en")
        opened = desk.do_sending(finish_registration, desk.code(sent), PASSWORD, language="en")
        desk.do(sign_in, EMAIL.text, "canary that is wrong")
        signed_in = desk.session(opened)
        sent = desk.do_sending(begin_change, signed_in, PHONE)
        desk.do_sending(finish_change, signed_in, "phone", desk.code(sent))
        desk.do_sending(change_password, signed_in, OTHER_PASSWORD)
        confirmed = desk.do(confirm_with_password, signed_in, OTHER_PASSWORD)
        reset = desk.do_sending(begin_reset, PHONE, "en")
        last = desk.do_sending(finish_reset, desk.code(reset), PASSWORD)
    assert [line["what"] for line in lines] == [
        *("created", "sign_in_failed", "phone_changed", "password_changed", "confirmed", "password_reset"),
    ]
    codes = [message.values["code"] for message in desk.sent if message.kind == "code"]
    secrets = (EMAIL.text, PHONE.text, PASSWORD, OTHER_PASSWORD, "canary", opened.token, confirmed.token, last.token)
    for secret in (*secrets, *codes, sent.request, desk.ip):
        assert secret not in str(lines)


def test_records_that_are_logged_by_mistake_show_neither(desk):
    desk.do_sending(begin_registration, Address("email", "canary@example.org"), "en")
    shown = repr(desk.sent[0])
    assert "canary" not in shown
    assert desk.sent[0].values["code"] not in shown
