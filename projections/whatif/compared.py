"""What happened, beside the same past replayed by today's rules and by others.

The replay by today's rules shows the method's own error: it differs from what happened by answers that had to be
sampled, and by what a replay does not repeat (replay.py). So the other rules are compared with that replay, not with
what happened. Each replay is made once for every seed; what they share is certain, what they do not is chance.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from statistics import fmean
from typing import NamedTuple

from engine.rules import Rules
from projections.whatif.figures import Figures
from projections.whatif.given import prices_of
from projections.whatif.histories import Past
from projections.whatif.issuer import SOURCES, Source
from projections.whatif.replay import Course, replay


class Estimate(NamedTuple):
    """A figure of the replays with all seeds."""

    mean: float
    least: int
    most: int


class Row(NamedTuple):
    """One figure: as it happened, replayed by today's rules, replayed by the others."""

    section: str
    figure: str
    happened: int
    today: Estimate
    other: Estimate
    currency: str | None = None
    """Of money, in minor units; None: a count."""


class Comparison(NamedTuple):
    """The answer to a what-if question."""

    since: datetime
    until: datetime
    cards: int
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    answers_today: dict[str, float]
    """The shares of answers that were recorded, inferred, sampled; see issuer.py."""
    answers_other: dict[str, float]
    left_out: dict[str, int]
    """Cards that cannot be replayed, by the reason."""
    misfits: dict[str, int]
    """Given facts that did not fit in a replay by the other rules, by kind, on average."""
    stuck: dict[str, int]
    """Cards that could not be decided on to the end, in either, by the reason, at most."""

    def section(self, name: str) -> list[Row]:
        """The figures of a section."""
        return [row for row in self.rows if row.section == name]

    def as_json(self) -> Mapping[str, object]:
        """All of it as plain values."""
        rows = [row._asdict() | {"today": row.today._asdict(), "other": row.other._asdict()} for row in self.rows]
        return self._asdict() | {"rows": rows}


class Step(NamedTuple):
    """How far the replays are."""

    run: int
    runs: int
    at: datetime


def compare(
    past: Past, today: Rules, other: Rules, seeds: Sequence[int], progress: Callable[[Step], None] = lambda _: None
) -> Comparison:
    """Replay the past by both rules, with each seed; `progress` is told now and then how far that is."""
    prices = prices_of(other.catalogue, today.catalogue, past.span.since)
    wanted = [(today, None, seed) for seed in seeds] + [(other, prices, seed) for seed in seeds]
    courses: list[Course] = []
    for run, (rules, quoted, seed) in enumerate(wanted, start=1):
        tell = partial(_tell, progress, run, len(wanted))
        courses.append(replay(past, rules, quoted, seed=seed, progress=tell))
    return _compared(past, tuple(seeds), courses[: len(seeds)], courses[len(seeds) :])


def _tell(progress: Callable[[Step], None], run: int, runs: int, at: datetime) -> None:
    progress(Step(run, runs, at))


def _compared(past: Past, seeds: tuple[int, ...], today: Sequence[Course], other: Sequence[Course]) -> Comparison:
    happened = _figures_of(past.happened)
    before, after = ([_figures_of(one.figures) for one in courses] for courses in (today, other))
    keys = dict.fromkeys(key for figures in (happened, *before, *after) for key in figures)
    rows = [
        Row(
            key[0],
            key[1],
            happened[key],
            _estimate([one[key] for one in before]),
            _estimate([one[key] for one in after]),
            key[2],
        )
        for key in sorted(keys, key=_in_order)
    ]
    stuck = Counter[str]()
    for course in (*today, *other):
        stuck |= course.stuck  # the most of any replay
    misfits = sum((course.misfits for course in other), Counter[str]())
    return Comparison(
        past.span.since,
        past.span.until,
        len(past.histories),
        seeds,
        tuple(rows),
        _shares(today),
        _shares(other),
        dict(past.left_out.most_common()),
        {name: round(number / len(other)) or 1 for name, number in misfits.most_common()},
        dict(stuck.most_common()),
    )


_Key = tuple[str, str, str | None]
"""Section, name, currency."""
TERMS, MONEY, RECOVERED_BY, LIMITS = "terms", "money", "recovered by", "network limits"
RENEWED, SUSPENDED, LOST = "renewed in", "suspended in", "lost in"
_SECTIONS = (TERMS, MONEY, RECOVERED_BY, LIMITS, RENEWED, SUSPENDED, LOST)


def _figures_of(figures: Figures) -> Counter[_Key]:
    counts = {
        "came due": figures.due,
        "renewed": figures.renewed,
        "met a decline": figures.declined,
        "recovered after it": figures.recovered,
        "suspended": figures.suspended,
        "numbers lost": figures.lost,
        "switched off": figures.switched_off,
        "attempts": figures.attempts,
        "declines": figures.declines,
        "tries withheld": figures.withheld,
        "cases for a person": figures.cases,
    }
    found = Counter[_Key]({(TERMS, name, None): count for name, count in counts.items()})
    for name, money in (("charged", figures.charged), ("given back", figures.refunded)):
        found.update({(MONEY, name, currency): minor for currency, minor in money.items()})
    counters = (
        (RECOVERED_BY, figures.recovered_by),
        (RENEWED, figures.renewed_in),
        (SUSPENDED, figures.suspended_in),
        (LOST, figures.lost_in),
    )
    for section, counter in counters:
        found.update({(section, name, None): count for name, count in counter.items()})
    for rule in figures.headroom():
        found[LIMITS, f"{rule.rule}: least tries left, of {rule.most}", None] = rule.least_left
        found[LIMITS, f"{rule.rule}: payment cards in the last third", None] = rule.last_third
        found[LIMITS, f"{rule.rule}: payment cards with none left", None] = rule.full
    return found


def _in_order(key: _Key) -> tuple[int, int, str, str]:
    """Sections in their order; in some of them names as they come, in others shorter ones first: rung 2 before 10."""
    section, name, currency = key
    if section in (TERMS, LIMITS):
        return _SECTIONS.index(section), 0, "", ""
    return _SECTIONS.index(section), len(name), name, currency or ""


def _estimate(values: Sequence[int]) -> Estimate:
    return Estimate(fmean(values), min(values), max(values))


def _shares(courses: Sequence[Course]) -> dict[str, float]:
    counts = sum((one.sources for one in courses), Counter[Source]())
    return {source: counts[source] / max(counts.total(), 1) for source in SOURCES}
