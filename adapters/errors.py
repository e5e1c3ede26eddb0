"""Errors of the adapters library.

AdaptersError
├── ModelError
│   ├── ModelCorruptError       folder, file
│   ├── ModelUnreadableError    folder, problem
│   ├── ConversionError         source, problem
│   ├── GenerationError         problem
│   ├── WrongThreadError
│   ├── AdapterRejectedError    adapter, problem
│   ├── AdapterNotLoadedError   adapter, problem
│   ├── WrongVoiceError         adapter
│   └── ResponderUnavailableError  server, problem
├── TrainingError
│   ├── TemplateNotPrefixStableError
│   ├── DatasetError            path, problem
│   ├── RowTooLongError         row_id, tokens, limit, rows
│   ├── TooFewRowsError         method, what, rows, least
│   └── TrainingFailedError     problem
├── RegistryError
│   ├── RegistryBrokenError     path, problem
│   └── NotPromotedError        adapter, objections
├── VoiceError                  path, problem
├── DomainsError                path, problem
├── UnknownAnswerError          answer_id
├── ExportError
│   ├── ExportUnsafeError       row_id
│   └── ExportUnreadableError   path, problem
└── ReviewError                 correction_id
    ├── UnknownCorrectionError
    ├── UnknownNominationError
    ├── InvolvedReviewerError
    ├── OwnCorrectionError
    └── AlreadyReviewedError    state, reviewer
"""


class AdaptersError(Exception):
    """Root of all errors of this package."""


class ModelError(AdaptersError):
    """A model cannot be loaded."""


class ModelCorruptError(ModelError):
    """A model file is not the one that was recorded."""

    def __init__(self, folder: str, file: str, remedy: str = "") -> None:
        self.folder = folder
        self.file = file
        remedy = remedy or f"delete {folder} and run `housevoice models --fetch`"
        super().__init__(f"{file} in {folder} is not the file that was recorded: {remedy}")


class ConversionError(ModelError):
    """A GGUF file could not be converted."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        self.problem = problem
        super().__init__(f"{source} could not be converted: {problem}")


class ModelUnreadableError(ModelError):
    """A folder does not hold a model that can be loaded."""

    def __init__(self, folder: str, problem: str) -> None:
        self.folder = folder
        self.problem = problem
        super().__init__(f"the model in {folder} cannot be loaded: {problem}")


class GenerationError(ModelError):
    """The model failed while it was writing."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the model failed while it was writing: {problem}")


class WrongThreadError(ModelError):
    """A second thread used a model that belongs to the first."""

    def __init__(self) -> None:
        super().__init__("a local model belongs to the thread that used it first")


class AdapterRejectedError(ModelError):
    """An adapter is not what it must be, and is neither promoted nor loaded."""

    def __init__(self, adapter: str, problem: str) -> None:
        self.adapter = adapter
        self.problem = problem
        super().__init__(f"the adapter {adapter} is refused: {problem}")


class AdapterNotLoadedError(ModelError):
    """An adapter was asked to speak that is not in memory; the base never speaks for it."""

    def __init__(self, adapter: str, problem: str = "") -> None:
        self.adapter = adapter
        self.problem = problem
        why = f": {problem}" if problem else ""
        super().__init__(f"the adapter {adapter} is not loaded{why}")


class WrongVoiceError(ModelError):
    """A model did not speak with the adapter that it was told to; what it said is not used."""

    def __init__(self, adapter: str) -> None:
        self.adapter = adapter
        super().__init__(f"the model does not speak as {adapter or 'the base'}")


class ResponderUnavailableError(ModelError):
    """A model server does not answer, or not in time, or not what it should."""

    def __init__(self, server: str, problem: str) -> None:
        self.server = server
        self.problem = problem
        super().__init__(f"the model server {server} does not answer: {problem}")


class TrainingError(AdaptersError):
    """An adapter cannot be trained."""


