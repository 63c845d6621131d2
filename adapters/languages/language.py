"""Which language a holder reads."""

from typing import Literal

Language = Literal["zh-CN", "en"]
"""As HTML's `lang` says it."""
LANGUAGES: tuple[Language, ...] = ("zh-CN", "en")
LOCALES: dict[Language, str] = {"zh-CN": "zh_CN", "en": "en"}
"""The names that Babel has for them."""


def preferred(accepted: str) -> Language:
    """The language that an `Accept-Language` header likes best; English where it names neither.

    Its weights count (RFC 9110, section 12.5.4); what cannot be read is passed over.
    """
    found: list[tuple[float, int, Language]] = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.strip().partition(";")
        language = named(tag)
        quality = _quality(weight)
        if language is not None and quality > 0:
            found.append((-quality, place, language))
    return min(found)[2] if found else "en"


def named(tag: str) -> Language | None:
    """The language of a tag such as `zh-Hans-CN` or `en-GB`; None for others."""
    match tag.strip().lower().replace("_", "-").partition("-")[0]:
        case "zh":
            return "zh-CN"
        case "en":
            return "en"
        case _:
            return None


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
