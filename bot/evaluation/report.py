"""An evaluation as one HTML page that needs nothing else: no script, no font, no network.

What stands in it was written by people, documents and models. Jinja escapes all of it, the page's
own policy forbids every script and request, and hidden characters are shown by their numbers.
"""

import re
import unicodedata
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from adapters.gates import GateResult
from bot.evaluation import overview
from bot.evaluation.cards import MOST_COMPARED, differing, examples, losses
from bot.evaluation.overview import UNKNOWN
from bot.evaluation.plots import (
    ARM_COLOURS,
    MARKS,
    STAGE_COLOURS,
    measure_plots,
    quantiles,
    seconds_plot,
    stage_plot,
    tag_plot,
    voice_plot,
)
from bot.evaluation.results import Evaluation
from bot.inert import cut

_LONGEST = 600
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_UNSURE = re.compile(r"[^\n\t -~]")


def render(evaluation: Evaluation, gates: Sequence[GateResult] = ()) -> str:
    """Return the page.

    Args:
        evaluation: What was found.
        gates: Of an adapter: what it must pass before it may speak.
    """
    template = _environment().from_string(
        files("bot.evaluation").joinpath("report.html.j2").read_text(encoding="utf-8")
    )
    differ = differing(evaluation)
    return template.render(
        found=evaluation,
        gates=gates,
        alarms=overview.alarms(evaluation),
        verdicts=overview.verdicts(evaluation),
        rows=overview.rows(evaluation),
        tags=dict.fromkeys(tag for arm in evaluation.arms for tag in arm.by_tag),
        stages=overview.stages(evaluation.arms),
        settings=overview.settings_that_differ(evaluation.arms),
        measure_plots=measure_plots(evaluation),
        stage_plot=stage_plot(evaluation),
        arm_plots=[
            plot
            for draw in (tag_plot, voice_plot, seconds_plot)
            if (plot := draw(evaluation)) is not None
        ],
        losses=losses(evaluation),
        differ=differ[:MOST_COMPARED],
        n_differ=len(differ),
        examples=examples(evaluation),
    )


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        finalize=_plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": _short, "drawing": Markup}  # matplotlib escapes its texts
    environment.globals |= {
        "UNKNOWN": UNKNOWN,
        "MARKS": MARKS,
        "ARM_COLOURS": ARM_COLOURS,
        "STAGE_COLOURS": STAGE_COLOURS,
        "number": overview.number,
        "interval": overview.interval,
        "change": overview.change,
        "p_value": overview.p_value,
        "quantiles": quantiles,
    }
    return environment


def _plain(value: object) -> object:
    """Bound and clean whatever the template writes, but for what is markup already."""
    return _short(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _short(text: str, limit: int = _LONGEST) -> str:
    return cut(_UNSURE.sub(_visible, text[: limit + 1]), limit)


def _visible(found: re.Match[str]) -> str:
    char = found[0]
    return f"[U+{ord(char):04X}]" if unicodedata.category(char) in _HIDDEN else char
