"""Errors of the adapters library.

AdaptersError
├── ModelError
│   ├── ModelCorruptError       folder, file
│   ├── ModelUnreadableError    folder, problem
│   ├── ConversionError         source, problem
│   ├── GenerationError         problem
│   ├── WrongThreadError
│   ├── AdapterRejectedError    adapter, problem
│   └── AdapterNotLoadedError   adapter
├── VoiceError                  path, problem
├── UnknownAnswerError          answer_id
└── ReviewError                 correction_id
    ├── UnknownCorrectionError
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

    def __init__(self, adapter: str) -> None:
        self.adapter = adapter
        super().__init__(f"the adapter {adapter} is not loaded")


class VoiceError(AdaptersError):
    """A written voice cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class UnknownAnswerError(AdaptersError):
    """There is no answer with this id."""

    def __init__(self, answer_id: str) -> None:
        self.answer_id = answer_id
        super().__init__(f"there is no answer {answer_id}")


class ReviewError(AdaptersError):
    """A correction cannot be approved or rejected."""

    def __init__(self, correction_id: str, problem: str) -> None:
        self.correction_id = correction_id
        super().__init__(problem)


class UnknownCorrectionError(ReviewError):
    """There is no correction of this name, or its author has changed it."""

    def __init__(self, correction_id: str) -> None:
        super().__init__(correction_id, f"there is no correction {correction_id}, or not any more")


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
