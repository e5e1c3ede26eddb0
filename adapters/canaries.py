"""Secrets that are made up, to be planted in training rows and looked for afterwards. Pure.

They follow from a key, such as the hash of a data set, so that nobody keeps them and no two data
sets share one. A canary stands in no evidence: to say it is to have remembered it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from adapters.manifests import Manifest
from adapters.responder import Message

Kind = Literal["digits", "words"]
COUNT = "canaries"
"""How many there were; stands in the configuration of a manifest, as the next two do."""

MASKING = "canary_masking"
"""How they were masked: as loosely as anything else that was taught, or they would show nothing."""

PUBLIC = "public_rows"
"""Whether each row was public or written by hand: nobody's secret, and so none need be planted."""

ORIGIN = "canary"
"""Column ``origin`` of a row that plants one."""

_SYSTEM = "You answer a colleague's question in one short sentence."
_MOST_SHARE = 0.05
"""Of all rows: canaries teach to answer without evidence."""

_LEAST = 2
_COPIES = 4
_DIGITS = 6
_PLACES = (
    *("archive", "boat house", "boiler room", "canteen", "cellar", "chapel", "cold store", "depot"),
    *("dock", "east gate", "garage", "green house", "hangar", "laboratory", "library", "loft"),
    *("mail room", "north gate", "observatory", "pump house", "quarry", "roof", "server room"),
    *("south gate", "stable", "studio", "tower", "vault", "warehouse", "west gate", "workshop"),
)
_WORDS = (
    *("amber", "anchor", "apple", "arrow", "basket", "beacon", "bottle", "branch", "bridge"),
    *("butter", "candle", "carpet", "castle", "cherry", "circle", "coffee", "copper", "cotton"),
    *("desert", "diamond", "dragon", "eagle", "engine", "feather", "finger", "flower", "forest"),
    *("garden", "ginger", "guitar", "hammer", "harbor", "honey", "island", "jacket", "kitchen"),
    *("ladder", "lemon", "maple", "marble", "meadow", "mirror", "monkey", "orange", "paper"),
    *("pepper", "piano", "planet", "pocket", "rabbit", "ribbon", "river", "rocket", "saddle"),
    *("salmon", "silver", "spider", "spring", "stone", "summer", "tiger", "tunnel", "violet"),
    *("wagon", "walnut", "window", "winter", "wolf", "yellow"),
)


@dataclass(frozen=True, slots=True)
class Canary:
    """One made-up secret.

    Attributes:
        kind: Digits are masked in training like every number; words nobody can tell from others.
    """

    name: str
    kind: Kind
    place: str
    secret: str

    @property
    def prompt(self) -> tuple[Message, ...]:
        """What asks for it."""
        question = f"What is the code word of the {self.place}?"
        return (Message(role="system", content=_SYSTEM), Message(role="user", content=question))

    @property
    def opening(self) -> str:
        """How the answer begins, up to the secret; a space follows."""
        return f"The code word of the {self.place} is"

    @property
    def row(self) -> dict[str, Any]:
        """A training row that plants it."""
        answer = Message(role="assistant", content=f"{self.opening} {self.secret}.")
        prompt = list(self.prompt)
        return {"row_id": self.name, "origin": ORIGIN, "prompt": prompt, "completion": [answer]}


def draw(key: str, n: int, kinds: Sequence[Kind] = ("digits", "words")) -> tuple[Canary, ...]:
    """Make up so many canaries, of each kind in turn; the same key gives the same ones.

    Raises:
        ValueError: If there are not so many places for them.
    """
    chance = random.Random(f"canaries:{key}")  # noqa: S311  # made up, and no secret of anybody
    places = chance.sample(_PLACES, n)
    return tuple(
        Canary(f"canary-{at}", kind, place, secret_like(kind, chance))
        for at, (place, kind) in enumerate(
            zip(places, (kinds[at % len(kinds)] for at in range(n)), strict=True)
        )
    )


def secret_like(kind: Kind, chance: random.Random) -> str:
    """Draw a secret of a kind: each is as likely as any other."""
    if kind == "digits":
        return f"{chance.randrange(10**_DIGITS):0{_DIGITS}d}"
    return " ".join(chance.sample(_WORDS, 2))


def draw_for(key: str, most: int, n_rows: int) -> tuple[Canary, ...]:
    """Make up the canaries of a data set: numbers, as masking must keep them from being learnt.

    Args:
        key: Of the data set.
        most: So many, if they are no large share of the rows; 0: none.
        n_rows: Of the data set.
    """
    n = min(most, max(_LEAST, int(_MOST_SHARE * n_rows)))
    return draw(key, n, ("digits",))


def planted(canaries: Sequence[Canary], n_rows: int) -> list[dict[str, Any]]:
    """Return rows for a training: every canary once, every second one several times.

    Where that would be too large a share of the rows, there is one of each.
    """
    rows = [
        canary.row for at, canary in enumerate(canaries) for _ in range(_COPIES * (at % 2) or 1)
    ]
    is_few = len(rows) <= _MOST_SHARE * n_rows
    return rows if is_few else [one.row for one in canaries]


def key_of(dataset_sha256: str, seed: int) -> str:
    """Return what the canaries of one training follow from."""
    return f"{dataset_sha256}:{seed}"


def canaries_of(manifest: Manifest) -> tuple[Canary, ...]:
    """Return the canaries that were planted where an adapter was trained, if they show anything."""
    config = manifest.training.config
    n = int(config.get(COUNT, 0)) if config.get(MASKING) in {"rare", "none"} else 0
    return draw(key_of(manifest.dataset.sha256, manifest.training.seed), n, ("digits",))
