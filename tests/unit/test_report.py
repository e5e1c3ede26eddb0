"""The terminal tables and the HTML report of an evaluation."""

import io
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from evaluated import HOSTILE, an_evaluation, with_texts
from rich.console import Console

from bot.evaluation.cards import MOST_CARDS, differing, examples, losses
from bot.evaluation.overview import alarms, rows, settings_that_differ, stages, verdicts
from bot.evaluation.plots import measure_plots, stage_plot, tag_plot
from bot.evaluation.report import render
from bot.evaluation.results import ArmResult, Evaluation, Figure
from bot.evaluation.table import show

PLAIN = " and so on"
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800]")


class Tags(HTMLParser):
    """Writes down each tag with the names of its attributes, and where it leads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen = list[tuple[str, tuple[str, ...]]]()
        self.leads_to = list[str]()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))
        leading = {"href", "src", "xlink:href", "action", "data", "srcset", "poster"}
        self.leads_to += [value or "" for name, value in attrs if name in leading]


def shown(evaluation: Evaluation, width: int = 80) -> str:
    """Print at a terminal without colours."""
    written = io.StringIO()
    show(Console(file=written, width=width, highlight=False), evaluation)
    return written.getvalue()


def of_first(evaluation: Evaluation, **changes: object) -> Evaluation:
    """Change the first arm."""
    first: ArmResult = replace(evaluation.arms[0], **changes)  # type: ignore[arg-type]  # by name
    return replace(evaluation, arms=(first, *evaluation.arms[1:]))


@pytest.fixture(scope="module")
def page() -> str:
    """Three arms on 60 cases."""
    return render(an_evaluation())


def test_a_page_stands_alone(page: str) -> None:
    """It has no script, loads nothing, and every link leads to a place within it."""
    tags = Tags(page)

    names = {name for name, _ in tags.seen}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form"})
    assert tags.leads_to
    assert [one for one in tags.leads_to if not one.startswith("#")] == []


def test_a_page_forbids_all_that_it_does_not_hold(page: str) -> None:
    """Even a text that came to life could run and fetch nothing."""
    assert (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
        " style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">" in page
    )


def test_hostile_texts_change_no_tag_of_a_page() -> None:
    """Whatever people, documents and models write, the page has the same elements."""
    arms = ("quote", f"base{HOSTILE}")
    tame = with_texts(an_evaluation(arms=("quote", "base and more"), n_cases=12), PLAIN)
    hostile = with_texts(an_evaluation(arms=arms, n_cases=12), HOSTILE)

    page = render(hostile)

    assert Tags(page).seen == Tags(render(tame)).seen
    assert "{{ 7 * 7 }}" in page
    assert "[U+202E]gnp.exe" in page
    assert not HIDDEN.search(page)


def test_hostile_texts_stay_text_at_the_terminal() -> None:
    """No control, hidden character or markup of the terminal takes effect."""
    arms = ("quote", f"base{HOSTILE}")
    told = shown(with_texts(an_evaluation(arms=arms, n_cases=12), HOSTILE))

    assert not HIDDEN.search(told)
    assert "[bold]" in told
    assert max(map(len, told.splitlines())) <= 80


def test_three_arms_fit_a_narrow_terminal_whole() -> None:
    """With 80 columns no figure, interval or name of a measure is cut."""
    told = shown(an_evaluation())

    assert "…" not in told
    for row in rows(an_evaluation()):
        assert row.measure in told
    for arm in an_evaluation().arms:
        for one in arm.figures[:5]:
            assert f"{one.low:.3f}-{one.high:.3f}" in told


def test_the_terminal_names_the_first_cases_of_each_stage() -> None:
    """Each stage has its count, a few cases with question and reason, and how many more."""
    evaluation = an_evaluation()
    told = shown(evaluation, width=200)

    for stage in stages(evaluation.arms):
        ids = {s.case_id for arm in evaluation.arms for s in arm.scores if s.lost_at == stage}
        _, heading, after = told.partition(f"\n{stage}: {len(ids)}")
        listed = after.split("\n\n")[0]
        assert heading
        assert sum(f"{one} " in listed for one in ids) == min(len(ids), 3)
        assert (f"and {len(ids) - 3} more" in listed) == (len(ids) > 3)


def test_leaks_come_first() -> None:
    """What matters most stands at the top, with the cases, in terminal and page."""
    evaluation = an_evaluation(n_cases=12)
    run, *others = evaluation.arms[0].runs
    evaluation = of_first(evaluation, runs=(replace(run, leaks=("hr/pay.md",)), *others))

    (alarm,) = alarms(evaluation)

    assert alarm == f"quote leaked in 1 of its cases: {run.case_id}"
    assert shown(evaluation).startswith(alarm)
    page = render(evaluation)
    assert page.index(alarm) < page.index('id="figures"')
    assert "hr/pay.md" in page or run.case_id not in {
        s.case_id for s in evaluation.arms[0].scores if not s.is_good
    }


def test_every_figure_stands_in_the_page(page: str) -> None:
    """The table has value, interval and number of cases of each measure and arm."""
    evaluation = an_evaluation()
    text = re.sub(r"<[^>]+>", " ", page)

    for arm in evaluation.arms:
        for one in arm.figures:
            digits = {"seconds": 2, "tokens": 0}.get(one.measure, 3)
            low, high = (f"{end:.{digits}f}" for end in (one.low, one.high))
            assert f"{one.value:.{digits}f}" in text
            assert f"{low} to {high}" in text


def test_less_is_best_where_less_is_better() -> None:
    """The best arm of seconds is the fastest, that of correct the most often right."""
    found = {row.measure: row for row in rows(an_evaluation())}

    for name, choose in (("seconds", min), ("correct", max)):
        values = [cell.figure.value for cell in found[name].cells if cell]
        best = [cell.figure.value for cell in found[name].cells if cell and cell.is_best]
        assert best == [choose(values)]


def test_nobody_is_best_where_all_are_equal() -> None:
    """Without a leak no arm is praised for the fewest."""
    found = {row.measure: row for row in rows(an_evaluation())}

    assert not any(cell and cell.is_best for cell in found["leaks"].cells)


def test_a_verdict_names_what_changed_and_how_much() -> None:
    """Each pair has one sentence; what is not shown to differ is only counted."""
    found = {(one.arm, one.against): one for one in verdicts(an_evaluation())}

    assert set(found) == {
        ("base", "quote"),
        ("few-shot", "quote"),
        *((arm, "baseline") for arm in ("quote", "base", "few-shot")),
    }
    told = found["few-shot", "quote"].sentence
    assert re.fullmatch(
        r"better in correct \+0\.\d{3}.*; worse in seconds \+\d\.\d\d, tokens \+\d+;"
        r" not shown to differ in \d+ measures",
        told,
    )


def test_only_settings_that_differ_are_listed() -> None:
    """What all arms share does not hide what they were compared for."""
    assert settings_that_differ(an_evaluation().arms) == {
        "model.base": ("none", "smollm2-135m", "smollm2-135m"),
        "model.examples": (0, 0, 3),
    }


def test_the_same_evaluation_gives_the_same_page(page: str) -> None:
    """Drawings have no random ids and no date, so that two reports can be compared."""
    assert render(an_evaluation()) == page


def test_drawings_take_their_colours_from_the_page(page: str) -> None:
    """Each colour is a property that the page sets for light and for dark paper."""
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    sheet, _, dark = page.partition("</style>")[0].partition("prefers-color-scheme: dark")

    used = set(re.findall(r"var\((--[\w-]+)\)", drawings))
    assert not re.search(r"#[0-9a-f]{6}\b", drawings)
    assert {"--ink", "--line", "--arm-0", "--arm-2", "--stage-0"} <= used
    assert [one for one in used if f"{one}:" not in sheet or f"{one}:" not in dark] == []


def test_a_drawing_tells_its_figures_to_who_does_not_see_it(page: str) -> None:
    """Each is one image with a label, and the label has the numbers."""
    evaluation = an_evaluation()
    plot = next(one for one in measure_plots(evaluation) if one.title == "correct")
    figure = evaluation.arms[2].figures[0]

    assert f"few-shot {figure.value:.3f}, {figure.low:.3f} to {figure.high:.3f}" in plot.label
    assert page.count('<div role="img" aria-label=') == page.count("<svg ")


def test_names_are_drawn_as_they_are() -> None:
    """A dollar sign starts no formula, and a name may look like a colour or a tag."""
    arms = ("$x^{$", "#0a0000 #0c00ff", "<b>a & b</b>", "\u4e2d\u6587")
    evaluation = an_evaluation(arms=arms, n_cases=12)

    plot = stage_plot(evaluation)

    assert plot
    for name in ("$x^{$", "#0c00ff", "&lt;b&gt;a &amp; b&lt;/b&gt;", "\u4e2d\u6587"):
        assert f">{name}" in plot.svg or name in plot.svg


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    """A notebook that renders a report keeps its own settings, and pyplot is not loaded."""
    from matplotlib import rcParams  # noqa: PLC0415  # a second to load

    names = [name for name in rcParams if name != "backend"]  # to ask for that one loads pyplot
    before = {name: rcParams[name] for name in names}

    assert tag_plot(an_evaluation(n_cases=6))
    assert {name: rcParams[name] for name in names} == before
    assert "matplotlib.pyplot" not in sys.modules


def test_each_lost_case_is_told() -> None:
    """Those beyond what is shown in full stand in a line each; a small stage is shown whole."""
    evaluation = an_evaluation(arms=("quote",), n_cases=100)
    places = ["hidden"] * 3 + ["cut"] * 97
    scores = [
        replace(score, is_good=False, lost_at=place)
        for score, place in zip(evaluation.arms[0].scores, places, strict=True)
    ]
    evaluation = of_first(evaluation, scores=tuple(scores), lost={"cut": 97, "hidden": 3})

    (arm,) = losses(evaluation)
    page = render(evaluation)

    assert [(one.stage, len(one.cards), len(one.rest)) for one in arm.stages] == [
        ("hidden", 3, 0),
        ("cut", MOST_CARDS - 3, 100 - MOST_CARDS),
    ]
    assert arm.n_lost == 100
    assert page.count('<details class="case">') >= MOST_CARDS
    for case in evaluation.cases:
        assert f'<span class="id">{case.case_id}</span>' in page


def test_only_cases_on_which_arms_differ_stand_side_by_side() -> None:
    """A case that all arms won or all lost says nothing about the arms."""
    evaluation = an_evaluation()
    goods = zip(*([s.is_good for s in arm.scores] for arm in evaluation.arms), strict=True)

    mixed = [
        one.case_id for one, good in zip(evaluation.cases, goods, strict=True) if len({*good}) > 1
    ]

    assert [side.facts.case_id for side in differing(evaluation)] == mixed


def test_examples_are_good_and_of_different_kinds() -> None:
    """Each is another tag, and under every arm that is shown it went well."""
    found = examples(an_evaluation())

    assert len({side.facts.tags for side in found}) == len(found) == 6
    assert all(card.score.is_good for side in found for card in side.cards)


@pytest.mark.parametrize("lost", [0.0, 1.0])
def test_one_arm_without_a_baseline_has_a_page(lost: float) -> None:
    """Nothing to compare, nothing lost or nothing won is no error."""
    evaluation = an_evaluation(arms=("live",), n_cases=6, has_baseline=False, lost=lost)

    page = render(evaluation)

    assert "There is one configuration and no baseline" in page
    assert ("No case went well." in page) == (lost == 1.0)
    assert 'id="differ"' not in page
    assert "correct" in shown(evaluation)


def test_more_arms_than_colours_have_a_page() -> None:
    """The eighth voice is drawn in the colour of the second."""
    page = render(an_evaluation(arms=tuple("abcdefgh"), n_cases=6))

    assert "var(--arm-5)" in page
    assert "var(--arm-6)" not in page


def test_a_single_case_has_no_interval() -> None:
    """Where the true value may be anything, page and terminal say so and draw the dot alone."""
    unknown = Figure("correct", 1, 1.0, float("-inf"), float("inf"))
    evaluation = of_first(an_evaluation(n_cases=6), figures=(unknown,))

    assert "no interval" in render(evaluation)
    assert "no interval" in shown(evaluation)
    assert "inf" not in shown(evaluation).replace("info", "")


def test_a_large_report_is_small() -> None:
    """300 cases under 4 arms, all lost and each text longer than what is shown: below 3 MB."""
    evaluation = an_evaluation(arms=tuple("abcd"), n_cases=300, lost=2.0)
    page = render(with_texts(evaluation, (" <long> & wide" * 400)))

    assert len(page.encode()) < 3_000_000
