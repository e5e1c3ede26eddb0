"""Golden sets: the form of the files, what holds a fact, and how a set grows."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from adapters.ledger import AnswerRow
from bot.conversation import Outcome, Turn
from bot.errors import UnfitAnswerError
from bot.golden import Choices, case_of
from bot.records import Served
from knowledge.access import Audience
from knowledge.errors import GoldenSetError
from knowledge.golden import Exchange, GoldenCase, GoldenSet, holds, load_golden
from knowledge.golden_entries import add_case, entry

TWO_CASES = """# a note that must stay
version: 1
cases:
  # networks
  - {id: wifi, question: 'Where is the code?', roles: [everyone], sources: [it/wifi.md]}

  - id: pay
    question: What does Ann earn?
    roles: [everyone]
    forbidden:
      - "4,100"
    expect: decline
"""
LINES = """{"name": "faq", "version": 3}

{"id": "wifi", "question": "Where?", "roles": ["everyone"], "facts": ["code"]}
{"id": "pay", "question": "What?", "roles": ["everyone"], "expect": "decline"}
"""
CASE = "- {id: a, question: q, roles: [everyone], "
NEW = GoldenCase(id="new", question="Größe: wie viel?", roles=("everyone", "hr"), facts=("9 m",))
DOCUMENTED = Path(__file__).parents[2] / "docs" / "golden.md"


def written(folder: Path, text: str, name: str = "golden.yaml") -> Path:
    """Write a golden set."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def a_row(outcome: Outcome = Outcome.ANSWERED) -> AnswerRow:
    """Build a row of the log: an answer in a room of two, from two documents."""
    history = (Turn("user", "Is there a canteen?"), Turn("assistant", "Yes, at the Works."))
    return AnswerRow(
        answer_id="a1",
        question_id="q1",
        team="T1",
        channel="C1",
        thread_ts="1.0",
        question_ts="5.0",
        message_ts="5.1",
        asker="U1",
        asked_at=datetime(2026, 11, 20, tzinfo=UTC),
        outcome=outcome,
        audience="everyone|ops&everyone|hr",
        question="When is lunch?",
        reply="{}",
        trace="{}",
        served=TypeAdapter(Served).dump_json(Served(history)).decode(),
        doc_ids=("wiki:it/lunch.md", "wiki:it/sites.md"),
    )


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("You get 27 days [1].", "27 days"),
        ("you get **27\u00a0Days**.", "27 days"),
        ("It costs EUR 1200.", "EUR 1,200"),
        ("It costs EUR 1,200.50.", "eur 1200.50"),
        ("From 10, 30, 60 and 90 cm", "10, 30, 60 and 90 cm"),
        ("see larkfield-payroll.example.net/verify", "example.net"),
        ("_27 days_", "27 days"),
        ("LF\u2011SIGN\u201107 signs", "LF-SIGN-07"),
        ("a se\u200bcret", "secret"),
        ("x<!channel>", "<!channel>"),
        ("Is it 8? It is 9.", "8"),
    ],
)
def test_a_fact_is_found_however_it_is_set(text: str, fact: str) -> None:
    """Case, space, marks, dashes and commas of thousands say nothing."""
    assert holds(text, fact)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("16 percent", "6 percent"),
        ("1.6 percent", "6 percent"),
        ("EUR 5.80", "EUR 5"),
        ("EUR 1,200", "200"),
        ("EUR 1,200", "EUR 1"),
        ("It is so [27].", "27"),
        ("Mondays", "Monday"),
        ("six days", "6 days"),
        ("", "6"),
    ],
)
def test_a_part_of_a_word_or_figure_is_no_fact(text: str, fact: str) -> None:
    """A near figure is a wrong answer, and the number of a citation is none."""
    assert not holds(text, fact)


@given(st.text(min_size=1))
def test_every_fact_that_a_case_takes_can_be_found(text: str) -> None:
    """What a case lists stands in itself, or is refused as nothing to look for."""
    try:
        case = GoldenCase(id="a", question="q", roles=("everyone",), facts=(text,))
    except ValueError:
        assert not holds(text, "a")
    else:
        assert case.is_told(f"It is {text} .")


def test_all_facts_and_one_answer_must_be_told() -> None:
    """Facts are all needed; of the answers any one is."""
    case = GoldenCase(
        id="a", question="q", roles=("everyone",), facts=("F-12",), answers=("30 days", "7 days")
    )

    assert case.is_told("Within 7 days, with F-12.")
    assert not case.is_told("Within 9 days, with F-12.")
    assert not case.is_told("Within 7 days.")


