"""A base model as it lies in a folder: its weights, the tokens that end a text, its precision.

Knows neither adapters nor who uses it.
"""

from pathlib import Path
from typing import Any

from adapters.errors import ModelUnreadableError
from adapters.tokens import LOCAL


def load_base(folder: Path, dtype: Any) -> Any:
    """Load the weights of a base model; never looked up elsewhere.

    Raises:
        ModelUnreadableError: If the folder does not hold a model.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from transformers import AutoModelForCausalLM  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, **LOCAL
        )
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
        raise ModelUnreadableError(str(folder), type(error).__name__) from error
    return model.eval()


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """List the tokens with which a text may end; a model may have several."""
    named = model.generation_config.eos_token_id
    several = named if isinstance(named, list) else [named]
    return frozenset({*several, tokenizer.eos_token_id} - {None})


def computes_bfloat16() -> bool:
    """Tell whether this CPU computes with bfloat16 itself."""
    # Where the CPU only emulates it, bfloat16 is slower than float32.
    import torch  # noqa: PLC0415

    able = torch.cpu.get_capabilities()
    return any(able[name] is True for name in able if name.endswith("bf16"))
