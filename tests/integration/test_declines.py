"""T17, and I-1 on the whole path: a real table, a real retriever, and what nobody may learn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from asking import EVERYONE, an_answerer
from fakes import HashingEmbedder, ScriptedResponder
from written_index import a_row, an_index

from bot.conversation import Answer, Outcome, Question
from knowledge.access import Audience
from knowledge.reading import SentenceReader
from knowledge.retrieval import HybridRetriever
from knowledge.rows import IndexedChunk

BONUS = "The bonus pool of the year is 412,000 euros."
QUESTION = "the bonus pool of the year is how many euros"
PUBLIC = [
    a_row("wifi", "The wifi code is on the door."),
    a_row("lunch", "Lunch is served at noon every day."),
    a_row("bonus-form", "Ask for the form of the bonus pool at the front desk."),
]
HIDDEN = [a_row(f"secret{n}", BONUS, roles=["hr"]) for n in range(3)]
HR = Audience.from_role_sets([{"hr", "everyone"}])
MIXED = Audience.from_role_sets([{"hr", "everyone"}, {"everyone"}])


@dataclass
class Library:
    """An answerer over a real table, and what its model was shown."""

    folder: Path
    rows: Sequence[IndexedChunk]
    bearing: float = 0.69

    def __post_init__(self) -> None:
        self.truth = {row.document.doc_id: row.document.roles for row in self.rows}
        self.responder = ScriptedResponder(BONUS)
        embedder = HashingEmbedder()
        self.use = replace(
            an_answerer([], self.responder),
            retriever=HybridRetriever(an_index(self.folder, self.rows), embedder, self.roles_of),
            reader=SentenceReader(embedder, bearing=self.bearing),
        )

    def roles_of(self, doc_ids: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Say who may read these documents now."""
        return {name: self.truth[name] for name in doc_ids if name in self.truth}

    def ask(self, audience: Audience | None = EVERYONE, text: str = QUESTION) -> Answer:
        """Ask one question."""
        return self.use.answer(Question("q1", text, audience))

    def told(self, text: str = QUESTION) -> object:
        """Ask as everyone, and return all that can be seen of it, but for version and time."""
        answer = self.ask(text=text)
        trace = replace(answer.trace, index_version="", timings_s=())
        return answer.reply, trace, self.responder.heard


@pytest.mark.parametrize("bearing", [0.69, 0.1])
@pytest.mark.parametrize("text", [QUESTION, BONUS, "bonus", "wifi code", "who knows"])
def test_hidden_and_missing_look_the_same(tmp_path: Path, text: str, bearing: float) -> None:
    """Refused or answered: reply, prompt, scores and reason do not tell that there is more."""
    without = Library(tmp_path / "without", PUBLIC, bearing)
    beside = Library(tmp_path / "beside", [*HIDDEN[:2], *PUBLIC, *HIDDEN[2:]], bearing)

    assert repr(without.told(text)).encode() == repr(beside.told(text)).encode()


def test_who_may_read_it_is_answered(tmp_path: Path) -> None:
    """The same question to the same table: HR among themselves learn the figure."""
    library = Library(tmp_path, [*PUBLIC, *HIDDEN])

    assert "412,000" in library.ask(HR).reply.text
    assert library.ask(HR).reply.outcome is Outcome.ANSWERED


@pytest.mark.parametrize("audience", [EVERYONE, MIXED, None])
def test_a_secret_reaches_neither_model_nor_reply_nor_trace(
    tmp_path: Path, audience: Audience | None
) -> None:
    """Although the model would say it by itself, and the words of the question are the secret's."""
    library = Library(tmp_path, [*PUBLIC, *HIDDEN], bearing=0.1)
    answer = library.ask(audience)

    seen = f"{answer} {library.responder.heard}"
    assert "412,000" not in seen
    assert "secret" not in seen


def test_what_was_revoked_is_gone_at_once(tmp_path: Path) -> None:
    """The table still says that HR may read it; the catalogue decides."""
    library = Library(tmp_path, [*PUBLIC, *HIDDEN])
    library.truth |= {row.document.doc_id: frozenset({"board"}) for row in HIDDEN}
    answer = library.ask(HR)

    assert "412,000" not in str(answer)
    assert "secret" not in str(answer)
