"""The form in which a person says why an answer was bad, as Slack shows it and sends it back.

Knows nothing of the Web API, nor of what becomes of a remark. It shows nothing of the answer:
who fills it in has just read it, and may lose the right to read it before the form is closed.
"""

from typing import Any

from pydantic import BaseModel

from adapters.remarks import LONGEST_CORRECTION, Reason

CALLBACK_ID = "remark"
REASON = "reason"
CORRECTION = "correction"
"""Blocks that a sentence about what is wrong can stand below."""

TOO_LONG = f"Please stay within {LONGEST_CORRECTION:,} characters."
NO_REASON = "Please choose one of the reasons."

_LABELS = {
    Reason.WRONG: "It is wrong",
    Reason.OUTDATED: "It is out of date",
    Reason.MISSING_SOURCE: "A document is missing or does not fit",
    Reason.NOT_FOR_ME: "I should not be shown this",
    Reason.TONE: "The tone is off",
    Reason.TOO_LONG: "It is too long",
    Reason.OTHER: "Something else",
}


class _Option(BaseModel):
    value: Reason


class _Selected(BaseModel):
    selected_option: _Option


class _Reason(BaseModel):
    choice: _Selected


class _Typed(BaseModel):
    value: str | None = None


class _Correction(BaseModel):
    text: _Typed


class Filled(BaseModel):
    """What a person filled in: ``view.state.values`` of a submission."""

    reason: _Reason
    correction: _Correction

    @property
    def chosen(self) -> Reason:
        """The reason."""
        return self.reason.choice.selected_option.value

    @property
    def text(self) -> str:
        """The corrected answer, without what no database takes; empty where nothing was typed."""
        typed = (self.correction.text.value or "").replace("\x00", "")
        return typed.encode("utf-8", "ignore").decode().strip()


def remark_view(answer_id: str, *, texts_days: int, reasons_days: int) -> dict[str, Any]:
    """Build the modal.

    Args:
        answer_id: Opaque; comes back with what was filled in, and is to be checked again.
        texts_days: How long the text is kept; 0: as long as the reason.
        reasons_days: How long the reason is kept, and all of it with the reason; 0: for ever.

    Source:
        https://docs.slack.dev/reference/views/modal-views and the limits of its elements.
    """
    return {
        "type": "modal",
        "callback_id": CALLBACK_ID,
        "private_metadata": answer_id,
        "title": _plain("What was wrong?"),
        "submit": _plain("Send"),
        "close": _plain("Cancel"),
        "blocks": [_reason(), _correction(), _notice(texts_days, reasons_days)],
    }


def _reason() -> dict[str, Any]:
    options = [{"text": _plain(label), "value": reason.value} for reason, label in _LABELS.items()]
    select = {
        "type": "static_select",
        "action_id": "choice",
        "placeholder": _plain("Choose one"),
        "options": options,
    }
    return {"type": "input", "block_id": REASON, "label": _plain("Reason"), "element": select}


def _correction() -> dict[str, Any]:
    field = {
        "type": "plain_text_input",
        "action_id": "text",
        "multiline": True,
        "max_length": LONGEST_CORRECTION,
    }
    return {
        "type": "input",
        "block_id": CORRECTION,
        "optional": True,
        "label": _plain("How should the answer have been?"),
        "hint": _plain("Only what everybody in that conversation may read."),
        "element": field,
    }


def _notice(texts_days: int, reasons_days: int) -> dict[str, Any]:
    text_days = min(filter(None, (texts_days, reasons_days)), default=0)
    notice = (
        f"Stored with your user ID: the reason {_how_long(reasons_days)}, "
        f"what you write {_how_long(text_days)}. Administrators read it; "
        "what they approve may be kept longer to improve answers."
    )
    return {"type": "context", "elements": [_plain(notice)]}


def _how_long(days: int) -> str:
    return f"for {days} days" if days else "without a time limit"


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}
