"""A catalogue whose next version raises the price of the tests' plan."""

from pathlib import Path

import engine
from engine.catalogue import Catalogue, read_catalogue

RAISED = "2027-02"
RAISED_PRICE = 320
"""What a month of the tests' plan costs by it, in cents."""
_SHIPPED = Path(engine.__file__).parent / "catalogue.toml"
_NEXT = f"""
[[versions]]
version = "{RAISED}"
effective_on = 2027-02-01
discounts = {{ 1 = 0, 3 = 500, 6 = 1000, 12 = 2000 }}

[versions.prices]
keep-plus = {{ CNY = 2200, USD = 340, EUR = {RAISED_PRICE} }}
"""


def raised_catalogue(folder: Path) -> Path:
    """The file of the catalogue, written into `folder`."""
    file = folder / "raised.toml"
    before, rules, after = _SHIPPED.read_text().partition("\n[keep_rules")
    file.write_text(before + _NEXT + rules + after)
    return file


def read_raised(folder: Path) -> Catalogue:
    """The catalogue itself."""
    return read_catalogue(raised_catalogue(folder))
