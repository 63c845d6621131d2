"""Who asks, and when: from which network and with what device, as far as that is kept."""

import ipaddress
from datetime import datetime
from typing import NamedTuple

_SYSTEMS = ("iPhone", "iPad", "Android", "Windows", "Mac OS", "CrOS", "Linux")
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
"""What names a browser, those first that also name another."""
_LIMITED = {4: 32, 6: 64}
"""Bits of an address that stand for one client: an IPv6 client has a whole network to itself."""
_KEPT = {4: 24, 6: 48}
"""Bits that are kept of it."""


class Visit(NamedTuple):
    """One request of somebody."""

    now: datetime
    """The real time."""
    ip: str = ""
    device: str = ""
    """As `device_of` has it."""

    @property
    def limited_as(self) -> str:
        """What counts as one client."""
        return _network(self.ip, _LIMITED)

    @property
    def prefix(self) -> str | None:
        """What is kept of where it was."""
        return _network(self.ip, _KEPT) or None


def device_of(user_agent: str) -> str:
    """A browser and system in words that their owner knows, such as `Firefox, Android`."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for name in _SYSTEMS if name in user_agent), "")
    return ", ".join(part for part in (browser, system) if part)


def _network(ip: str, bits: dict[int, int]) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""  # all those without an address are one client
    if isinstance(address, ipaddress.IPv4Address):
        return str(ipaddress.IPv4Network((int(address), bits[4]), strict=False))
    if address.ipv4_mapped is not None:
        return _network(str(address.ipv4_mapped), bits)
    return str(ipaddress.IPv6Network((int(address), bits[6]), strict=False))
