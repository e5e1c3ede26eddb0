"""What to do about an error, in one sentence; the error itself says what happened."""

from adapters.errors import (
    AdapterRejectedError,
    AdaptersError,
    DomainsError,
    ExportUnreadableError,
    ExportUnsafeError,
    InvolvedReviewerError,
    ModelError,
    NotPromotedError,
    OwnCorrectionError,
    RegistryBrokenError,
    ResponderUnavailableError,
    ReviewError,
    TrainingError,
    UnknownAnswerError,
    UnknownNominationError,
    VoiceError,
)
from bot.errors import (
    ApprovalChangedError,
    BotError,
    CandidateError,
    EndpointError,
    ExportNotApprovedError,
    ExtraMissingError,
    LogBrokenError,
    ModelMissingError,
    NoRolloutError,
    NothingToExportError,
    NotReplayableError,
    PortTakenError,
    QuestionGivenUpError,
    QueueFullError,
    ResultsFileError,
    RolloutOpenError,
    SettingsError,
    SlackCallError,
    SlackSetupError,
    StoreDownError,
    TextsForgottenError,
    UnfitAnswerError,
    UserInputError,
)
from knowledge.errors import (
    AccessError,
    AccessRulesError,
    FilterBrokenError,
    GoldenSetError,
    KnowledgeError,
    ParseError,
    SourceError,
    StoredIndexError,
)

_REMEDIES: dict[type[Exception], str] = {
    AccessError: "Use role names of access.yaml: a-z, 0-9, - and _, at most 64 characters.",
    AccessRulesError: "Correct the file and run the command again.",
    SourceError: "Correct the source in access.yaml, or the folder it names.",
    ParseError: "Repair or remove the file and run `housevoice index` again.",
    FilterBrokenError: "Stop the bot, run `housevoice index --rebuild`, and report this.",
    StoredIndexError: "Run `housevoice doctor` to see the state of the index.",
    GoldenSetError: "docs/golden.md describes the form, with examples.",
    ModelError: "Run `housevoice models` to see what is there.",
    ModelMissingError: "Run `housevoice models` to see what is there.",
    AdapterRejectedError: "Run `housevoice adapters list` to see what is kept and what is whole.",
    RegistryBrokenError: "docs/adapters.md says how to find out what was changed, and by whom.",
    NotPromotedError: "Run `housevoice adapters show VERSION` to see all that its gates found.",
    TrainingError: "docs/training.md says what a training needs, and what can be set.",
    VoiceError: "Correct the file that HOUSEVOICE_MODEL__VOICE names.",
    DomainsError: "Correct the file that HOUSEVOICE_MODEL__DOMAINS names; see docs/voices.md.",
    ResponderUnavailableError: "Start it, or correct HOUSEVOICE_MODEL__SERVER_URL.",
    ReviewError: "Run `housevoice corrections list` to see what waits for a review.",
    OwnCorrectionError: "Ask another of HOUSEVOICE_SLACK__ADMINS to look at it.",
    InvolvedReviewerError: "Ask another of HOUSEVOICE_SLACK__ADMINS to look at it.",
    UnknownNominationError: "Run `housevoice export candidates` to see what waits.",
    ExportUnsafeError: "Report this: a rule that should have found it first did not.",
    ExportUnreadableError: "Move the folder away; `housevoice export` can write it again.",
    UnknownAnswerError: "The id stands in the log line of the answer, as answer_id.",
    StoreDownError: "Look at HOUSEVOICE_DATABASE_URL, or at the data folder and its disk.",
    SettingsError: "Every setting is described in .env.example.",
    EndpointError: "Set HOUSEVOICE_MONITORING__PORT to a free port, or to 0 to serve no figures.",
    ExtraMissingError: "Install them, or leave the setting empty.",
    PortTakenError: "Choose another one with --port.",
    SlackSetupError: "Run `housevoice doctor`: it says what is missing and where to get it.",
    SlackCallError: "Run `housevoice doctor`: it says whether Slack is reached and grants this.",
    QueueFullError: "Try again in a minute.",
    QuestionGivenUpError: "Look at the log lines of its question for what failed each time.",
    UnfitAnswerError: "docs/golden.md says which answers make a case.",
    LogBrokenError: "Keep a copy of the database, and compare it with the last backup.",
    ResultsFileError: "Make the file anew with this version of `housevoice evaluate`.",
    TextsForgottenError: "Its trace is there; HOUSEVOICE_RETENTION__TEXTS_DAYS sets the limit.",
    NotReplayableError: "Compare it with the present instead: `housevoice replay ID --arm live`.",
    CandidateError: "Set what it needs, or try other settings: .env.example has them all.",
    RolloutOpenError: "End it with `housevoice rollout stop` or `housevoice rollout promote`.",
    ExportNotApprovedError: "Read what docs/exports.md says, then `housevoice export approve`.",
    ApprovalChangedError: "Run `housevoice export show` to see by whom, then export again.",
    NothingToExportError: "docs/exports.md says what an example needs.",
    NoRolloutError: "Begin with `housevoice rollout start`.",
    UserInputError: "Add --help to the command to see what it takes.",
}


def sentence(error: Exception) -> str:
    """Say what happened. A stranger to us is named by its kind; its text may quote documents."""
    if isinstance(error, BotError | KnowledgeError | AdaptersError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"something unexpected went wrong ({type(error).__name__})"


def remedy(error: Exception) -> str:
    """Say what to do; empty where the sentence says it already, with a command in backticks."""
    if "`" in sentence(error):
        return ""
    for kind in type(error).__mro__:
        if kind in _REMEDIES:
            return _REMEDIES[kind]
    return "Run it again as `housevoice --debug ...` for the details, and report them."