def test_the_audience_is_the_asker_and_all_who_read_along() -> None:
    """In a public channel only what everyone may read is right to say."""
    case = GoldenCase(
        id="a",
        question="q",
        roles=("everyone", "hr"),
        readers=(("everyone",), ("everyone", "ops")),
        expect="decline",
    )

    assert case.audience == Audience.from_role_sets([{"everyone"}])


def test_a_set_is_known_by_name_version_and_the_hash_of_its_bytes(tmp_path: Path) -> None:
    """Two runs on different questions are never taken for the same."""
    one = load_golden(written(tmp_path, TWO_CASES))
    other = load_golden(written(tmp_path, TWO_CASES + "\n"))

    assert (one.name, one.version) == ("golden", 1)
    assert one.cases == other.cases
    assert len(one.sha256) == 64
    assert one.sha256 != other.sha256


def test_one_case_a_line_is_a_set_too(tmp_path: Path) -> None:
    """Blank lines are nothing, and the first line may name the set and its version."""
    golden = load_golden(written(tmp_path, LINES, "some.jsonl"))
    bare = load_golden(written(tmp_path, LINES.split("\n", 1)[1], "bare.jsonl"))

    assert [case.id for case in golden.cases] == ["wifi", "pay"]
    assert (golden.name, golden.version) == ("faq", 3)
    assert (bare.name, bare.version) == ("bare", 1)
    assert bare.cases == golden.cases


def test_a_case_is_found_by_its_id(tmp_path: Path) -> None:
    """A wrong id is named."""
    golden = load_golden(written(tmp_path, TWO_CASES))

    assert golden.case("pay").forbidden == ("4,100",)
    with pytest.raises(GoldenSetError, match="there is no case wify"):
        golden.case("wify")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: 1\ncases: [", "not YAML, line 2"),
        ("\x00", "not YAML"),
        ("", "list of cases"),
        ("version: 1\ncases: {a: b}\n", "list of cases"),
        ("version: 0\ncases:\n" + CASE + "sources: [a]}\n", "version: .*greater than or equal"),
        ("version: 1\nowner: x\ncases:\n" + CASE + "facts: [a]}\n", "owner: there is no such key"),
        ("version: 1\ncases: []\n", "no case in it"),
        (f"version: 1\ncases:\n{CASE}sources: [a]}}\n{CASE}sources: [b]}}\n", "twice: a"),
        (f"cases:\n{CASE}sources: [a], sources: [b]}}\n", "'sources' stands twice .* line 2"),
        (f"cases:\n{CASE}sources: [a], expect: decline}}\n", "a decline has none"),
        (f"cases:\n{CASE}answers: [a], expect: decline}}\n", "a decline has none"),
        (f"cases:\n{CASE}tags: [x]}}\n", r"case 1 \(a\): an answer needs sources, facts or"),
        (f"cases:\n{CASE}sources: [a], source: b}}\n", r"\(a\): source: there is no such key"),
        (f"cases:\n{CASE}history: [{{text: x}}], facts: [b]}}\n", r"history\.0\.asked: Field req"),
        (f"cases:\n{CASE}facts: [35]}}\n", r"facts\.0: Input should be a valid string"),
        (f"cases:\n{CASE}facts: ['*']}}\n", "nothing in it to look for"),
        (f"cases:\n{CASE}facts: [b], readers: [[]]}}\n", r"readers\.0: .*at least 1"),
        ("cases:\n- {id: a, question: q, roles: [Eng], facts: [a]}\n", "'Eng'"),
        ("cases:\n- {id: a, question: q, roles: [], facts: [a]}\n", "at least 1"),
        ("cases:\n- wifi\n", "case 1: Input should be"),
    ],
)
def test_a_wrong_set_is_refused_with_its_problem(tmp_path: Path, text: str, problem: str) -> None:
    """One sentence says what to mend, and in which file."""
    path = written(tmp_path, text)

    with pytest.raises(GoldenSetError, match=problem) as caught:
        load_golden(path)

    assert caught.value.path == str(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n{oops\n", "line 2: it is not JSON"),
        (LINES + '\n{"id": "x", "question": "q"}', r"line 6 \(x\): roles: Field required"),
        (LINES + LINES.split("\n")[2], "ids stand twice: wifi"),
        ("[]", "line 1: Input should be"),
        ("\n", "no case in it"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: str, problem: str) -> None:
    """In a file with a case a line the number of the line is what a person looks for."""
    with pytest.raises(GoldenSetError, match=problem):
        load_golden(written(tmp_path, text, "some.jsonl"))


def test_a_file_that_is_not_there_or_is_no_set_is_named(tmp_path: Path) -> None:
    """A wrong path is the likeliest mistake."""
    with pytest.raises(GoldenSetError, match="it cannot be read"):
        load_golden(tmp_path / "none.yaml")
    with pytest.raises(GoldenSetError, match=r"must end with \.yaml, \.yml, \.jsonl"):
        load_golden(written(tmp_path, TWO_CASES, "golden.txt"))
    (tmp_path / "latin.yaml").write_bytes(b"cases: [\xe9]")
    with pytest.raises(GoldenSetError, match="utf-8"):
        load_golden(tmp_path / "latin.yaml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", TWO_CASES),
        ("b.yaml", TWO_CASES.rstrip("\n")),
        ("c.yml", f"cases:\n{CASE}facts: [x]}}\n"),
        ("d.jsonl", LINES),
        ("e.jsonl", LINES.rstrip("\n")),
    ],
)
def test_a_case_is_added_and_what_stands_there_stays(tmp_path: Path, name: str, text: str) -> None:
    """Comments, order and spelling of a file belong to those who wrote it."""
    path = written(tmp_path, text, name)
    path.chmod(0o640)
    before = load_golden(path).cases

    add_case(path, NEW)

    assert load_golden(path).cases == (*before, NEW)
    assert path.read_text(encoding="utf-8").startswith(text)
    assert "Größe" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_cases_go_where_the_others_are_indented(tmp_path: Path) -> None:
    """The file stays as readable as it was, thread and room included."""
    path = written(tmp_path, TWO_CASES)
    case = NEW.model_copy(
        update={
            "readers": (("everyone",),),
            "history": (Exchange(asked="a", answered="b: c"), Exchange(asked="d")),
            "tags": ("room",),
        }
    )

    add_case(path, case)

    assert path.read_text(encoding="utf-8").removeprefix(TWO_CASES) == (
        "  - id: new\n"
        "    question: 'Größe: wie viel?'\n"
        "    roles: [everyone, hr]\n"
        "    readers:\n"
        "    - [everyone]\n"
        "    history:\n"
        "    - {asked: a, answered: 'b: c'}\n"
        "    - {asked: d}\n"
        "    facts: [9 m]\n"
        "    tags: [room]\n"
    )


