"""The dashboard, the figures and their documentation say the same names."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.monitoring.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana.json").read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
TOKEN = re.compile(
    r"""\s*(?:(?P<string>"[^"]*")|(?P<range>\[[^\]]*\])|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<word>[A-Za-z_$][\w$]*)|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/<>=(){},]))"""
)
FUNCTIONS = {"rate", "increase", "histogram_quantile", "sum", "max", "count", "vector"}
WORDS = {"by", "or"}
RANGE = re.compile(r"\[(?:\d+[mhd]|\$__rate_interval|\$__range)\]")


@dataclass(frozen=True)
class Use:
    """A metric in an expression, with the labels that it is chosen by, and whether over time."""

    metric: str
    labels: frozenset[str]
    is_over_time: bool


@dataclass(frozen=True)
class Expression:
    """What a PromQL expression asks for."""

    uses: tuple[Use, ...]
    grouped: frozenset[str]


def tokens(expr: str) -> list[tuple[str, str]]:
    """Split an expression; what is no PromQL stops it."""
    found, at = list[tuple[str, str]](), 0
    while at < len(expr.rstrip()):
        one = TOKEN.match(expr, at)
        assert one, f"{expr[at:]!r} in {expr!r}"
        found.append((one.lastgroup or "", one[one.lastgroup or 0]))
        at = one.end()
    return found


def parsed(expr: str) -> Expression:
    """Read an expression; a word that is neither metric nor PromQL stops it."""
    uses, grouped, rest = list[Use](), set[str](), tokens(expr)
    assert expr.count("(") == expr.count(")")
    while rest:
        kind, word = rest.pop(0)
        if kind == "word" and word.startswith("housevoice_"):
            labels = set(matchers(rest))
            is_over_time = bool(rest) and rest[0][0] == "range"
            uses.append(Use(word, frozenset(labels), is_over_time))
        elif word == "by":
            assert rest.pop(0)[1] == "("
            grouped |= set(until(rest, ")"))
        elif kind == "word":
            assert word in FUNCTIONS | WORDS, f"{word} in {expr}"
        elif kind == "range":
            assert RANGE.fullmatch(word), f"{word} in {expr}"
    return Expression(tuple(uses), frozenset(grouped))


def matchers(rest: list[tuple[str, str]]) -> Iterator[str]:
    """Read ``{label="value", ...}``, if it comes next, and name the labels."""
    if not rest or rest[0][1] != "{":
        return
    rest.pop(0)
    inside = until(rest, "}", but={"string", "sign"})
    yield from inside


def until(rest: list[tuple[str, str]], end: str, but: set[str] | None = None) -> list[str]:
    """Read up to a sign, and return the words before it."""
    words = list[str]()
    while rest[0][1] != end:
        kind, word = rest.pop(0)
        assert kind in {"word", *(but or {"sign"})}
        if kind == "word":
            words.append(word)
    rest.pop(0)
    return words


def samples() -> dict[str, tuple[str, set[str]]]:
    """Name every sample that a scrape can hold, with its type and labels."""
    found = dict[str, tuple[str, set[str]]]()
    for collector, names in Metrics().registry._collector_to_names.items():  # noqa: SLF001  no other way
        labels = set(getattr(collector, "_labelnames", ()))
        kind = getattr(collector, "_type", "counter")
        if kind == "info":
            labels = {"version", "base", "embedder", "voice"}
        for name in names:
            of_buckets = {"le"} if name.endswith("_bucket") else set()
            found[name] = (kind, labels | of_buckets)
    return found


SAMPLES = samples()


TARGETS = [(one["expr"], one["legendFormat"]) for p in PANELS for one in p.get("targets", ())]


@pytest.mark.parametrize(("expr", "legend"), TARGETS)
def test_a_panel_asks_for_what_there_is(expr: str, legend: str) -> None:
    """Each metric is registered, has the labels that it is asked by, and is used as its type."""
    expression = parsed(expr)

    assert expression.uses
    for use in expression.uses:
        assert use.metric in SAMPLES
        kind, labels = SAMPLES[use.metric]
        assert use.labels <= labels
        assert use.is_over_time == (kind in {"counter", "histogram"})
        assert expression.grouped <= labels
    shown = set(re.findall(r"\{\{(\w+)\}\}", legend))
    assert shown <= (expression.grouped or SAMPLES[expression.uses[0].metric][1])


@pytest.mark.parametrize(
    "expr",
    [
        "sum(rate(housevoice_nonsense_total[5m]))",
        'sum(rate(housevoice_votes_total{user="U0ADA"}[5m]))',
        "sum by (user) (rate(housevoice_votes_total[5m]))",
        "housevoice_votes_total",
        "sum(housevoice_answer_seconds)",
        "rate(housevoice_queue_waiting[5m])",
    ],
)
def test_the_check_can_fail(expr: str) -> None:
    """A name, a label or a use that is wrong is found."""
    with pytest.raises(AssertionError):
        test_a_panel_asks_for_what_there_is(expr, "")


@pytest.mark.parametrize("expr", ["summ(housevoice_up)", "sum(housevoice_up", "sum(a ? b)", "x[5]"])
def test_what_is_no_promql_is_found(expr: str) -> None:
    """A misspelt function, an open bracket, a foreign sign, a range without a unit."""
    with pytest.raises(AssertionError):
        parsed(expr)


def test_every_figure_is_on_the_dashboard() -> None:
    """What is worth counting is worth looking at."""
    used = {use.metric for expr, _ in TARGETS for use in parsed(expr).uses}
    families = {one.name for one in Metrics().registry.collect()}
    parts = ("", "_total", "_info", "_bucket", "_count", "_sum")

    assert [one for one in sorted(families) if not {one + part for part in parts} & used] == []


def test_every_figure_is_documented() -> None:
    """docs/monitoring.md has a row for each, with its labels, and none for what is not there."""
    rows = re.findall(
        r"^\| `(housevoice_\w+)` \|([^|]*)\|", (DOCS / "monitoring.md").read_text(), re.MULTILINE
    )
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    wanted = {
        name: labels
        for name, (_, labels) in SAMPLES.items()
        if not name.endswith(("_created", "_bucket", "_count", "_sum"))
        and not (name + "_total" in SAMPLES or name + "_info" in SAMPLES)
    }

    assert documented == wanted


def test_the_data_source_is_chosen_in_grafana() -> None:
    """The file holds no uid of anybody's Prometheus."""
    asked = [panel["datasource"]["uid"] for panel in PANELS if panel["type"] != "row"]
    asked += [target["datasource"]["uid"] for one in PANELS for target in one.get("targets", ())]
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}

    assert set(asked) == {"${datasource}"}
    assert variables["datasource"]["type"] == "datasource"
    assert parsed_variables(variables) <= SAMPLES["housevoice_questions_total"][1]


def parsed_variables(variables: dict[str, dict[str, Any]]) -> set[str]:
    """Return the labels whose values fill variables."""
    asked = [one["definition"] for one in variables.values() if "definition" in one]
    found = [re.fullmatch(r"label_values\((housevoice_\w+), (\w+)\)", one) for one in asked]
    return {one[2] for one in found if one and one[1] in SAMPLES}


def test_the_panels_lie_beside_each_other() -> None:
    """No panel covers another, each has an id of its own, and the rows are as agreed."""
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    rows = [panel["title"] for panel in PANELS if panel["type"] == "row"]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert rows == ["Answers", "Quality", "Speed", "Knowledge", "Safety", "Cost"]
    assert DASHBOARD["schemaVersion"] >= 39  # Grafana 11
