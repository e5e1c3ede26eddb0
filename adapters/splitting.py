"""Rows into train, validation and evaluation, so that nothing known from one is asked in another.

What hangs together stays together: a thread, a person's questions, near-duplicates. Pure.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from math import ceil

SIMILAR = 0.8
"""Least Jaccard index of two texts' character 5-grams that makes them near-duplicates."""

_GRAM = 5
_HELD_OUT = 10  # per cent, of components, for validation, and as many for evaluation

Pair = tuple[int, int]


class Part(StrEnum):
    """What a row is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


def near_duplicates(texts: Sequence[str]) -> Iterator[Pair]:
    """Yield the places of each two texts that say nearly the same, the smaller place first.

    Source:
        Prefix filtering (Chaudhuri et al. 2006): sets that are alike share one of their rarest
        members, so that few pairs are compared; a test holds it against all of them.
    """
    grams = [_grams(text) for text in texts]
    often = Counter(gram for one in grams for gram in one)
    seen = dict[str, list[int]]()
    for place, mine in enumerate(grams):
        rarest = sorted(mine, key=lambda gram: (often[gram], gram))
        prefix = rarest[: len(mine) - ceil(SIMILAR * len(mine)) + 1]
        near = {other for gram in prefix for other in seen.get(gram, ())}
        yield from ((other, place) for other in sorted(near) if _is_like(grams[other], mine))
        for gram in prefix:
            seen.setdefault(gram, []).append(place)


def _grams(text: str) -> frozenset[str]:
    plain = " ".join(re.findall(r"\w+", text.casefold()))
    return frozenset(plain[at : at + _GRAM] for at in range(max(1, len(plain) - _GRAM + 1)))


def _is_like(one: frozenset[str], other: frozenset[str]) -> bool:
    shared = len(one & other)
    return shared >= SIMILAR * (len(one) + len(other) - shared)


def components(keys: Sequence[Sequence[Hashable]], pairs: Sequence[Pair]) -> list[int]:
    """Join what shares a key or is a pair.

    Args:
        keys: Of each item, the oldest item first.
        pairs: Items that hang together for another reason.

    Returns:
        For each item the place of the oldest one that it hangs together with.
    """
    root = list(range(len(keys)))

    def find(place: int) -> int:
        while root[place] != place:
            root[place] = root[root[place]]
            place = root[place]
        return place

    first = dict[Hashable, int]()
    shared = [(first.setdefault(key, at), at) for at, named in enumerate(keys) for key in named]
    for one, other in (*shared, *pairs):
        older, younger = sorted((find(one), find(other)))
        root[younger] = older
    return [find(place) for place in range(len(keys))]


def part_of(root_id: str, seed: int) -> Part:
    """Say what the rows of a component are for; the same for as long as its oldest one stays."""
    drawn = int(sha256(f"{seed}:{root_id}".encode()).hexdigest(), 16) % 100
    if drawn < _HELD_OUT:
        return Part.VALIDATION
    return Part.EVALUATION if drawn < 2 * _HELD_OUT else Part.TRAIN


def largest_share(roots: Sequence[Hashable]) -> float:
    """Return the share of the largest component: near 1, a split is a matter of luck."""
    return max(Counter(roots).values()) / len(roots) if roots else 0.0
