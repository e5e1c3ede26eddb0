"""Which domain a question belongs to: by its place, else by the nearest centroid. Pure.

A domain is described by questions that people ask of it; the vector of a question is the one that
retrieval has made already. Knows neither adapters nor who may hear them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.errors import DomainsError
from adapters.manifests import Domain

DEFAULT = "default"
"""The domain of all that belongs to no other."""

BY_PLACE, BY_QUESTION = "its place", "its question"
ONLY_ONE, TOO_CLOSE, TOO_FAR = "there is no other", "too close to call", "like none of them"

Vector = NDArray[np.float32]
Line = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a question belongs.

    Attributes:
        score: Cosine to the centroid of the nearest domain [-1..1]; 0 where none was compared.
        margin: How much nearer it is than the second nearest.
        why: One of the five reasons above.
    """

    domain: str
    score: float
    margin: float
    why: str


class DomainExamples(BaseModel):
    """One domain, as a file describes it.

    Attributes:
        questions: As people ask them; a dozen varied ones are enough.
        channels: Ids of channels whose questions always belong here.
    """

    model_config = ConfigDict(str_strip_whitespace=True, frozen=True, extra="forbid")

    questions: Annotated[tuple[Line, ...], Field(min_length=3)]
    channels: tuple[Line, ...] = ()


class Domains(BaseModel, frozen=True, extra="forbid"):
    """All domains, and when to abstain.

    Attributes:
        margin: Least lead of the nearest domain over the second.
        floor: Least cosine to the nearest.
    """

    margin: float = Field(default=0.05, ge=0, le=2)
    floor: float = Field(default=0.25, ge=-1, le=1)
    domains: Mapping[Domain, DomainExamples] = Field(default_factory=dict)

    @classmethod
    def from_yaml(cls, text: str, *, path: str) -> Self:
        """Read the file of domains.

        Args:
            text: YAML.
            path: Where it stands; only for the message of an error.

        Raises:
            DomainsError: If it is not YAML, a part is wrong, or two domains claim one channel.
        """
        try:
            read = cls.model_validate(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise DomainsError(path, "it is not YAML") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise DomainsError(path, f"{place}: {first['msg'].lower()}") from error
        claimed = [channel for one in read.domains.values() for channel in one.channels]
        if doubled := {channel for channel in claimed if claimed.count(channel) > 1}:
            raise DomainsError(path, f"two domains claim {', '.join(sorted(doubled))}")
        return read


@dataclass(frozen=True, slots=True)
class Router:
    """Sends questions to domains.

    Attributes:
        names: Domains that were described, in the order of the centroids.
        centroids: (n, dim) float32, rows of unit length.
        places: Domain by channel.
    """

    names: tuple[str, ...] = ()
    centroids: Vector | None = None
    places: Mapping[str, str] | None = None
    margin: float = 0.0
    floor: float = -1.0

    @classmethod
    def from_domains(cls, domains: Domains, embed: Callable[[str], Vector]) -> Self:
        """Place each domain in the middle of its questions.

        Args:
            domains: Without any, all questions belong to the default one.
            embed: As retrieval embeds a question: (dim,) float32, unit length.
        """
        if not domains.domains:
            return cls()
        middles = [
            np.mean([embed(question) for question in one.questions], axis=0)
            for one in domains.domains.values()
        ]
        return cls(
            names=tuple(domains.domains),
            centroids=np.stack([middle / np.linalg.norm(middle) for middle in middles]),
            places={at: name for name, one in domains.domains.items() for at in one.channels},
            margin=domains.margin,
            floor=domains.floor,
        )

    @property
    def domains(self) -> frozenset[str]:
        """All that a question can be sent to."""
        return frozenset({DEFAULT, *self.names})

    def route(self, vector: Vector, channel: str = "") -> Route:
        """Say where a question belongs; the default domain, where that is not clear.

        Args:
            vector: Of the question: (dim,) float32, unit length.
            channel: Where it was asked; a domain may claim it.
        """
        if self.centroids is None:
            return Route(DEFAULT, 0.0, 0.0, ONLY_ONE)
        if self.places and channel in self.places:
            return Route(self.places[channel], 0.0, 0.0, BY_PLACE)
        cosines = self.centroids @ vector
        order = np.argsort(-cosines, kind="stable")
        score = float(cosines[order[0]])
        margin = score - float(cosines[order[1]]) if len(order) > 1 else score - self.floor
        why = TOO_FAR if score < self.floor else TOO_CLOSE if margin < self.margin else BY_QUESTION
        nearest = self.names[order[0]] if why is BY_QUESTION else DEFAULT
        return Route(nearest, round(score, 4), round(margin, 4), why)