class TemplateNotPrefixStableError(TrainingError):
    """A chat template writes a prompt differently once its answer stands below it."""

    def __init__(self) -> None:
        super().__init__("the chat template of the base changes a prompt when an answer follows")


class DatasetError(TrainingError):
    """A data set cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class RowTooLongError(TrainingError):
    """Rows do not fit; none is cut or left out in silence."""

    def __init__(self, row_id: str, tokens: int, limit: int, rows: int) -> None:
        self.row_id = row_id
        self.tokens = tokens
        self.limit = limit
        self.rows = rows
        super().__init__(f"{rows} rows are longer than {limit} tokens: {row_id} has {tokens}")


class TooFewRowsError(TrainingError):
    """There is not enough for a method to learn from."""

    def __init__(self, method: str, what: str, rows: int, least: int) -> None:
        self.method = method
        self.what = what
        self.rows = rows
        self.least = least
        super().__init__(f"{method} needs at least {least} {what}, and there are {rows}")


class ParentUnfitError(TrainingError):
    """A training does not go on from a version whose rows would be heard elsewhere."""

    def __init__(self, version: str, problem: str) -> None:
        self.version = version
        self.problem = problem
        super().__init__(f"{version} is no parent for this: {problem}")


class TrainingFailedError(TrainingError):
    """A training ended without an adapter."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the training failed: {problem}")


class RegistryError(AdaptersError):
    """The registry of adapters does not do what it is asked for."""


class RegistryBrokenError(RegistryError):
    """The registry is not as it was written."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path} is not whole: {problem}")


class NotPromotedError(RegistryError):
    """A version is not put in service, and what speaks goes on."""

    def __init__(self, adapter: str, objections: tuple[str, ...]) -> None:
        self.adapter = adapter
        self.objections = objections
        super().__init__(f"{adapter} is not put in service: {'; '.join(objections)}")


class VoiceError(AdaptersError):
    """A written voice cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class DomainsError(AdaptersError):
    """The file that says which questions belong to which domain cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class UnknownAnswerError(AdaptersError):
    """There is no answer with this id."""

    def __init__(self, answer_id: str) -> None:
        self.answer_id = answer_id
        super().__init__(f"there is no answer {answer_id}")


class ExportError(AdaptersError):
    """A data set cannot be written or read."""


class ExportUnsafeError(ExportError):
    """What was written holds a secret after all, so none of it was kept."""

    def __init__(self, row_id: str) -> None:
        self.row_id = row_id
        super().__init__(f"row {row_id} still holds a secret, so nothing was written")


class ExportUnreadableError(ExportError):
    """A data set has no manifest that can be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class ReviewError(AdaptersError):
    """A correction cannot be approved or rejected."""

    def __init__(self, correction_id: str, problem: str) -> None:
        self.correction_id = correction_id
        super().__init__(problem)


class UnknownCorrectionError(ReviewError):
    """There is no correction of this name, or its author has changed it."""

    def __init__(self, correction_id: str) -> None:
        super().__init__(correction_id, f"there is no correction {correction_id}, or not any more")


class UnknownNominationError(ReviewError):
    """No answer of this name waits for a review."""

    def __init__(self, nomination_id: str) -> None:
        super().__init__(nomination_id, f"no answer {nomination_id} waits for a review")


class InvolvedReviewerError(ReviewError):
    """Nobody reviews an answer that they asked for, voted on, or would put in other words."""

    def __init__(self, nomination_id: str) -> None:
        super().__init__(
            nomination_id,
            f"who asked for {nomination_id}, has voted on it or corrected it may not review it",
        )


class OwnCorrectionError(ReviewError):
    """Nobody reviews what they have written themselves."""

    def __init__(self, correction_id: str) -> None:
        super().__init__(correction_id, f"the author of {correction_id} may not review it")


class AlreadyReviewedError(ReviewError):
    """A correction is reviewed once."""

    def __init__(self, correction_id: str, state: str, reviewer: str) -> None:
        self.state = state
        self.reviewer = reviewer
        super().__init__(correction_id, f"{correction_id} was {state} by {reviewer} already")
