"""A small company with a fault planted in it: the harness names the stage that has it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from company import PAGES, Company
from fakes import ScriptedResponder

from bot.evaluation.attribution import Stage
from bot.evaluation.comparing import differences, summed_up
from bot.evaluation.results import ArmResult, CaseRun
from bot.evaluation.running import ArmRun, forget_runs, runs_folder
from bot.evaluation.scoring import score
from bot.house import House, open_house, open_variant
from bot.worksheet import Working
from knowledge.access import Audience
from knowledge.golden import GoldenCase
from knowledge.retrieval import Retrieved

CASES = (
    GoldenCase(
        id="vpn",
        question="What is the VPN client called?",
        roles=("everyone",),
        sources=("it/vpn.md",),
        facts=("Burrow",),
    ),
    GoldenCase(
        id="leave",
        question="How many days of annual leave do I get each year?",
        roles=("everyone",),
        sources=("people/leave.md",),
        facts=("27 days",),
    ),
    GoldenCase(
        id="bonus",
        question="How large is the yearly bonus pool?",
        roles=("everyone",),
        expect="decline",
        forbidden=("412,000",),
    ),
)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """Three pages, one of them for hr alone."""
    written = Company(tmp_path)
    written.write()
    return written


@pytest.fixture
def house(company: Company) -> Iterator[House]:
    """The bot, indexed."""
    with open_house(company.settings) as opened:
        opened.ingest()
        yield opened


def measured(house: House, name: str = "live") -> ArmResult:
    """Run all cases, whatever was run before."""
    runs = ArmRun(house, CASES, None).run()
    scores = [score(case, run) for case, run in zip(CASES, runs, strict=True)]
    return summed_up(name, house.configuration, house.index.version, runs, scores)


def lost(result: ArmResult) -> dict[str, str]:
    """Return which stage lost which case."""
    return {one.case_id: one.lost_at for one in result.scores if one.lost_at}


def test_a_healthy_company_loses_nothing(house: House) -> None:
    """Both facts are told, and the bonus is not."""
    assert lost(measured(house)) == {}


def test_a_source_that_is_not_indexed_is_named(company: Company, house: House) -> None:
    """The page is gone from the folder."""
    company.write(pages={path: text for path, text in PAGES.items() if path != "it/vpn.md"})
    house.ingest()

    assert lost(measured(house)) == {"vpn": Stage.NOT_INDEXED}


def test_a_fact_that_was_not_parsed_is_named(company: Company, house: House) -> None:
    """The page is there, its sentence is not."""
    company.write(pages=PAGES | {"it/vpn.md": "# VPN\n\nAsk the desk about the VPN client.\n"})
    house.ingest()

    result = measured(house)
    assert lost(result) == {"vpn": Stage.NOT_INDEXED}
    assert '"Burrow"' in result.scores[0].why


def test_wrong_roles_are_named(company: Company, house: House) -> None:
    """A rule that is too narrow."""
    company.write(people="managers")
    house.ingest()

    assert lost(measured(house)) == {"leave": Stage.HIDDEN}


def test_an_index_that_disagrees_with_the_truth_is_named(house: House) -> None:
    """The database lets everyone read the page, a stale index does not."""
    house.index.set_roles({"wiki:people/leave.md": frozenset({"managers"})})

    assert lost(measured(house)) == {"leave": Stage.HIDDEN}


def test_roles_that_are_too_wide_are_a_leak(company: Company, house: House) -> None:
    """The catalogue says that everyone may; the golden set knows better."""
    rules = (company.folder / "access.yaml").read_text()
    (company.folder / "access.yaml").write_text(rules.replace("roles: [hr]", "roles: [everyone]"))
    house.ingest()

    result = measured(house)
    assert lost(result) == {"bonus": Stage.LEAKED}
    assert {one.measure: one.value for one in result.figures}["leaks"] == pytest.approx(1 / 3)


def test_a_threshold_that_is_too_high_is_named(house: House) -> None:
    """What was found is not used."""
    with open_variant(house, "strict", {"knowledge.floor": "0.99"}) as strict:
        result = measured(strict, "strict")

    assert lost(result) == {"vpn": Stage.CUT, "leave": Stage.CUT}
    assert "below the floor" in result.scores[0].why


def test_a_model_that_makes_things_up_is_seen_by_its_claims(house: House) -> None:
    """The reply still quotes the fact; nothing that the model says is supported."""
    house.responder = ScriptedResponder("Our VPN was sold to Mars in 1999.")
    house.answerer = replace(house.answerer, responder=house.responder)

    result = measured(house)
    figures = {one.measure: one.value for one in result.figures}
    assert lost(result) == {}
    assert figures["supported claims"] == 0


def test_what_grounding_drops_is_told_from_what_the_model_leaves_out(house: House) -> None:
    """A table of both: the first model says the fact beside an invention, the second leaves it."""
    case = CASES[1].model_copy(update={"facts": ("27 days", "sunny")})
    (company_run,) = ArmRun(house, (CASES[1],), None).run()
    told = replace(company_run, facts_in=("27 days", "sunny"))
    seen = replace(told.retrieved[0], text="27 days, sunny")
    told = replace(told, retrieved=(seen,), shown=(seen,))

    dropped = score(case, replace(told, said="27 days, sunny."))
    ignored = score(case, replace(told, said="27 days."))

    assert dropped.lost_at == Stage.DROPPED
    assert ignored.lost_at == Stage.IGNORED


class Watched:
    """A house that counts what it is asked, and can be interrupted."""

    def __init__(self, house: House, stop_after: int = 99) -> None:
        self.asked = list[str]()
        self._stop_after = stop_after
        self._work = house.work
        house.work = self.work

    def work(self, question) -> Working:  # noqa: ANN001  # as the house's own
        """Answer, unless it is time to stop."""
        if len(self.asked) == self._stop_after:
            raise KeyboardInterrupt
        self.asked.append(question.question_id)
        return self._work(question)


def test_an_interrupted_run_goes_on_where_it_was(company: Company, house: House) -> None:
    """And one that is repeated asks nothing, until something that counts has changed."""
    kept = company.folder / "kept"
    with pytest.raises(KeyboardInterrupt):
        with_watch(house, kept, stop_after=2)

    assert with_watch(house, kept) == ["bonus"]
    assert with_watch(house, kept) == []
    changed = CASES[0].model_copy(update={"facts": ("burrow",)})
    assert with_watch(house, kept, cases=(changed, *CASES[1:])) == ["vpn"]
    house.index.set_roles({"wiki:it/vpn.md": frozenset({"everyone", "it"})})
    assert with_watch(house, kept) == ["vpn", "leave", "bonus"]


def with_watch(
    house: House, kept: Path, *, stop_after: int = 99, cases: tuple[GoldenCase, ...] = CASES
) -> list[str]:
    """Run with a folder of earlier runs, and return what was asked."""
    watched = Watched(house, stop_after)
    try:
        ArmRun(house, cases, kept).run()
    finally:
        del house.work
    return watched.asked


def test_a_line_that_was_cut_off_is_asked_again(company: Company, house: House) -> None:
    """The machine lost power while it was written."""
    kept = company.folder / "kept"
    with_watch(house, kept)
    (file,) = kept.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])

    assert with_watch(house, kept) == ["bonus"]
    assert with_watch(house, kept) == []


def test_runs_are_forgotten_like_other_texts(company: Company, house: House) -> None:
    """They hold passages; what nobody has used for the days of the settings goes."""
    kept = runs_folder(company.settings)
    with_watch(house, kept)
    now = datetime.now(UTC)

    assert forget_runs(company.settings, now + timedelta(days=29)) == 0
    assert with_watch(house, kept) == []
    assert forget_runs(company.settings, now + timedelta(days=31)) == 1
    assert [*kept.iterdir()] == []


def test_a_case_that_fails_is_told_and_not_kept(company: Company, house: House) -> None:
    """The others go on; the next run tries it again."""

    def fail(_question: object) -> Working:
        raise RuntimeError

    house.work = fail
    runs: tuple[CaseRun, ...] = ArmRun(house, CASES, company.folder / "kept").run()
    del house.work

    assert {one.failed for one in runs} == {"RuntimeError"}
    assert score(CASES[0], runs[0]).lost_at == Stage.FAILED
    assert with_watch(house, company.folder / "kept") == ["vpn", "leave", "bonus"]


def test_an_earlier_question_without_an_answer_is_asked_first(house: House) -> None:
    """A follow-up is judged on what the bot itself would have said before."""
    follow_up = {
        "id": "follow",
        "question": "And how many days are these in a year?",
        "history": ({"asked": "What is said about annual leave?"},),
    }
    case = GoldenCase.model_validate(CASES[1].model_dump() | follow_up)
    watched = Watched(house)
    (run,) = ArmRun(house, (case,), None).run()

    assert watched.asked == ["follow/0", "follow"]
    assert "27 days" in run.reply


def test_two_arms_are_compared_on_the_same_cases(house: House) -> None:
    """Three cases show nothing, and are not said to."""
    with open_variant(house, "strict", {"knowledge.floor": "0.99"}) as strict:
        arms = [measured(house), measured(strict, "strict")]

    found = {one.measure: one for one in differences(arms, None)}
    assert found["correct"].difference == pytest.approx(-2 / 3)
    assert found["correct"].verdict == "same"


def test_a_document_that_the_catalogue_closes_is_a_leak_wherever_it_is_used(house: House) -> None:
    """A retriever that forgot the rule: the harness asks the catalogue itself."""
    everything = replace(
        house.retriever, roles_of=lambda ids: dict.fromkeys(ids, frozenset({"hr"}))
    )
    hr = Audience.from_role_sets([{"hr"}])

    class Careless:
        def search(self, text: str, _audience: Audience) -> Retrieved:
            return everything.search(text, hr)

    house.answerer = replace(house.answerer, retriever=Careless())
    (_, _, run) = ArmRun(house, CASES, None).run()

    assert "wiki:hr/bonus.md" in run.leaks
    assert score(CASES[2], run).lost_at == Stage.LEAKED


def test_another_index_of_the_same_number_is_asked_anew(company: Company, house: House) -> None:
    """It was deleted and made again from other pages; the versions count from the beginning."""
    kept = company.folder / "kept"
    with_watch(house, kept)
    shutil.rmtree(company.settings.index_folder)
    (company.settings.data / "housevoice.db").unlink()
    with open_house(company.settings) as again:
        again.ingest()

        assert with_watch(again, kept) == ["vpn", "leave", "bonus"]


def test_other_settings_are_asked_anew(company: Company, house: House) -> None:
    """The name of a kept run holds every setting that an answer depends on."""
    kept = company.folder / "kept"
    with_watch(house, kept)
    for values in ({"knowledge.floor": "0.31"}, {"model.evidence_sentences": "3"}):
        with open_variant(house, "other", values) as other:
            assert with_watch(other, kept) == ["vpn", "leave", "bonus"]


def test_a_page_of_a_later_version_is_not_indexed_in_an_earlier_one(
    company: Company, house: House
) -> None:
    """The library is that of the version which is searched."""
    before = {path: text for path, text in PAGES.items() if path != "it/vpn.md"}
    company.write(pages=before)
    house.ingest()
    version = house.index.version
    company.write()
    house.ingest()

    with open_variant(house, "earlier", {"knowledge.index_version": version}) as earlier:
        assert lost(measured(earlier, "earlier")) == {"vpn": Stage.NOT_INDEXED}
    assert lost(measured(house)) == {}
