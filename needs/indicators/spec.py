"""Declare an index of need: its sources, domains and indicators, read from TOML and checked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field, model_validator

from needs.errors import SettingsError, fail
from needs.settings import CATALOGUE
from needs.toml import Strict, checked, load

ID = r"^[a-z0-9]+([_-][a-z0-9]+)*$"
_TOLERANCE = 1e-9  # by which declared weights may miss their sum

Transform = Literal["imd_exp", "rank", "normal_score", "min_max", "z_score", "goalposts", "none"]
Aggregation = Literal["arithmetic", "geometric"]
Smoothing = Literal["none", "eb", "shrink:council", "shrink:class", "shrink:council_class"]
Missing = Literal[
    "error", "mean_of:reference", "mean_of:council", "mean_of:class", "mean_of:council_class", "domain_mean"
]
RANKED: frozenset[Transform] = frozenset({"imd_exp", "rank", "normal_score"})  # need no more than a published rank
UNBOUNDED: frozenset[Transform] = frozenset({"normal_score", "z_score", "none"})  # may fall below 0


class IndexHead(Strict):
    """What the index is, on what it is fitted, and how values become points and points a score."""

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    version: str = Field(min_length=1)
    geography: str = Field(min_length=1)
    reference: str = Field(min_length=1)  # "area": the area's own zones; else the name of what the tables hold
    transform: Transform
    aggregation: Aggregation = "arithmetic"
    normalise_weights: bool = False
    source: str = Field(min_length=1)


class Source(Strict):
    """Who publishes what an indicator is made of. `geography` is the geography that it is published for."""

    id: str = Field(pattern=ID)
    title: str = Field(min_length=1)
    publisher: str = Field(min_length=1)
    period: str = Field(min_length=1)
    geography: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    url: str | None = None
    caveat: str = ""


class Domain(Strict):
    """A side of need, and its weight in the score, or in the domain that is its `parent`.

    Weights are used as declared unless the index says `normalise_weights`. `weighting` says how the parts of this
    domain are weighted: as given, equally, or by the loadings of a one-factor analysis over the reference.
    `transform` turns the domain's own value into points among the reference before it is weighted, as the Indices of
    Deprivation do.
    """

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    weight: float = Field(gt=0, allow_inf_nan=False)
    rationale: str = Field(min_length=1)
    parent: str | None = None
    weighting: Literal["given", "equal", "factor"] = "given"
    transform: Transform | None = None


class Suppressed(Strict):
    """What a blank numerator hides: a count from `low` to `high`."""

    low: float = Field(ge=0, allow_inf_nan=False)
    high: float = Field(ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _in_order(self) -> Suppressed:
        if self.high < self.low:
            msg = f"high {self.high:g} is below low {self.low:g}"
            raise ValueError(msg)
        return self


class Indicator(Strict):
    """One measured thing per zone.

    Attributes
    ----------
    measure
        "rank": a published rank, 1 = most need, used as published; "value": a published figure; "proportion": people
        of people; "rate": events over people or homes, which may come more than once; "ratio": one quantity over
        another, without an error of its own. The last three are `per` x sum of `numerator` / sum of `denominator`.
    weight
        Share within the domain.
    rounding
        The numerator is published to the nearest multiple of this.
    suppressed
        What a blank numerator hides; without it a blank is a missing value.
    min_denominator
        A zone with a smaller denominator counts as missing.
    smoothing
        How rates of few events are steadied: "eb" towards the whole reference, "shrink:..." towards the zone's
        council, rural-urban class, or both together.
    missing
        What stands in for a missing value.
    within
        "class": scored against zones of the same rural-urban class only, since the same value means another thing
        there (households without a car).
    winsorise
        Most points that may be drawn in to the next value while |skewness| >= 2 and excess kurtosis >= 3.5.
    """

    id: str = Field(pattern=ID)
    label: str = Field(min_length=1)
    domain: str
    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    measure: Literal["rank", "value", "proportion", "rate", "ratio"]
    value: str | None = None
    numerator: tuple[str, ...] = ()
    denominator: tuple[str, ...] = ()
    per: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    direction: Literal["higher_is_need", "lower_is_need"]
    unit: str = Field(min_length=1)
    source: str
    rounding: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    suppressed: Suppressed | None = None
    min_denominator: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    smoothing: Smoothing = "none"
    missing: Missing = "error"
    transform: Transform | None = None
    goalposts: tuple[float, float] | None = None
    within: Literal["class"] | None = None
    winsorise: int = Field(default=0, ge=0)
    caveat: str = ""

    @model_validator(mode="after")
    def _one_meaning(self) -> Indicator:
        wrong = []
        if self.counted and not (self.numerator and self.denominator and not self.value):
            wrong.append(f'measure "{self.measure}" is made of a numerator and a denominator: give both, and no value')
        of_counts = self.numerator or self.denominator or self.min_denominator or self.per != 1
        if not self.counted and (not self.value or of_counts):
            wrong.append(f'measure "{self.measure}" is a column as published: give it as value, and nothing else')
        twice = [c for c in (self.numerator, self.denominator) if len(set(c)) < len(c)]
        wrong += [f"a column is counted twice in {', '.join(columns)}" for columns in twice]
        if self.measure == "rank" and self.direction != "lower_is_need":
            wrong.append('measure "rank" counts from 1 = most need: direction must be "lower_is_need"')
        if self.measure == "rank" and (self.within or self.winsorise or self.missing != "error"):
            wrong.append('measure "rank" is used as published: leave out within, winsorise and missing')
        if not self.has_error and (self.smoothing != "none" or self.suppressed or self.rounding):
            wrong.append(f'smoothing, suppressed and rounding are for counts, not for measure "{self.measure}"')
        if self.goalposts:
            least, most = self.goalposts
            upwards = self.direction == "higher_is_need"
            if least == most or (most > least) != upwards:
                wrong.append(
                    f"goalposts are the values that score 0 and 100: with {self.direction!r} the first must be "
                    f"{'below' if upwards else 'above'} the second, not {least:g} and {most:g}"
                )
        if self.id in {"council", "class"}:
            wrong.append(f"the id {self.id!r} is kept for the groups of zones: choose another")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def counted(self) -> bool:
        """Whether the value is one sum of columns over another."""
        return self.measure in {"proportion", "rate", "ratio"}

    @property
    def has_error(self) -> bool:
        """Whether the value is a count of events, whose chance error is known."""
        return self.measure in {"proportion", "rate"}

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the value is made of, each once."""
        return (self.value,) if self.value else tuple(dict.fromkeys(self.numerator + self.denominator))


