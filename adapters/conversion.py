"""GGUF weights to safetensors, once. Knows neither where models come from nor where they are kept.

Reading a GGUF without dequantising it gives a model that speaks but can be neither saved nor
trained; the reverse is slow to load. So the weights are dequantised once and kept.
"""

import struct
from pathlib import Path

from adapters.errors import ConversionError


def base_id(gguf: Path) -> str:
    """Name what a conversion yields: a lossy copy, not the official model.

    Returns:
        Such as ``smollm2-135m-instruct-q4_1-dequant``.
    """
    return f"{gguf.stem.lower().replace('.', '-')}-dequant"


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write a GGUF file's weights, tokenizer and chat template into a folder.

    The weights become bfloat16: half the size of float32, and its rounding is far below that of
    the 4-bit weights they come from. Reading them as float32 gives the same values.

    Raises:
        ConversionError: If the file is not a GGUF that transformers can read.
    """
    import torch  # noqa: PLC0415  # torch and its kin load when a model does
    from transformers import (  # noqa: PLC0415
        AutoModelForCausalLM,
        AutoTokenizer,
        GgufConfig,
    )

    source = {"gguf_file": gguf.name, "local_files_only": True}
    try:
        model = AutoModelForCausalLM.from_pretrained(
            gguf.parent,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            **source,
        )
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **source)
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except (OSError, ValueError, LookupError, RuntimeError, struct.error) as error:
        raise ConversionError(str(gguf), type(error).__name__) from error
