"""Makes the fonts of printed receipts: Noto Sans SC with no more characters than a receipt can show.

`scripts/receipt-font` runs it with the fonts' package and fontTools; the tests compare what is committed with `wanted`.
"""

import io
import string
import sys
import tomllib
import zoneinfo
from datetime import date
from importlib import resources
from pathlib import Path

import iso4217
from babel.messages.pofile import read_po

from adapters.languages import shown
from adapters.languages.language import LANGUAGES
from adapters.web.voice import voice
from engine.money import Money

FONTS = Path(__file__).parent.parent / "adapters/web/payments/fonts"
CHARACTERS = "characters.txt"
FAMILY, LIGHT = "Noto Sans SC", 400
WEIGHTS = {LIGHT: "NotoSansSC-Regular.ttf", 600: "NotoSansSC-SemiBold.ttf"}
_LATIN = string.digits + string.ascii_letters + string.punctuation + " \N{NO-BREAK SPACE}·–—‘’“”…£€¢¥"
_ACCENTED = "".join(chr(one) for one in range(0xC0, 0x100)) + "ă"
_CHINESE_MARKS = "，。；：、？（）《》“”"
_PARTS = ("chinese-simplified", "latin-ext")
_LACKING = "ș₪₱₹\N{NARROW NO-BREAK SPACE}"


_SAID_BY = ("payments/", "pages/naming.py")
"""Where texts of receipts come from."""


def texts(said_by: tuple[str, ...]) -> str:
    """The Chinese texts of the pages that stand in files whose names begin so."""
    catalogue = read_po(io.BytesIO(Path("adapters/web/locale/zh_CN.po").read_bytes()))
    said = (one.string for one in catalogue if one.id and any(file.startswith(said_by) for file, _ in one.locations))
    return "".join(one if isinstance(one, str) else "".join(one) for one in said)


def places() -> str:
    """The cities of all time zones."""
    zones = zoneinfo.available_timezones()
    return "".join(shown.place(zone, language) for zone in zones for language in LANGUAGES)


def amounts() -> str:
    """An amount in each currency, as each language writes it."""
    codes = [one.code for one in iso4217.Currency]
    return "".join(shown.money(Money(minor=1, currency=one), language) for one in codes for language in LANGUAGES)


def dates() -> str:
    """A day as each language writes it."""
    return "".join(shown.short_day(date(2027, month, 1), one) for month in range(1, 13) for one in LANGUAGES)


def plans() -> str:
    """The names of the shipped plans."""
    found = tomllib.loads((resources.files("engine") / "catalogue.toml").read_text("utf-8"))["plans"]
    return "".join("".join(one["name"].values()) for one in found.values())


def heavy() -> str:
    """What is set in the heavy weight: the mark, what was bought, the total."""
    bought = ("Renewal for %(period)s", "Payment for a renewal", "Top-up of the balance")
    said = [voice("zh-CN")(one) for one in ("Baohao", *bought)]
    said += [voice("zh-CN").many("%(count)s month", "%(count)s months", 2), voice("zh-CN")("Total paid (%(currency)s)")]
    return "".join(said)


def needed(weight: int) -> set[str]:
    """The characters of a weight that receipts can show; a currency without a sign here is written by its code."""
    return _characters(texts(_SAID_BY) + places() + plans() + dates() if weight == LIGHT else heavy())


def wanted(weight: int) -> set[str]:
    """What a font is made with: the light one with all texts of the pages, as plans may have names of such words."""
    return needed(weight) | _characters(texts(("",)) if weight == LIGHT else "")


def names() -> str:
    """The Chinese characters of GB 2312, in which issuers and addresses are written; the rarest are in no part."""
    pairs = (bytes([row, cell]) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    return b"".join(pairs).decode("gb2312", errors="ignore") + "〇"


def _characters(text: str) -> set[str]:
    return set(_LATIN + _ACCENTED + _CHINESE_MARKS + amounts() + text) - set(_LACKING) - {"\n"}


def make(package: Path) -> None:
    """Write the fonts and the list of characters from an unpacked `@fontsource/noto-sans-sc`."""
    from fontTools.merge import Merger  # noqa: PLC0415 (only who makes the fonts has it)
    from fontTools.subset import Options, Subsetter, load_font  # noqa: PLC0415 (as above)

    options = Options(layout_features=[], hinting=False, name_IDs=[0, 1, 2, 4, 6, 13, 14], notdef_outline=True)
    options.drop_tables += ["BASE", "GDEF", "GPOS", "GSUB", "STAT", "gasp", "prep", "vhea", "vmtx"]
    for weight, name in WEIGHTS.items():
        left, parts = wanted(weight) | (set(names()) if weight == LIGHT else set()), []
        for part in _PARTS:
            font = load_font(package / f"files/noto-sans-sc-{part}-{weight}-normal.woff2", options)
            has = {one for one in left if ord(one) in font.getBestCmap()}
            subsetter = Subsetter(options)
            subsetter.populate(text="".join(has))
            subsetter.subset(font)
            font.flavor = None
            font.save(FONTS / f"{name}.{part}")
            parts.append(FONTS / f"{name}.{part}")
            left -= has
        if lacking := left & wanted(weight):
            raise SystemExit(f"the fonts lack {''.join(sorted(lacking))}")
        if weight == LIGHT:
            found = wanted(weight) | set(names()) - left
            (FONTS / CHARACTERS).write_text("".join(sorted(found)) + "\n", "utf-8")
        merged = Merger().merge([str(one) for one in parts])
        style = Path(name).stem.partition("-")[2]
        for number, text in ((1, FAMILY), (2, style), (4, f"{FAMILY} {style}"), (6, Path(name).stem)):
            merged["name"].setName(text, number, 3, 1, 0x409)
        merged["head"].created = merged["head"].modified = font["head"].modified
        merged.recalcTimestamp = False
        merged.save(FONTS / name)
        for one in parts:
            one.unlink()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
