"""What fits into one SMS: the alphabet of GSM 03.38, which holds more than twice what UCS-2 does.

One character that the alphabet lacks makes the whole SMS UCS-2: a no-break space, an accent in the name of a city.
"""

from unicodedata import combining, normalize

from adapters.languages.language import Language

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("^{}\\[~]|€")
"""Each of them takes two places."""
PLACES, PLACES_OF_UCS_2 = 160, 70
"""In one SMS."""
_INSTEAD = str.maketrans(
    {
        "\N{NO-BREAK SPACE}": " ",
        "\N{NARROW NO-BREAK SPACE}": " ",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "₱": "PHP ",
        "₫": "VND ",
        "₪": "ILS ",
        "₩": "KRW ",
        "₹": "INR ",
    }
)


def sms_text(text: str, language: Language) -> str:
    """English in characters of the alphabet, as far as it can be written so; Chinese is UCS-2 anyway."""
    if language != "en":
        return text
    return "".join(_plain(one) for one in text.translate(_INSTEAD))


def _plain(character: str) -> str:
    if character in BASIC or character in EXTENSION:
        return character
    bare = "".join(one for one in normalize("NFKD", character) if not combining(one))
    return bare if set(bare) <= BASIC else character


def fits_one_sms(text: str) -> bool:
    """Whether it is sent as one part."""
    if set(text) <= BASIC | EXTENSION:
        return len(text) + sum(one in EXTENSION for one in text) <= PLACES
    return len(text.encode("utf-16-be")) // 2 <= PLACES_OF_UCS_2
