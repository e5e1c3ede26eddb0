"""Near-duplicates, what hangs together, and which part it goes to."""

import random
from itertools import combinations, pairwise

from adapters.splitting import (
    SIMILAR,
    Part,
    components,
    largest_share,
    near_duplicates,
    part_of,
)


def grams(text: str) -> set[str]:
    """All 5-grams, as one would write them down."""
    return {text[at : at + 5] for at in range(max(1, len(text) - 4))}


def test_it_finds_the_pairs_that_comparing_all_finds() -> None:
    """The shortcut leaves none out, over texts that differ by none, a few and many words."""
    chance = random.Random(7)  # noqa: S311  # a seeded case
    words = [f"word{n}" for n in range(40)]
    texts = [" ".join(chance.choices(words, k=chance.randint(1, 30))) for _ in range(60)]
    for text in texts[:60]:
        parts = text.split()
        parts[chance.randrange(len(parts))] = chance.choice(words)
        texts.append(" ".join(parts))

    expected = {
        (one, other)
        for one, other in combinations(range(len(texts)), 2)
        if len(a := grams(texts[one]) & grams(texts[other]))
        >= SIMILAR * len(grams(texts[one]) | grams(texts[other]))
        and a
    }

    assert len(expected) > 20
    assert set(near_duplicates(texts)) == expected


def test_case_and_punctuation_make_no_difference() -> None:
    """What reads the same is the same."""
    texts = ["You get 30 days, paid.", "you get 30 DAYS paid", "Ask the desk."]

    assert list(near_duplicates(texts)) == [(0, 1)]


def test_what_shares_a_thread_or_an_asker_hangs_together() -> None:
    """Over several steps, under the oldest of them."""
    keys = [("t1", "ana"), ("t2", "bo"), ("t1", "cem"), ("t3", "cem"), ("t4", "bo")]

    assert components(keys, []) == [0, 1, 0, 0, 1]
    assert components(keys, [(3, 4)]) == [0] * 5
    assert largest_share([0, 1, 0, 0, 1]) == 0.6


def test_no_pair_is_torn_apart() -> None:
    """Over random links, whatever shares a key or is a pair has one root, never a younger one."""
    for seed in range(200):
        chance = random.Random(seed)  # noqa: S311  # a seeded case
        keys = [[chance.randrange(30), -1 - chance.randrange(30)] for _ in range(25)]
        pairs = [tuple(sorted(chance.sample(range(25), 2))) for _ in range(3)]
        roots = components(keys, pairs)

        shared = [(a, b) for a, b in combinations(range(25), 2) if set(keys[a]) & set(keys[b])]
        assert all(roots[a] == roots[b] for a, b in [*shared, *pairs])
        assert all(roots[root] == root <= place for place, root in enumerate(roots))


def test_a_tenth_is_held_out_for_each_purpose() -> None:
    """By the name of the oldest alone, so that growth moves nothing; another seed, other ones."""
    names = [f"a{n}" for n in range(2_000)]
    parts = [part_of(name, 13) for name in names]

    assert 160 < parts.count(Part.VALIDATION) < 240
    assert 160 < parts.count(Part.EVALUATION) < 240
    assert parts != [part_of(name, 14) for name in names]
    assert all(one == part_of(name, 13) for name, one in zip(names, parts, strict=True))
    assert any(one is not other for one, other in pairwise(parts))