class IndexSpec(Strict):
    """A declared index: head, sources, domains, indicators."""

    index: IndexHead
    sources: tuple[Source, ...] = Field(alias="source", min_length=1)
    domains: tuple[Domain, ...] = Field(alias="domain", min_length=1)
    indicators: tuple[Indicator, ...] = Field(alias="indicator", min_length=1)

    @model_validator(mode="after")
    def _coherent(self) -> IndexSpec:
        wrong = [*self._ids(), *self._tree()] or [*self._weights(), *self._transforms()]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _ids(self) -> list[str]:
        wrong = []
        for kind, entries in (("sources", self.sources), ("domains", self.domains), ("indicators", self.indicators)):
            counts = Counter(e.id for e in entries)
            wrong += [f"{n} {kind} have the id {i!r}" for i, n in counts.items() if n > 1]
        domains, sources = [d.id for d in self.domains], [s.id for s in self.sources]
        both = sorted({i.id for i in self.indicators if i.domain != i.id} & set(domains))
        wrong += [f"{i!r} is the id of a domain and of an indicator of another domain" for i in both]
        for i in self.indicators:
            if i.domain not in domains:
                wrong.append(f"indicator {i.id!r} is of domain {i.domain!r}, not one of {', '.join(domains)}")
            if i.source not in sources:
                wrong.append(f"indicator {i.id!r} is of source {i.source!r}, not one of {', '.join(sources)}")
        return wrong

    def _tree(self) -> list[str]:
        parent = {d.id: d.parent for d in self.domains}
        wrong = [f"domain {d!r} lies in {p!r}, which is no domain" for d, p in parent.items() if p and p not in parent]
        if wrong:
            return wrong
        for domain in parent:
            above, seen = parent[domain], {domain}
            while above and above not in seen:
                seen.add(above)
                above = parent[above]
            if above:
                return [f"domain {domain!r} lies within itself"]
        return [f"domain {d.id!r} is empty" for d in self.domains if not self.parts(d.id)]

    def _weights(self) -> list[str]:
        if self.index.normalise_weights:
            return []
        wrong = []
        for domain in self.domains:
            total = sum(p.weight for p in self.parts(domain.id))
            if domain.weighting == "given" and abs(total - 1) > _TOLERANCE:
                kind = "domains" if any(isinstance(p, Domain) for p in self.parts(domain.id)) else "indicators"
                wrong.append(f"the weights of the {kind} of domain {domain.id!r} sum to {total:.6g}, not to 1")
        total = sum(d.weight for d in self.parts(None))
        if total > 1 + _TOLERANCE:
            wrong.append(f"the weights of the domains sum to {total:.6g}, over 1: a score would pass 100")
        return wrong

    def _transforms(self) -> list[str]:
        wrong = []
        for i in self.indicators:
            transform = self.transforms[i.id]
            if i.measure == "rank" and transform not in RANKED:
                wrong.append(f"indicator {i.id!r} is a published rank: {transform!r} needs the value behind it")
            if transform == "goalposts" and i.goalposts is None:
                wrong.append(f"indicator {i.id!r} has no goalposts")
        if self.index.aggregation == "geometric":
            unbounded = [d.id for d in self.parts(None) if self.reaches_below_zero(d.id)]
            wrong += [f"domain {d!r} may fall below 0: a geometric mean cannot take it" for d in unbounded]
        for d in self.domains:
            if d.transform == "goalposts":
                wrong.append(f"domain {d.id!r} cannot be transformed by goalposts")
        return wrong

    def reaches_below_zero(self, domain: str, transforms: Mapping[str, Transform] | None = None) -> bool:
        """Whether the points of a domain may be negative, under the declared transforms or others."""
        own = next(d for d in self.domains if d.id == domain)
        if own.transform:
            return own.transform in UNBOUNDED
        by = transforms or self.transforms
        return any(
            self.reaches_below_zero(p.id, by) if isinstance(p, Domain) else by[p.id] in UNBOUNDED
            for p in self.parts(domain)
        )

    def parts(self, domain: str | None) -> list[Domain | Indicator]:
        """List what a domain is made of: domains, then indicators, in the order of the file (None: the score)."""
        inner: list[Domain | Indicator] = [d for d in self.domains if d.parent == domain]
        return inner + [i for i in self.indicators if i.domain == domain]

    def top_domain(self, indicator: str) -> str:
        """Find the domain of the score that an indicator lies in."""
        parent = {d.id: d.parent for d in self.domains}
        domain = next(i.domain for i in self.indicators if i.id == indicator)
        while above := parent[domain]:
            domain = above
        return domain

    @property
    def ids(self) -> list[str]:
        """Ids of the indicators, in the order of the file."""
        return [i.id for i in self.indicators]

    @property
    def transforms(self) -> dict[str, Transform]:
        """Transform of each indicator: its own, or else the index's."""
        return {i.id: i.transform or self.index.transform for i in self.indicators}

    def table(self) -> pd.DataFrame:
        """Give the specification as a table: one row per indicator with all that scrutiny asks."""
        sources = {s.id: s for s in self.sources}
        rows = []
        for i in self.indicators:
            origin = sources[i.source]
            hidden = f"blank: {i.suppressed.low:g} to {i.suppressed.high:g}" if i.suppressed else ""
            made_of = i.value or f"({' + '.join(i.numerator)}) / ({' + '.join(i.denominator)})"
            rows.append(
                {
                    **i.model_dump(include={"id", "label", "domain", "weight", "measure"}),
                    "made_of": made_of,
                    **i.model_dump(include={"direction", "unit", "rounding"}),
                    "suppressed": hidden,
                    **i.model_dump(include={"smoothing", "missing"}),
                    "within": i.within or "",
                    "transform": self.transforms[i.id],
                    **origin.model_dump(include={"title", "publisher", "period", "geography", "licence"}),
                    "caveat": " ".join(c for c in (i.caveat, origin.caveat) if c),
                }
            )
        return pd.DataFrame(rows).set_index("id")


