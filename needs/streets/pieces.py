"""Cut ways into the straight pieces that one mode can use, parted at barriers, with seconds in each direction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from needs.routing.arcs import MAX_ARC_MS
from needs.streets.paces import Pace, denied, pace
from needs.streets.rules import Mode
from needs.streets.ways import Ways


@dataclass(frozen=True)
class Pieces:
    """Straight pieces of street between neighbouring nodes, before anything is contracted.

    Attributes
    ----------
    x, y
        Nodes, metres, EPSG:27700, shape (n,).
    tail, head
        Nodes of each piece in the direction of its way, shape (p,).
    metres
        Length.
    seconds
        Along and against; inf where not allowed, shape (p, 2). The delay at a node is spread over the piece that
        enters it.
    kind
        Index into `kinds`.
    kinds
        Class of street, whether a ferry, whether there is a toll.
    report
        Counts of ways, nodes, barriers, ferries, tolls and of what each rule refused.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    metres: NDArray[np.float64]
    seconds: NDArray[np.float64]
    kind: NDArray[np.int64]
    kinds: list[tuple[str, bool, bool]]
    report: dict[str, int | float]


def cut(ways: Ways, mode: Mode) -> Pieces:
    """Cut the ways that a mode can use into pieces; there may be none.

    A node whose barrier blocks the mode parts the street: each adjoining piece has its own copy of the node. A piece
    that takes longer than an arc may (4.66 hours) is not used in that direction.
    """
    paces = [pace(dict(tags), mode) for tags in ways.tags]
    usable = np.array([p.forward_kph > 0 or p.backward_kph > 0 for p in paces])
    report = _counts(ways, paces, usable)
    inner = usable[ways.kind[ways.owner]]
    inner[ways.first[1:] - 1] = False
    at = np.flatnonzero(inner)
    at = at[ways.node[at] != ways.node[at + 1]]  # a node drawn twice in a row
    way, tail, head = ways.owner[at], ways.node[at].astype(np.int64), ways.node[at + 1].astype(np.int64)
    metres = np.hypot(ways.x[tail] - ways.x[head], ways.y[tail] - ways.y[head])
    kinds = sorted({(p.highway, p.ferry, p.toll) for p in paces if not p.refused})
    number = {k: n for n, k in enumerate(kinds)}
    kind = np.array([number.get((p.highway, p.ferry, p.toll), -1) for p in paces])[ways.kind[way]]
    said = [dict(tags) for tags in ways.marks] + [{}]  # a node without a mark is -1: the last
    blocked = np.array([_blocks(tags, mode) for tags in said])[ways.mark]
    seconds = _seconds(ways, paces, way, metres) + _delays(ways, mode, said, tail, head, [kinds[k][0] for k in kind])
    seconds[seconds * 1000 > MAX_ARC_MS] = np.inf
    open_ = np.isfinite(seconds).any(axis=1)
    report |= {
        "osm_nodes": len(np.unique(np.concatenate([tail, head]))),
        "barriers": int(blocked[np.unique(np.concatenate([tail, head]))].sum()),
        "refused_length": int((~open_).sum()),
    }
    ends = np.stack([tail, head])
    parted = blocked[ends]
    origin = np.concatenate([np.arange(len(ways.x)), ends[parted]])
    ends[parted] = len(ways.x) + np.arange(parted.sum())
    return Pieces(
        ways.x[origin],
        ways.y[origin],
        ends[0][open_],
        ends[1][open_],
        metres[open_],
        seconds[open_],
        kind[open_],
        kinds,
        report,
    )


def _counts(ways: Ways, paces: list[Pace], usable: NDArray[np.bool_]) -> dict[str, int | float]:
    """Count ways that are used and, by reason, those that are refused."""
    count = np.bincount(ways.kind, minlength=len(paces))
    refused: Counter[str] = Counter()
    for p, n in zip(paces, count.tolist(), strict=True):
        if p.refused:
            refused[f"refused_{p.refused}"] += n
    return {"ways": int(count[usable].sum()), **{k: n for k, n in sorted(refused.items()) if n}}


def _seconds(ways: Ways, paces: list[Pace], way: NDArray[np.int64], metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of each piece along and against, without delays; inf where not allowed."""
    kph = np.array([(p.forward_kph, p.backward_kph) for p in paces])[ways.kind[way]]
    seconds = np.full(kph.shape, np.inf)
    np.divide(metres[:, None] * 3.6, kph, out=seconds, where=kph > 0)
    crossing_s = np.array([(p.crossing_min or np.nan) * 60.0 for p in paces])[ways.kind[way]]
    timed = np.isfinite(crossing_s)
    if timed.any():
        whole = np.bincount(way, weights=metres, minlength=len(ways))[way[timed]]
        part = crossing_s[timed] * np.divide(metres[timed], whole, out=np.zeros(len(whole)), where=whole > 0)
        seconds[timed] = np.where(kph[timed] > 0, part[:, None], np.inf)
    return seconds


def _delays(
    ways: Ways,
    mode: Mode,
    said: list[dict[str, str]],
    tail: NDArray[np.int64],
    head: NDArray[np.int64],
    highway: list[str],
) -> NDArray[np.float64]:
    """Seconds that each piece has to add for the node it enters, along (its head) and against (its tail)."""
    delays = np.zeros((len(tail), 2))
    meeting = np.bincount(np.concatenate([tail, head]), minlength=len(ways.x))
    for rule in mode.delay:
        entered_by = np.array([not rule.highways or h in rule.highways for h in highway], dtype=bool)
        fits = [rule.fits(tags) for tags in said]
        for side, (node, other) in enumerate(((head, "backward"), (tail, "forward"))):
            stops = np.array([f and _direction(tags) != other for f, tags in zip(fits, said, strict=True)])
            held = entered_by & stops[ways.mark[node]] & (meeting[node] >= rule.meeting)
            delays[held, side] = np.maximum(delays[held, side], rule.seconds)
    return delays


def _blocks(tags: dict[str, str], mode: Mode) -> bool:
    return any(r.fits(tags) for r in mode.block) or ("barrier" in tags and denied(tags, mode))


def _direction(tags: dict[str, str]) -> str:
    """Which way along the street a signal or a sign at a node is meant for; empty for both."""
    return tags.get("traffic_signals:direction", tags.get("direction", ""))
