"""The templates that Aliyun has approved, by our texts: a file of their codes, and the texts as they are handed in.

Templates for the mainland and for elsewhere are approved apart, so there is a table for each, by language:

    [mainland.zh-CN]
    renewed = "SMS_123456789"
    payment_failed = "SMS_123456790"
    "payment_failed.2" = "SMS_123456791"  # its second wording, for when not all values are known
    [abroad.en]
    renewed = "SMS_123456792"
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import NamedTuple

from adapters.languages.language import LANGUAGES, Language
from adapters.languages.texts import texts
from adapters.notices.rendering import Sms
from adapters.notices.wording import INSTEAD_OF, LETTERS
from adapters.settings import SettingsError

PLACES = ("mainland", "abroad")
_MAINLAND = re.compile(r"\+86\d{11}")
_CODE = re.compile(r"SMS_\d{1,20}")


class Text(NamedTuple):
    """A text of ours; a kind has several where not all values are always known."""

    name: str
    values: frozenset[str]
    text: str
    """In English, values in braces."""

    def as_template(self, language: Language) -> str:
        """As it is handed in for approval: a value is written `${name}`."""
        said = texts("adapters.notices", language).gettext(self.text)
        return "".join(before + (f"${{{name}}}" if name else "") for before, name, _, _ in Formatter().parse(said))


class Templates:
    """Codes by place, language and text."""

    def __init__(self, codes: Mapping[tuple[str, str, str], str]) -> None:
        self._codes = codes

    def of(self, sms: Sms) -> tuple[str, dict[str, str]] | None:
        """The code and the parameters for an SMS; None if no template was approved for it.

        A letter that has none yet is sent as that of its kind.
        """
        place = "mainland" if _MAINLAND.fullmatch(sms.to) else "abroad"
        for letter in (sms.template, INSTEAD_OF.get(sms.template, sms.template)):
            chosen = next((one for one in texts_of(letter) if one.values <= sms.params.keys()), None)
            code = None if chosen is None else self._codes.get((place, sms.language, chosen.name))
            if chosen is not None and code is not None:
                return code, {name: sms.params[name] for name in sorted(chosen.values)}
        return None


def texts_of(letter: str) -> Iterator[Text]:
    """The texts of a letter, as SMS, in the order in which they are tried."""
    wordings = LETTERS[letter].sms
    for number, text in enumerate((wordings,) if isinstance(wordings, str) else wordings, 1):
        values = frozenset(name for _, name, _, _ in Formatter().parse(text) if name)
        yield Text(letter if number == 1 else f"{letter}.{number}", values, text)


def read_templates(file: Path) -> Templates:
    """The templates of the file; raises SettingsError, which names what is wrong."""
    try:
        tables = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"BAOHAO_ALIYUN_TEMPLATES: {file} cannot be read: {why}.") from None
    known = {one.name for letter in LETTERS for one in texts_of(letter)}
    codes: dict[tuple[str, str, str], str] = {}
    for place, languages in tables.items():
        for language, named in languages.items() if isinstance(languages, dict) else [(place, None)]:
            if place not in PLACES or language not in LANGUAGES or not isinstance(named, dict):
                raise SettingsError(f"BAOHAO_ALIYUN_TEMPLATES: [{place}.{language}] is no table of templates.")
            for name, code in named.items():
                if name not in known or not isinstance(code, str) or not _CODE.fullmatch(code):
                    message = f"BAOHAO_ALIYUN_TEMPLATES: {name} in [{place}.{language}] is no text of ours with a code."
                    raise SettingsError(message)
                codes[place, language, name] = code
    return Templates(codes)