def read_spec(id_or_path: str | Path) -> IndexSpec:
    """Read and check a specification: an id of the catalogue, or the path of a TOML file.

    Raises
    ------
    SettingsError
        With every fault of the file.
    """
    path = Path(id_or_path)
    if path.suffix != ".toml":
        path = CATALOGUE / "indices" / f"{id_or_path}.toml"
    if not os.path.isfile(path):  # noqa: PTH113 - no error of a name that is too long, or no name at all
        known = sorted(p.stem for p in (CATALOGUE / "indices").glob("*.toml"))
        near = get_close_matches(path.stem, known, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        fix = f"{meant}known: {', '.join(known)}; or give the path of a TOML file"
        fail(SettingsError, f"index {str(id_or_path)!r}", "is not in the catalogue and not a file", fix)
    return checked(IndexSpec, load(path), file=path.name)


def plain_spec(columns: list[str], transform: Transform) -> IndexSpec:
    """Declare an index of equal weights over columns of which higher is more need: a first look at any table."""
    return IndexSpec.model_construct(
        index=IndexHead.model_construct(
            id="plain", label="Equal weights", version="1", geography="", reference="the zones given",
            transform=transform, aggregation="arithmetic", normalise_weights=False, source="Columns as given.",
        ),
        sources=(),
        domains=(Domain(id="all", label="All", weight=1.0, rationale="Equal weights.", weighting="equal"),),
        indicators=tuple(
            Indicator.model_construct(
                id=c, label=c, domain="all", weight=1.0, measure="value", value=c, numerator=(), denominator=(),
                per=1.0, direction="higher_is_need", unit="", source="", rounding=0.0, suppressed=None,
                min_denominator=0.0, smoothing="none", missing="error", transform=None, goalposts=None, within=None,
                winsorise=0, caveat="",
            )
            for c in columns
        ),
    )  # fmt: skip
