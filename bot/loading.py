"""Models in memory, each loaded once. Knows no settings."""

from dataclasses import dataclass, field

from adapters.responder import LocalResponder
from bot.models import FoundModel
from knowledge.embedding import Embedder, MiniLmEmbedder


@dataclass
class LoadedModels:
    """Models in memory, so that houses with other settings need not load them again."""

    embedders: dict[str, Embedder] = field(default_factory=dict)
    responders: dict[str, LocalResponder] = field(default_factory=dict)

    def embedder(self, found: FoundModel) -> Embedder:
        """Return the embedder of a folder."""
        if found.version not in self.embedders:
            self.embedders[found.version] = MiniLmEmbedder(found.folder, found.version)
        return self.embedders[found.version]

    def responder(self, found: FoundModel, threads: int) -> LocalResponder:
        """Return the language model of a folder."""
        if found.version not in self.responders:
            self.responders[found.version] = LocalResponder(
                found.folder, base_id=found.version, threads=threads
            )
        return self.responders[found.version]
