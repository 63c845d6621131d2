"""Passkeys at the desk: an authenticator adds them, and signs with them."""

from adapters.directory.passkey_challenges import PasskeyAnswer, Site
from adapters.directory.passkey_proofs import begin_passkey_sign_in
from adapters.directory.passkeys import begin_adding, finish_adding

SITE = Site("https://baohao.example")


def add_passkey(desk, signed_in, key, label="My phone"):
    asked = desk.do(begin_adding, signed_in, SITE)
    answer = PasskeyAnswer(asked.request, key.create(asked.options), SITE)
    return desk.do_sending(finish_adding, signed_in, answer, label)


def answered(desk, key, site=SITE, **more):
    """Asked for a sign-in, and signed."""
    asked = desk.do(begin_passkey_sign_in, site)
    return PasskeyAnswer(asked.request, key.sign(asked.options, **more), site)


def kinds(desk):
    """What was sent whereto."""
    return [(one.kind, one.to) for one in desk.sent]
