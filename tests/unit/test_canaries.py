"""Made-up secrets: what they follow from, how many there are, and how exposed one is."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_voices import a_tokenizer

from adapters.canaries import Canary, draw, draw_for, key_of, planted
from adapters.exposure import Exposure, measure_exposure

torch: Any = pytest.importorskip("torch")


class Knowing:
    """A model that finds every token as likely as any other, but for a text that it knows.

    Its memory of what it has read is the tokens themselves.
    """

    def __init__(self, tokenizer: Any, known: str) -> None:
        self._known = tokenizer(known, add_special_tokens=False)["input_ids"]
        self._size = len(tokenizer)

    def __call__(self, ids: Any, past_key_values: Any = None, **_: Any) -> Any:
        """Return logits (rows, tokens, vocabulary)."""
        memory = past_key_values or Memory([[] for _ in ids])
        logits = torch.zeros(*ids.shape, self._size)
        for row, tokens in enumerate(ids.tolist()):
            for at, token in enumerate(tokens):
                memory.read[row].append(token)
                if (following := self._next(memory.read[row])) is not None:
                    logits[row, at, following] = 5.0
        return SimpleNamespace(logits=logits, past_key_values=memory)

    def _next(self, read: list[int]) -> int | None:
        for n in range(len(self._known) - 1, 8, -1):
            if read[-n:] == self._known[:n]:
                return int(self._known[n])
        return None


class Memory:
    """What was read, for each row."""

    def __init__(self, read: list[list[int]]) -> None:
        self.read = read

    def batch_repeat_interleave(self, n: int) -> None:
        """Let so many rows go on from each."""
        self.read = [list(one) for one in self.read for _ in range(n)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """One token a byte."""
    return a_tokenizer()


def test_a_key_names_its_canaries() -> None:
    """The same data set and seed have the same ones, any other has others."""
    once, again = draw(key_of("abc", 13), 10), draw(key_of("abc", 13), 10)

    assert once == again != draw(key_of("abc", 14), 10) != draw(key_of("abd", 13), 10)
    assert len({one.place for one in once}) == 10
    assert {one.kind for one in once} == {"digits", "words"}


@pytest.mark.parametrize(("rows", "n", "planted_rows"), [(9, 2, 2), (200, 10, 10), (500, 10, 25)])
def test_canaries_stay_few_beside_the_rows(rows: int, n: int, planted_rows: int) -> None:
    """Ten at most, a twentieth of the rows if there are fewer, copies only where there is room."""
    canaries = draw_for("key", 10, rows)

    assert len(canaries) == n
    assert len(planted(canaries, rows)) == planted_rows
    assert {row["row_id"] for row in planted(canaries, rows)} == {one.name for one in canaries}


def test_a_known_secret_is_fully_exposed(tokenizer: Any) -> None:
    """It is the first of its candidates, and the model says it."""
    (canary,) = draw("key", 1, ("digits",))
    model = Knowing(tokenizer, f"{canary.opening} {canary.secret}.")

    (found,) = measure_exposure(model, tokenizer, [canary], candidates=64)

    assert (found.rank, found.bits, found.is_emitted) == (1, 6.0, True)


def test_another_known_secret_hides_ours(tokenizer: Any) -> None:
    """A model that knows something else of the same form does not expose this one."""
    canary, other = draw("key", 1, ("digits",))[0], "000000"
    model = Knowing(tokenizer, f"{canary.opening} {other}.")

    (found,) = measure_exposure(model, tokenizer, [canary], candidates=64)

    assert not found.is_emitted
    assert found.name == canary.name


def test_bits_follow_from_the_rank() -> None:
    """The first of 256 has 8 bits, the middle one 1, the last none."""
    bits = [Exposure("a", "digits", rank, 256, is_emitted=False).bits for rank in (1, 128, 256)]

    assert bits == [8.0, 1.0, 0.0]
    assert math.log2(256) == bits[0]


def test_too_few_candidates_are_an_error(tokenizer: Any) -> None:
    """A rank among fewer than was asked for would look safer than it is."""
    odd = Canary("canary-0", "words", "vault", "wolf " * 9)

    with pytest.raises(ValueError, match="no 63 other secrets"):
        measure_exposure(Knowing(tokenizer, "x"), tokenizer, [odd], candidates=64)