@pytest.mark.parametrize("name", ["new.yaml", "new.jsonl"])
def test_the_first_case_makes_the_file(tmp_path: Path, name: str) -> None:
    """Nobody has to write an empty set by hand first."""
    add_case(tmp_path / name, NEW)
    add_case(tmp_path / name, NEW.model_copy(update={"id": "b", "question": "another"}))

    assert [case.id for case in load_golden(tmp_path / name).cases] == ["new", "b"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": "pay"}, "the same id is there already, as pay"),
        ({"question": "where is  the CODE?", "roles": ("everyone",)}, "same question .* as wifi"),
    ],
)
def test_a_doubled_case_is_refused(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    """Twice the same question would count twice."""
    path = written(tmp_path, TWO_CASES)

    with pytest.raises(GoldenSetError, match=problem):
        add_case(path, NEW.model_copy(update=change))

    assert path.read_text() == TWO_CASES


@pytest.mark.parametrize("change", [{}, {"history": (Exchange(asked="And the wifi?"),)}])
def test_the_same_words_to_others_or_in_another_thread_are_another_question(
    tmp_path: Path, change: dict[str, object]
) -> None:
    """What is right to answer depends on who reads, and on what was said before."""
    path = written(tmp_path, TWO_CASES)
    roles = ("everyone",) if change else ("hr",)
    asked = {"question": "Where is the code?", "roles": roles}

    add_case(path, NEW.model_copy(update=asked | change))

    assert len(load_golden(path).cases) == 3


@pytest.mark.parametrize(
    "text",
    [
        f"cases:\n{CASE}facts: [x]}}\nversion: 1\n",
        "cases: [{id: a, question: q, roles: [everyone], facts: [x]}]\n",
        f"cases:\n{CASE}facts: [x]}}\n...\n",
    ],
)
def test_a_set_that_cannot_grow_at_its_end_stays_as_it_is(tmp_path: Path, text: str) -> None:
    """Rather no case than one in the wrong place."""
    path = written(tmp_path, text)

    with pytest.raises(GoldenSetError, match="list of cases comes last"):
        add_case(path, NEW)

    assert path.read_text() == text


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Nothing is left half written."""
    (tmp_path / "folder.yaml").mkdir()

    with pytest.raises(GoldenSetError, match="it cannot be written"):
        add_case(tmp_path / "folder.yaml", NEW)
    with pytest.raises(GoldenSetError, match="it cannot be written"):
        add_case(tmp_path / "none" / "golden.yaml", NEW)
    with pytest.raises(GoldenSetError, match="must end with"):
        add_case(tmp_path / "golden.txt", NEW)

    assert list(tmp_path.iterdir()) == [tmp_path / "folder.yaml"]


def test_an_answer_of_the_log_becomes_a_case() -> None:
    """Question, readers, thread and sources come from the log; tags and facts from a person."""
    case = case_of(a_row(), Choices(facts=("11:45",), tags=("howto",)))

    assert case == GoldenCase(
        id="a1",
        question="When is lunch?",
        roles=("everyone", "hr"),
        readers=(("everyone", "ops"),),
        history=(Exchange(asked="Is there a canteen?", answered="Yes, at the Works."),),
        sources=("it/lunch.md", "it/sites.md"),
        facts=("11:45",),
        tags=("howto",),
    )
    assert case.audience.fingerprint == "everyone|hr&everyone|ops"


def test_what_was_declined_is_a_case_only_by_a_persons_word() -> None:
    """The bot may have been wrong to decline: then a fact says so."""
    declined = replace(a_row(Outcome.DECLINED), doc_ids=())

    right = case_of(declined, Choices(case_id="d", is_decline=True))
    wrong = case_of(declined, Choices(facts=("11:45",)))

    assert (right.id, right.expect, right.sources) == ("d", "decline", ())
    assert (wrong.expect, wrong.facts) == ("answer", ("11:45",))
    with pytest.raises(UnfitAnswerError, match="--decline, if that was right"):
        case_of(declined, Choices())


def test_what_should_have_been_declined_keeps_no_source() -> None:
    """An answer that was wrong to give is a case, too."""
    case = case_of(a_row(), Choices(is_decline=True))

    assert (case.expect, case.sources) == ("decline", ())


@pytest.mark.parametrize(
    ("row", "choices", "problem"),
    [
        (replace(a_row(), question=""), Choices(), "deleted or forgotten"),
        (replace(a_row(), served=""), Choices(), "was never kept"),
        (replace(a_row(), audience=""), Choices(), "a reader of it was unknown"),
        (a_row(Outcome.FAILED), Choices(facts=("x",)), "nothing was answered, it is failed"),
        (a_row(), Choices(facts=("x",), is_decline=True), "a decline has none"),
        (replace(a_row(), doc_ids=()), Choices(), "an answer needs sources"),
    ],
)
def test_an_answer_that_makes_no_case_says_why(
    row: AnswerRow, choices: Choices, problem: str
) -> None:
    """One sentence names the answer and what is missing."""
    with pytest.raises(UnfitAnswerError, match=problem) as caught:
        case_of(row, choices)

    assert caught.value.answer_id == "a1"


def test_the_documented_examples_are_valid(tmp_path: Path) -> None:
    """What docs/golden.md shows can be copied."""
    blocks = DOCUMENTED.read_text(encoding="utf-8").split("```")[1::2]
    yamls = [block.removeprefix("yaml\n") for block in blocks if block.startswith("yaml\n")]
    lines = [block.removeprefix("json\n") for block in blocks if block.startswith("json\n")]
    sets = [load_golden(written(tmp_path, text)) for text in yamls]
    sets += [load_golden(written(tmp_path, text, "a.jsonl")) for text in lines]
    shown = {name for one in sets for case in one.cases for name in case.model_fields_set}

    assert (len(yamls), len(lines)) == (1, 1)
    assert shown == set(GoldenCase.model_fields)


def test_an_entry_is_the_same_in_both_forms() -> None:
    """A case moves between the two kinds of file without a loss."""
    values = NEW.model_dump(exclude_defaults=True)
    from_yaml = yaml.safe_load(entry(values, ".yaml"))[0]

    assert GoldenCase.model_validate(from_yaml) == NEW
    assert GoldenCase.model_validate(json.loads(entry(values, ".jsonl"))) == NEW
    assert GoldenSet((NEW,), "").case("new") == NEW


def test_no_case_is_asked_by_whom_nobody_can_be() -> None:
    """The role of the access canary is held by nobody; a golden set cannot borrow it."""
    with pytest.raises(ValueError, match="housevoice-canary"):
        GoldenCase(id="c", question="q", roles=("housevoice-canary",), expect="decline")
