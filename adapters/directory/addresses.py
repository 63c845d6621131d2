"""E-mail addresses and phone numbers: how they are written, judged, and shown to those who need not know them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import PhoneNumber

AddressKind = Literal["email", "phone"]
HOME_REGION = "CN"
"""Where a phone number without a country is."""
_HIDDEN = 4
"""Digits that a masked number leaves out of its middle."""
_LONGEST = 254
"""Characters of an address (RFC 5321, 4.5.3.1.3: a path of 256 with its brackets)."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a message can go, written in one way only."""

    kind: AddressKind
    text: str
    """Lower-case ASCII, or E.164."""

    def __repr__(self) -> str:
        return f"Address({self.kind})"  # a record that is logged by mistake tells no address


def address_of(typed: str) -> Address | None:
    """The e-mail address or phone number that somebody typed; None for anything else."""
    typed = typed.strip()
    if not typed or len(typed) > _LONGEST:
        return None
    if "@" in typed:
        email = email_of(typed)
        return Address("email", email) if email else None
    number = number_of_text(typed)
    return Address("phone", number) if number else None


def email_of(typed: str) -> str | None:
    """The address in lower case and in ASCII, as every mail server takes it; its domain is not looked up."""
    try:
        found = validate_email(typed.strip(), check_deliverability=False, allow_smtputf8=False)
    except (EmailNotValidError, UnicodeError):
        return None
    return None if found.ascii_email is None else found.ascii_email.lower()


def email_as_read(typed: str) -> str | None:
    """The address in lower case and its own script: what operators sign in with, to whom nothing is sent."""
    try:
        return validate_email(typed.strip(), check_deliverability=False).normalized.lower()
    except (EmailNotValidError, UnicodeError):
        return None


def spellings(address: Address) -> list[str]:
    """How its account may have it: before, e-mail addresses were stored in their own script."""
    read = email_as_read(address.text) if address.kind == "email" else None
    return [address.text, *([] if read in (None, address.text) else [read])]


def signs_in_as(typed: str) -> Address | None:
    """As `address_of`, and also an e-mail address that is taken no more but that an account may have from before."""
    read = None if len(typed) > _LONGEST else email_as_read(typed)
    return address_of(typed) or (Address("email", read) if read else None)


def number_of_text(typed: str, region: str = HOME_REGION) -> str | None:
    """The number in E.164, if its country has numbers like it."""
    return _number(typed, region, phonenumbers.is_valid_number)


def number_of_card(typed: str) -> Address | None:
    """The number by which a card is sought; with its country any number as long as the country's are.

    Carriers give out ranges before the library knows them. To what no card has, nothing is ever sent: where SMS go to
    whatever is typed, `address_of` is stricter, so that nobody makes us pay for made-up numbers.
    """
    has_country = typed.lstrip().startswith(("+", "\N{FULLWIDTH PLUS SIGN}"))
    number = _number(typed, None, phonenumbers.is_possible_number) if has_country else number_of_text(typed)
    return Address("phone", number) if number else None


def _number(typed: str, region: str | None, is_one: Callable[[PhoneNumber], bool]) -> str | None:
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    if number.extension or not is_one(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked(address: Address) -> str:
    """An address as whoever typed it checks it: `a***@example.org`, `+86 138****8000`."""
    if address.kind == "email":
        name, _, domain = address.text.partition("@")
        return f"{name[:1]}***@{domain}"
    number = phonenumbers.parse(address.text)
    digits = phonenumbers.national_significant_number(number)
    first = max(0, len(digits) - _HIDDEN) // 2
    return f"+{number.country_code} {digits[:first]}{'*' * _HIDDEN}{digits[first + _HIDDEN :]}"


def veiled(address: str | None) -> str | None:
    """An address by which its owner knows it again, and nobody else finds it: `l…@example.org`, `+86…00`."""
    if address is None:
        return None
    name, at, domain = address.partition("@")
    return f"{name[:1]}…@{domain}" if at else f"{address[:3]}…{address[-2:]}"
