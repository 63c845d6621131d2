"""A page speaks one language: its texts, and how it writes amounts, days and places."""

from collections.abc import Callable
from datetime import date, datetime
from functools import cache, lru_cache

from markupsafe import Markup

from adapters.languages import shown
from adapters.languages.language import Language
from adapters.languages.texts import texts
from engine.money import Money

PACKAGE = "adapters.web"
_KEPT = 4096
"""Amounts, and days, that were written last: the cards of a list have many in common."""


class Voice:
    """Says the texts of the pages in one language; what stands in a text is escaped, the text itself may hold tags."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language
        self._texts = texts(PACKAGE, language)
        self._said: dict[str, Markup] = {}
        """The texts said before: they are our own, so there are not many."""

    def __call__(self, text: str, /, **values: object) -> Markup:
        """The text in this language, with its `%(name)s` filled in."""
        said = self._said.get(text)
        if said is None:
            said = Markup(self._texts.gettext(text))  # noqa: S704 (our own text; what is filled in is escaped)
            self._said[text] = said
        return said % values if values else said

    def many(self, one: str, many: str, count: int, /, **values: object) -> Markup:
        """The text for so many; `%(count)s` is the number."""
        said = Markup(self._texts.ngettext(one, many, count))  # noqa: S704 (as above)
        return said % {"count": count, **values}

    def joined(self, *sentences: Markup) -> Markup:
        """Sentences after each other: Chinese has no space between them."""
        space = Markup("") if self.language == "zh-CN" else Markup(" ")
        return space.join(sentences)

    @property
    def comma(self) -> Markup:
        """What stands between two parts of a line."""
        return Markup("\N{FULLWIDTH COMMA}") if self.language == "zh-CN" else Markup(", ")

    @property
    def stop(self) -> Markup:
        """What ends a sentence before another one."""
        return Markup("\N{IDEOGRAPHIC FULL STOP}") if self.language == "zh-CN" else Markup(". ")

    @property
    def between(self) -> Markup:
        """What stands between the things of a list."""
        return Markup("\N{IDEOGRAPHIC COMMA}") if self.language == "zh-CN" else Markup(", ")

    def money(self, amount: Money) -> Markup:
        """An amount that is not broken over two lines."""
        return _money(amount, self.language)

    def day(self, value: date) -> Markup:
        """A date in full."""
        return _time(value, shown.day, self.language)

    def short_day(self, value: date) -> Markup:
        """A date for tables."""
        return _time(value, shown.short_day, self.language)

    def narrow_day(self, value: date) -> Markup:
        """A date for narrow columns."""
        return _time(value, shown.narrow_day, self.language)

    def day_of_year(self, value: date) -> Markup:
        """A date whose year stands beside it."""
        return _time(value, shown.day_of_year, self.language)

    def moment(self, instant: datetime, zone: str) -> Markup:
        """Date and time by the clock on the wall of a zone, as tables have it."""
        return Markup("%s %s") % (self.short_day(shown.local(instant, zone).date()), shown.clock_time(instant, zone))

    def place(self, zone: str) -> str:
        """The city of a zone."""
        return shown.place(zone, self.language)


@lru_cache(_KEPT)
def _money(amount: Money, language: Language) -> Markup:
    return Markup('<span class="nowrap">%s</span>') % shown.money(amount, language)


@lru_cache(_KEPT)
def _time(value: date, written: Callable[[date, Language], str], language: Language) -> Markup:
    return Markup('<time datetime="%s">%s</time>') % (value.isoformat(), written(value, language))


@cache
def voice(language: Language) -> Voice:
    """The voice of a language."""
    return Voice(language)
