"""Errors of the bot, and the sentence a person sees for each.

BotError
├── QueueFullError          capacity
├── StoreDownError
├── QuestionGivenUpError
├── ModelMissingError       what, remedy
├── TextsForgottenError     answer_id
├── LogBrokenError          broken_at, problem
├── SettingsError           problem
├── SlackSetupError         problem
├── PortTakenError          port
├── EndpointError           host, port, problem
├── ExtraMissingError       extra, setting
├── SlackCallError          method, code
│   ├── SlackRefusedError   Slack said no: the call had no effect
│   └── SlackUncertainError it may or may not have had one
├── UnfitAnswerError        answer_id, problem
├── ResultsFileError        path, problem
├── NotReplayableError      answer_id, problem
├── CandidateError          name, problem
├── RolloutOpenError        name
├── NoRolloutError
├── ExportNotApprovedError  team
├── ApprovalChangedError    team
├── NothingToExportError    dropped
└── UserInputError          problem
"""

from collections.abc import Mapping

from adapters.errors import ModelError, VoiceError
from knowledge.errors import FilterBrokenError, IndexBusyError, SourceError, StoredIndexError


class BotError(Exception):
    """Root of all errors of this package."""


class QueueFullError(BotError):
    """More questions are waiting than the worker accepts."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        super().__init__(f"{capacity} jobs are already waiting")


class StoreDownError(BotError):
    """The database did not take a write."""

    def __init__(self) -> None:
        super().__init__("the database did not take a write")


class QuestionGivenUpError(BotError):
    """A question was begun several times and never finished."""

    def __init__(self) -> None:
        super().__init__("begun several times and never finished")


class ModelMissingError(BotError):
    """A model that the settings name is not on this machine."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what} is not on this machine: {remedy}")


class TextsForgottenError(BotError):
    """The texts of an answer are not kept any more; its ids and figures are."""

    def __init__(self, answer_id: str) -> None:
        self.answer_id = answer_id
        super().__init__(f"the texts of answer {answer_id} are forgotten")


class LogBrokenError(BotError):
    """The decision log is not as it was written."""

    def __init__(self, broken_at: int | None, problem: str) -> None:
        self.broken_at = broken_at
        self.problem = problem
        super().__init__(f"the decision log is not whole: {problem}")


class SettingsError(BotError):
    """The settings cannot be used."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class SlackSetupError(BotError):
    """The Slack app is not set up as the bot needs it."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


class PortTakenError(BotError):
    """Something else listens where the demo's page should be."""

    def __init__(self, port: int) -> None:
        self.port = port
        other = f"`make demo PORT={port + 1}` or `housevoice demo --port {port + 1}`"
        super().__init__(f"port {port} is taken: {other}")


class EndpointError(BotError):
    """The figures cannot be served where the settings say."""

    def __init__(self, host: str, port: int, problem: str) -> None:
        self.host = host
        self.port = port
        self.problem = problem
        super().__init__(f"/metrics cannot be served at {host}, port {port}: {problem}")


class ExtraMissingError(BotError):
    """A setting asks for packages that are not installed."""

    def __init__(self, extra: str, setting: str) -> None:
        self.extra = extra
        self.setting = setting
        super().__init__(f"{setting} needs more packages: `pip install 'housevoice[{extra}]'`")


class SlackCallError(BotError):
    """A call to Slack did not do what it should."""

    def __init__(self, method: str, code: str) -> None:
        self.method = method
        self.code = code
        super().__init__(f"{method}: {code}")


class SlackRefusedError(SlackCallError):
    """Slack said no, and would say so again: the call had no effect."""


class SlackUncertainError(SlackCallError):
    """The call may or may not have had an effect; it is worth another try later.

    Attributes:
        retry_after_s: How long Slack asks to wait; 0 where it does not say.
    """

    def __init__(self, method: str, code: str, retry_after_s: float = 0.0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(method, code)


class UnfitAnswerError(BotError):
    """An answer of the log makes no golden case as it is."""

    def __init__(self, answer_id: str, problem: str) -> None:
        self.answer_id = answer_id
        self.problem = problem
        super().__init__(f"answer {answer_id} makes no golden case: {problem}")


class ResultsFileError(BotError):
    """A file of an evaluation or a baseline cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class NotReplayableError(BotError):
    """An answer of the log cannot be made again."""

    def __init__(self, answer_id: str, problem: str) -> None:
        self.answer_id = answer_id
        self.problem = problem
        super().__init__(f"{answer_id} cannot be made again: {problem}")


class CandidateError(BotError):
    """A candidate cannot be tried."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self.problem = problem
        super().__init__(f"{name} cannot be tried: {problem}")


class RolloutOpenError(BotError):
    """Another candidate is on trial."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name} is on trial, and there is one at a time")


class NoRolloutError(BotError):
    """No candidate is on trial."""

    def __init__(self) -> None:
        super().__init__("no candidate is on trial")


class ExportNotApprovedError(BotError):
    """Nobody has allowed what people said in a workspace to be used for training."""

    def __init__(self, team: str) -> None:
        self.team = team
        super().__init__(f"nobody has approved of exporting from the workspace {team}")


class ApprovalChangedError(BotError):
    """What may be exported from a workspace was decided anew while it was being exported."""

    def __init__(self, team: str) -> None:
        self.team = team
        super().__init__(
            f"what may be exported from the workspace {team} has changed; nothing was written"
        )


class NothingToExportError(BotError):
    """Nothing may become an example as things are.

    Attributes:
        dropped: Why, by count.
    """

    def __init__(self, dropped: Mapping[str, int]) -> None:
        self.dropped = dropped
        told = ", ".join(f"{n} {why}" for why, n in dropped.items()) or "nobody has voted"
        super().__init__(f"nothing may become an example: {told}")


class UserInputError(BotError):
    """What a person typed at the command line cannot be used."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


_NO_VOICE = "My voice is not available just now. Please tell my keepers."
_SENTENCES: dict[type[Exception], str] = {
    QueueFullError: "I am answering others just now. Please ask again in a minute.",
    StoreDownError: "I could not write that down. Please try again in a minute.",
    IndexBusyError: "A reindex is already running. Please wait until it has ended.",
    SourceError: "There is no source of that name in access.yaml, or it cannot be read.",
    FilterBrokenError: "I have stopped answering until my keepers have looked at something.",
    StoredIndexError: "My library is not available just now. Please ask again shortly.",
    ModelError: _NO_VOICE,
    VoiceError: _NO_VOICE,
    ModelMissingError: "A model of mine is not installed. Please tell my keepers.",
    ExportNotApprovedError: "Nobody has approved of exports from this workspace.",
    ApprovalChangedError: "The approval changed meanwhile, so I wrote nothing. Please ask again.",
    NothingToExportError: "Nothing may become an example yet. `housevoice export` says why.",
    ExtraMissingError: "Packages that I need for that are not installed.",
}


def explain(error: Exception, trace_id: str) -> str:
    """Return what to tell the person; never the text of the exception itself."""
    for kind in type(error).__mro__:
        if kind in _SENTENCES:
            return _SENTENCES[kind]
    return f"Something went wrong on my side. Please quote {trace_id} to my keepers."
