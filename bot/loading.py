"""Models in memory, each loaded once, and servers that are spoken to."""

from dataclasses import dataclass, field

from adapters.local import LocalResponder
from adapters.manifests import AdapterRef
from adapters.naming import Naming
from adapters.responder import Responder
from adapters.serving import RemoteResponder
from adapters.tokens import ChatTokens, MostTokens
from bot.judging import TrainedJudge, load_judge
from bot.models import FoundModel
from bot.settings import ModelSettings
from knowledge.embedding import Embedder, MiniLmEmbedder


@dataclass
class LoadedModels:
    """Models in memory, so that houses with other settings need not load them again."""

    embedders: dict[str, Embedder] = field(default_factory=dict)
    responders: dict[str, Responder] = field(default_factory=dict)
    judges: dict[str, TrainedJudge] = field(default_factory=dict)

    def copied(self) -> "LoadedModels":
        """Share what is loaded; what is loaded later is not shared."""
        return LoadedModels(dict(self.embedders), dict(self.responders), dict(self.judges))

    def hang_up(self) -> None:
        """End the connections to servers."""
        for one in self.responders.values():
            if isinstance(one, RemoteResponder):
                one.close()

    def embedder(self, found: FoundModel) -> Embedder:
        """Return the embedder of a folder."""
        if found.version not in self.embedders:
            self.embedders[found.version] = MiniLmEmbedder(found.folder, found.version)
        return self.embedders[found.version]

    def judge(
        self, ref: AdapterRef | None, encoder: FoundModel, threads: int
    ) -> TrainedJudge | None:
        """Return a trained reader on an encoder; None where there is none.

        Raises:
            AdapterRejectedError: If it does not fit the encoder.
            ModelUnreadableError: If the encoder is none.
        """
        if ref is None:
            return None
        key = f"{encoder.version} {ref.name}"
        if key not in self.judges:
            self.judges[key] = load_judge(ref, encoder, threads=threads)
        return self.judges[key]

    def speaker(self, model: ModelSettings, found: FoundModel | None) -> Responder | None:
        """Return what speaks: a server, a model in this process, or nothing.

        Args:
            model: The settings.
            found: The base model; of a server, too, where its tokenizer is to count.
        """
        if not model.server_url and found is None:
            return None
        base = found.version if found else model.server_model
        key = f"{model.server_url} {base}".strip()
        if key not in self.responders:
            self.responders[key] = _opened(model, found)
        return self.responders[key]


def _opened(model: ModelSettings, found: FoundModel | None) -> Responder:
    sha256 = found.sha256 if found else ""
    if found and not model.server_url:
        return LocalResponder(
            found.folder, base_id=found.version, base_sha256=sha256, threads=model.threads
        )
    return RemoteResponder(
        model.server_url,
        Naming(model.server_kind, model.server_model),
        ChatTokens(found.folder) if found else MostTokens(),
        base_id=found.version if found else model.server_model,
        base_sha256=sha256,
        key=model.server_key.get_secret_value(),
    )
