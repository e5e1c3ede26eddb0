"""Exchanges to rows in TRL's columns: chosen, scrubbed, deduplicated, shared out, split. Pure.

Knows neither where exchanges come from nor how rows are written. Whatever is left out is counted
with its reason: what comes in is what goes out and what was dropped.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from adapters.exchanges import Exchange
from adapters.responder import Message
from adapters.rows import EVALUATION, BaseRow, DpoRow, KtoRow, Row, SftRow, balanced
from adapters.scrubbing import Scrubbed
from adapters.selection import (
    Drop,
    Example,
    Origin,
    Policy,
    examples_of,
    objection,
    within_shares,
)
from adapters.splitting import Pair, Part, components, largest_share, near_duplicates, part_of

Scrub = Callable[[Sequence[str]], Scrubbed]
_BEST_FIRST = (Origin.EDITED, Origin.UPVOTED, Origin.DOWNVOTED)


@dataclass(frozen=True, slots=True)
class DataSet:
    """The rows of an export, and how they came about.

    Attributes:
        files: Rows by file without its ending: ``sft/train``, ``evaluation``.
        n_in: What could have become an example.
        dropped: Why the others did not.
        hits: What was replaced by placeholders, by kind.
        vote_ids: Of the people behind the examples.
        held_out: Names of rows, exchanges and groups that must never be trained on, those of
            earlier exports included.
        largest_share: Of the largest group [0..1].
        n_unbalanced: Rows left out of ``kto`` alone, to balance its labels.
    """

    files: Mapping[str, Sequence[Row]]
    n_in: int
    dropped: Mapping[Drop, int]
    hits: Mapping[str, int]
    vote_ids: tuple[str, ...]
    held_out: tuple[str, ...]
    largest_share: float
    n_unbalanced: int

    @property
    def n_out(self) -> int:
        """How many examples there are."""
        return self.n_in - sum(self.dropped.values())


@dataclass(frozen=True, slots=True)
class _Clean:
    """An example with the texts that may be written.

    Attributes:
        place: Among all that could have become an example.
    """

    place: int
    example: Example
    texts: tuple[str, ...]
    hits: Mapping[str, int]

    @property
    def prompt(self) -> list[Message]:
        roles = [message["role"] for message in self.example.prompt]
        return [Message(role=r, content=t) for r, t in zip(roles, self.texts, strict=False)]

    @property
    def completion(self) -> list[Message]:
        return [Message(role="assistant", content=self.texts[-2])]

    @property
    def rejected(self) -> list[Message]:
        return [Message(role="assistant", content=self.texts[-1])]


@dataclass(frozen=True, slots=True)
class _Group:
    """What hangs together, whether or not it is fit to be used.

    Attributes:
        names: Of itself, of its exchanges and of the rows that they could make.
    """

    name: str
    part: Part
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A clean example and where it belongs."""

    clean: _Clean
    group: "_Group"

    @property
    def part(self) -> Part:
        return self.group.part

    @property
    def row_id(self) -> str:
        return self.clean.example.example_id


@dataclass
class _Count:
    """What happened to the examples so far."""

    dropped: Counter[Drop] = field(default_factory=Counter)

    def drop(self, why: Drop, n: int = 1) -> None:
        if n:
            self.dropped[why] += n


def build(
    exchanges: Iterable[Exchange],
    policy: Policy,
    scrub: Scrub,
    held_out_before: Collection[str] = (),
) -> DataSet:
    """Make the rows of an export.

    Args:
        exchanges: In any order.
        policy: The rules of the house.
        scrub: Cleans the texts of one row.
        held_out_before: What `DataSet.held_out` of earlier exports names.
    """
    count = _Count()
    in_order = sorted(exchanges, key=lambda one: (one.at, one.answer_id))
    found = [one for exchange in in_order for one in examples_of(exchange)]
    pairs = _pairs(found)
    groups = _groups(found, pairs, policy)
    clean = _scrubbed(_fit(found, policy, count), scrub, count)
    placed = [_Placed(one, groups[one.place]) for one in clean]
    distinct = _distinct(placed, pairs, count)
    unspoilt = [one for one in distinct if not _is_spoilt(one, held_out_before, count)]
    used = _shared(unspoilt, policy, count)
    files = _files(used)
    kept = {name: balanced(name, rows, policy.kto_ratio) for name, rows in files.items()}
    return DataSet(
        files=kept,
        n_in=len(found),
        dropped=dict(sorted(count.dropped.items())),
        hits=dict(sorted(_hits(used).items())),
        vote_ids=_vote_ids(used),
        held_out=_held_out(used, held_out_before),
        largest_share=round(largest_share([one.group.name for one in placed]), 4),
        n_unbalanced=sum(len(files[name]) - len(kept[name]) for name in files),
    )


def _fit(found: Iterable[Example], policy: Policy, count: _Count) -> Iterator[tuple[int, Example]]:
    for place, one in enumerate(found):
        if why := objection(one, policy):
            count.drop(why)
        else:
            yield place, one


