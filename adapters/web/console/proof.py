"""The second factor: codes of an authenticator app (TOTP, RFC 6238), each of which is taken once."""

import base64
import io
from datetime import datetime

import segno
from pyotp.totp import TOTP
from pyotp.utils import strings_equal

STEP_S = 30
DRIFT = 1
"""So many steps before and after are taken too, since clocks of phones differ (RFC 6238, 5.2)."""
ISSUER = "Baohao console"
_SECRET_BYTES = 20
"""160 bits, as RFC 4226 (section 4, R6) recommends."""


def secret_from(random: bytes) -> str:
    """The secret of an authenticator app in base32, from at least 20 random bytes."""
    return base64.b32encode(random[:_SECRET_BYTES]).decode()


def step_of(secret: str, code: str, now: datetime, after: int = 0) -> int | None:
    """The time step whose code it is, later than the step `after`; None if it is none that is taken now."""
    typed = "".join(code.split())
    totp, present = TOTP(secret), int(now.timestamp()) // STEP_S
    found = None
    for step in range(present - DRIFT, present + DRIFT + 1):
        if strings_equal(typed, totp.generate_otp(step)) and step > after:
            found = step
    return found


def code_at(secret: str, now: datetime) -> str:
    """The code that an authenticator app shows now."""
    return TOTP(secret).generate_otp(int(now.timestamp()) // STEP_S)


def address_of(secret: str, account: str) -> str:
    """What an authenticator app reads: an otpauth address."""
    return TOTP(secret).provisioning_uri(name=account, issuer_name=ISSUER)


def picture_of(address: str) -> str:
    """Its QR code as SVG for a page; geometry in attributes, colours by class."""
    drawn = io.BytesIO()
    segno.make(address, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, omitsize=True, svgclass="qr", lineclass="dots", border=4
    )
    return drawn.getvalue().decode()
