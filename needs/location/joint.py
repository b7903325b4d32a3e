"""x."""
from __future__ import annotations
import numpy as np
from numpy.typing import NDArray
from needs.location.costs import Bools, Costs, Floats, Places, Starts
from needs.location.joint_search import Field, State, recount
from needs.location.rules import Links, Rules
_LEAST = 1e-10  # of the sum of outside costs: a smaller gain is rounding
_SLACK = 5e-10  # relative, by which a limit may be passed: half of what `Limit` allows


def field_of(costs: Costs, rules: Rules) -> Field:
    """Lay out costs and rules for the search."""
    n, groups = rules.choices, (*rules.apart, *rules.required)
    amounts = np.array([limit.amounts for limit in rules.limits], np.float64).reshape(-1, n)
    most = np.array([limit.most for limit in rules.limits], np.float64)
    share = np.divide(amounts, most[:, None], out=np.zeros_like(amounts), where=most[:, None] > 0)
    size = [len(group) for group in groups]
    group = np.repeat(np.arange(len(groups)), size)
    member = np.concatenate([*groups, np.zeros(0, np.intp)])
    apart = group < len(rules.apart)
    links = rules.links if rules.links is not None else Links(np.zeros(n + 1, np.int64), np.zeros(0, np.int32))
    child, parent = np.repeat(np.arange(n), np.diff(links.start)), links.parent
    kinds = [
        (member[apart], group[apart]),
        (member[~apart], group[~apart]),
        (group, member),
        (child, parent),
        (parent, child),
    ]
    starts, lists, before = [], [], 0
    for of, listed in kinds:
        count = np.bincount(of, minlength=max(n, len(groups)))
        starts.append(before + np.concatenate([[0], np.cumsum(count)]))
        lists.append(listed[np.lexsort((listed, of))])
        before += len(listed)
    columns = costs.columns
    return Field(
        costs.outside, costs.start, costs.choice, costs.cost, columns.start, columns.row, columns.cost,
        amounts, most * (1 + _SLACK), np.maximum(share.max(axis=0, initial=0.0), 1e-9), rules.closed, rules.hangs,
        np.array(starts, np.int64), np.concatenate(lists).astype(np.int64), _LEAST * float(costs.outside.sum()),
    )  # fmt: skip


def state_of(field: Field, opened: Bools) -> State:
    """Start from open choices that keep to every rule."""
    rows, n, groups = len(field.outside), len(opened), int(field.list_start.shape[1])
    state = State(
        opened.copy(), np.empty((2, rows), np.int64), np.empty((2, rows)), np.zeros((3, n)), np.zeros((5, n), np.int64),
        np.zeros(groups, np.int64), np.zeros(len(field.most) + 1), np.empty(16 * n + 64, np.int64), np.zeros(3, np.int64),
    )  # fmt: skip
    recount(field, state)
    return state