def _scrubbed(fit: Iterable[tuple[int, Example]], scrub: Scrub, count: _Count) -> Iterator[_Clean]:
    for place, one in fit:
        messages = (message["content"] for message in one.prompt)
        cleaned = scrub([*messages, one.completion, one.rejected])
        if cleaned.secret:
            count.drop(Drop.SECRET)
        else:
            yield _Clean(place, one, cleaned.texts, cleaned.hits)


def _pairs(found: Sequence[Example]) -> list[Pair]:
    """Pair what says nearly the same; what is forgotten says nothing."""
    telling = [at for at, one in enumerate(found) if one.exchange.question and one.completion]
    pairs = near_duplicates([found[at].gist for at in telling])
    return [(telling[one], telling[other]) for one, other in pairs]


def _groups(found: Sequence[Example], pairs: Sequence[Pair], policy: Policy) -> list[_Group]:
    """Return for each example what it hangs together with; fit or not, so that it stays there."""
    exchanges = [one.exchange for one in found]
    roots = components([(("thread", e.thread), ("asker", e.asker)) for e in exchanges], pairs)
    names = dict[int, set[str]]()
    for root, one in zip(roots, found, strict=True):
        names.setdefault(root, set()).update([one.example_id, _hashed(one.exchange.answer_id)])
    groups = {
        root: _Group(
            name=(name := _hashed(oldest := exchanges[root].answer_id)[:12]),
            part=part_of(oldest, policy.seed),
            names=frozenset([name, *members]),
        )
        for root, members in names.items()
    }
    return [groups[root] for root in roots]


def _hashed(answer_id: str) -> str:
    return sha256(answer_id.encode()).hexdigest()


def _hits(used: Iterable[_Placed]) -> Counter[str]:
    hits = Counter[str]()
    for one in used:
        hits.update(one.clean.hits)
    return hits


def _distinct(placed: Sequence[_Placed], pairs: Iterable[Pair], count: _Count) -> list[_Placed]:
    """Keep one of those that are alike: what was edited before what was voted for, then the older.

    A disliked answer that is nearly a liked one goes, too: people disagree.
    """
    alike = dict[int, set[int]]()
    for one, other in pairs:
        alike.setdefault(one, set()).add(other)
        alike.setdefault(other, set()).add(one)
    kept = set[int]()
    best_first = sorted(placed, key=lambda one: _BEST_FIRST.index(one.clean.example.origin))
    for place in (one.clean.place for one in best_first):
        if not alike.get(place, set()) & kept:
            kept.add(place)
    count.drop(Drop.DUPLICATE, len(placed) - len(kept))
    return [one for one in placed if one.clean.place in kept]


def _shared(placed: Sequence[_Placed], policy: Policy, count: _Count) -> list[_Placed]:
    kept = within_shares([one.clean.example for one in placed], policy)
    count.drop(Drop.TOO_MUCH_OF_ONE, len(placed) - len(kept))
    with_those_who_count = {one.example_id: one for one in kept}
    return [
        replace(one, clean=replace(one.clean, example=with_those_who_count[one.row_id]))
        for one in placed
        if one.row_id in with_those_who_count
    ]


def _is_spoilt(one: _Placed, held_out_before: Collection[str], count: _Count) -> bool:
    is_spoilt = one.part is Part.TRAIN and not one.group.names.isdisjoint(held_out_before)
    count.drop(Drop.HELD_OUT_BEFORE, int(is_spoilt))
    return is_spoilt


def _held_out(used: Iterable[_Placed], before: Collection[str]) -> tuple[str, ...]:
    """Name all that a measured row hangs together with: it may come back as something else."""
    now = {name for one in used if one.part is not Part.TRAIN for name in one.group.names}
    return tuple(sorted(now | set(before)))


def _vote_ids(used: Iterable[_Placed]) -> tuple[str, ...]:
    return tuple(sorted({name for one in used for name in one.clean.example.vote_ids}))


def _files(used: Iterable[_Placed]) -> dict[str, list[Row]]:
    kinds = ("sft", "kto", "dpo")
    files: dict[str, list[Row]] = {
        f"{kind}/{part}": [] for kind in kinds for part in (Part.TRAIN, Part.VALIDATION)
    }
    files[EVALUATION] = []
    for one in used:
        for name, row in _rows(one):
            files[name].append(row)
    return files


def _rows(one: _Placed) -> Iterator[tuple[str, Row]]:
    """Yield the rows of an example, each with the file it belongs to."""
    example, clean = one.clean.example, one.clean
    shared = BaseRow(
        row_id=one.row_id,
        group=one.group.name,
        origin=example.origin.value,
        domain=example.exchange.domain,
        prompt=clean.prompt,
    )
    voted = KtoRow(**shared, completion=clean.completion, label=example.label)
    if one.part is Part.EVALUATION:
        yield EVALUATION, voted
        return
    if example.label:
        yield f"sft/{one.part}", SftRow(**shared, completion=clean.completion)
    if example.origin is not Origin.EDITED:
        yield f"kto/{one.part}", voted
    elif example.rejected:
        yield f"dpo/{one.part}", DpoRow(**shared, chosen=clean.completion, rejected=clean.rejected)
