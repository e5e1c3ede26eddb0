"""The form for a remark: what Slack accepts, what a person is told, what is read back."""

import json

import pytest
from pydantic import ValidationError

from adapters.remarks import LONGEST_CORRECTION, Reason
from bot.remark_form import CORRECTION, NO_REASON, REASON, TOO_LONG, Filled, remark_view
from bot.workspace.blocks_check import VIEW_BLOCKS, block_problems

VIEW = remark_view("a" * 32, texts_days=30, reasons_days=365)


def test_it_is_within_slacks_limits() -> None:
    """Labels of 24 characters, a text field of 3,000, nothing that a view may not hold."""
    assert block_problems(VIEW["blocks"], most=VIEW_BLOCKS) == []
    assert max(len(VIEW[name]["text"]) for name in ("title", "submit", "close")) <= 24
    assert VIEW["blocks"][1]["element"]["max_length"] == LONGEST_CORRECTION <= 3_000
    assert len(VIEW["blocks"][1]["hint"]["text"]) <= 150


def test_every_reason_has_words_of_its_own() -> None:
    """What is stored is the reason; what is read are different words for each."""
    options = VIEW["blocks"][0]["element"]["options"]

    assert [one["value"] for one in options] == list(Reason)
    assert len({one["text"]["text"] for one in options}) == len(Reason)


def test_errors_stand_below_fields_that_are_there() -> None:
    """Slack refuses an error for a block that is no input of the form."""
    inputs = [one["block_id"] for one in VIEW["blocks"] if one["type"] == "input"]

    assert inputs == [REASON, CORRECTION]
    assert all(0 < len(text) <= 150 for text in (NO_REASON, TOO_LONG))


@pytest.mark.parametrize(
    ("days", "reason", "text"),
    [
        ((30, 365), "for 365 days", "for 30 days"),
        ((0, 0), "without a time limit", "without a time limit"),
        ((30, 0), "without a time limit", "for 30 days"),
        ((0, 365), "for 365 days", "for 365 days"),  # the text goes with the reason
        ((400, 365), "for 365 days", "for 365 days"),
    ],
)
def test_a_person_is_told_how_long_reason_and_text_are_kept(
    days: tuple[int, int], reason: str, text: str
) -> None:
    """Each as it is, under whose id, who reads it, what for."""
    view = remark_view("a" * 32, texts_days=days[0], reasons_days=days[1])
    notice = json.dumps(view["blocks"][2])

    for part in (f"the reason {reason}", f"what you write {text}", "with your user ID"):
        assert part in notice
    for part in ("Administrators", "improve answers"):
        assert part in notice


def test_nothing_but_the_opaque_id_is_carried_along() -> None:
    """Whatever stands in a view can be read by whoever sees it."""
    assert VIEW["private_metadata"] == "a" * 32


def test_what_was_filled_in_is_read_back() -> None:
    """Blank space around it is no text, and nothing typed is none."""
    for typed, text in [("  27 days\n", "27 days"), ("   ", ""), (None, ""), ("", "")]:
        filled = Filled.model_validate(
            {
                REASON: {"choice": {"selected_option": {"value": "tone"}}},
                CORRECTION: {"text": {"value": typed}},
            }
        )
        assert (filled.chosen, filled.text) == (Reason.TONE, text)


def test_a_reason_is_needed() -> None:
    """Slack asks for it; whoever goes around Slack does not come through."""
    with pytest.raises(ValidationError):
        Filled.model_validate(
            {REASON: {"choice": {"selected_option": None}}, CORRECTION: {"text": {}}}
        )
