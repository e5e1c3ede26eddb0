"""Greetings, thanks and "what can you do?": messages that ask nothing of the documents. Pure.

Knows only whole messages: whatever asks something besides is a question, however polite.
"""

import re
from enum import Enum, auto


class SmallTalk(Enum):
    """What a message is that is not worth a look into the documents."""

    OPENING = auto()
    THANKS = auto()


_MOST_WORDS = 14
_EMOJI = re.compile(r":[a-z0-9_+'-]+:")

_YOU = r"(there|again|all|everyone|everybody|team|bot|housevoice|assistant)"
_GREETING = rf"(hello|hi|hey|hiya|howdy|greetings|good (morning|afternoon|evening|day))( {_YOU})*"
_ABOUT_US = (
    r"(who|what) are you|what do you do|what can you do( for (me|us))?"
    r"|what can you help( (me|us))?( with)?|what can i ask( you)?( about)?"
    r"|how (can|do) you help( (me|us))?|(please )?help( me)?( please)?"
)
_OPENING = re.compile(
    rf"{_GREETING}|({_GREETING} )?({_ABOUT_US})(( and)? ({_ABOUT_US}))?( please)?"
)

_PRAISE = r"(ok|okay|great|perfect|super|nice|cool|good|wonderful|lovely|excellent|brilliant|yes)"
_THANKS = (
    r"(thanks|thank you|thx|many thanks|cheers)"
    rf"( (a lot|so much|very much|{_YOU}|for ((your|the) (help|answer)|that|this|helping)))*"
)
_HELPED = (
    r"(that|this|it|you) ((really )?(helped|helps|worked|works)( me)?( a lot)?"
    r"|(was|is) (very |really |so )?(helpful|useful|great|perfect))"
)
_THANKING = re.compile(rf"({_PRAISE} )*({_THANKS}( {_HELPED})?|{_HELPED}( {_THANKS})?)")


def small_talk(text: str) -> SmallTalk | None:
    """Return what kind of small talk a whole message is; None if it may ask something."""
    words = re.findall(r"[\w']+", _EMOJI.sub(" ", text.casefold()))
    if len(words) > _MOST_WORDS:
        return None
    said = " ".join(words)
    if _OPENING.fullmatch(said):
        return SmallTalk.OPENING
    return SmallTalk.THANKS if _THANKING.fullmatch(said) else None
