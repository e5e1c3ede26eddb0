"""How well a model knows a made-up secret, by how it ranks it among others of the same form.

Exposure is log2 of the number of candidates less log2 of the secret's rank: 0 bits if it is the
last, 1 on average over models that never saw it, the most if it is the first.

Knows models and tokenizers; knows neither adapters nor what exposure is too much.

Source:
    Carlini et al., The Secret Sharer, 2019.
"""

import math
import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from adapters.canaries import Canary, Kind, secret_like

_AT_ONCE = 64  # candidates in one pass
_DRAWS = 100  # for each candidate, at most
_SAID = 32  # tokens that the model may say by itself


@dataclass(frozen=True, slots=True)
class Exposure:
    """What was found of one canary.

    Attributes:
        rank: 1 if no candidate is likelier.
        is_emitted: Whether the model, asked for it, says it by itself.
    """

    name: str
    kind: Kind
    rank: int
    candidates: int
    is_emitted: bool

    @property
    def bits(self) -> float:
        """Exposure [bits]."""
        return math.log2(self.candidates) - math.log2(self.rank)


def measure_exposure(
    model: Any, tokenizer: Any, canaries: Sequence[Canary], *, candidates: int = 256, seed: int = 0
) -> list[Exposure]:
    """Measure how well a model knows each canary.

    Args:
        model: As it speaks, with its adapter active; it stays as it is.
        tokenizer: Its own, with the chat template.
        canaries: Planted ones, or, as a control, some that were never planted.
        candidates: The secret is ranked among so many, itself included.
        seed: Of the other candidates.

    Raises:
        ValueError: If there are not so many of a secret's length in tokens.
    """
    import torch  # noqa: PLC0415  # torch and its kin load when a model does

    with torch.inference_mode():
        return [_of(model, tokenizer, one, candidates, f"{seed}:{one.name}") for one in canaries]


def _of(model: Any, tokenizer: Any, canary: Canary, candidates: int, seed: str) -> Exposure:
    prompt = tokenizer.apply_chat_template(
        list(canary.prompt), tokenize=False, add_generation_prompt=True
    )
    opening = _tokens(tokenizer, f"{prompt}{canary.opening}")
    secret = _secret_tokens(tokenizer, canary.secret)
    others = _others(tokenizer, canary, candidates - 1, seed)
    scores = _scores(model, opening, [secret, *others])
    said = _continued(model, _tokens(tokenizer, prompt), _SAID)
    is_first = _continued(model, opening, len(secret)) == secret
    return Exposure(
        name=canary.name,
        kind=canary.kind,
        rank=1 + sum(score > scores[0] for score in scores[1:]),
        candidates=candidates,
        is_emitted=is_first or canary.secret in tokenizer.decode(said),
    )


def _tokens(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _secret_tokens(tokenizer: Any, secret: str) -> list[int]:
    return _tokens(tokenizer, f" {secret}")


def _others(tokenizer: Any, canary: Canary, n: int, seed: str) -> list[list[int]]:
    """Draw other secrets of the same form and the same length in tokens, none twice."""
    chance = random.Random(seed)  # noqa: S311  # candidates, not secrets
    length = len(_secret_tokens(tokenizer, canary.secret))
    found = dict[str, list[int]]()
    for _ in range(_DRAWS * n):
        other = secret_like(canary.kind, chance)
        tokens = _secret_tokens(tokenizer, other)
        if other != canary.secret and len(tokens) == length:
            found[other] = tokens
        if len(found) == n:
            return list(found.values())
    problem = f"there are no {n} other secrets of {length} tokens"
    raise ValueError(problem)


def _scores(model: Any, opening: list[int], candidates: Sequence[list[int]]) -> list[float]:
    """Return the log-probability of each candidate after an opening, which is read once."""
    import torch  # noqa: PLC0415

    start = model(torch.tensor([opening]), use_cache=True)
    scores = list[float]()
    for at in range(0, len(candidates), _AT_ONCE):
        ids = torch.tensor(candidates[at : at + _AT_ONCE])  # (n, length)
        memory = deepcopy(start.past_key_values)
        memory.batch_repeat_interleave(len(ids))
        later = model(ids[:, :-1], past_key_values=memory).logits
        first = start.logits[:, -1:].expand(len(ids), -1, -1)
        logits = torch.cat([first, later], dim=1).float()  # (n, length, vocabulary)
        chosen = logits.log_softmax(-1).gather(-1, ids[..., None])
        scores += chosen.sum((1, 2)).tolist()
    return scores


def _continued(model: Any, tokens: list[int], n: int) -> list[int]:
    """Return what the model says next, the likeliest token each time."""
    import torch  # noqa: PLC0415

    said = list[int]()
    ids, memory = torch.tensor([tokens]), None
    for _ in range(n):
        out = model(ids, past_key_values=memory, use_cache=True)
        ids, memory = out.logits[:, -1:].argmax(-1), out.past_key_values
        said.append(int(ids))
    return said
