"""A tiny random Llama, adapters that make it say something else, and a registry of them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save
from trained_adapters import config, trained, yes

from adapters.decision_lines import Decision
from adapters.manifests import CONFIG, WEIGHTS, AdapterRef, Manifest
from adapters.registry import Registry
from adapters.responder import Message
from bot.model_files import weights_sha256

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
FIXED = (Message(role="system", content="Answer in one short sentence, with the same numbers."),)
PROMPT = (*FIXED, Message(role="user", content="How many days of leave do I have?"))
YES = yes()
BACK = Decision("U0CHIEF", "worse in a thread")

_SHAPES = {  # (out, in) of each linear layer
    "self_attn.q_proj": (64, 64),
    "self_attn.k_proj": (32, 64),
    "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.gate_proj": (128, 64),
    "mlp.up_proj": (128, 64),
    "mlp.down_proj": (64, 128),
}
_LAYERS, _RANK, _ALPHA = 2, 4, 8


def a_tokenizer() -> Any:
    """One token per byte, and the three that steer."""
    tokenizers = import_module("tokenizers")
    bytes_as_chars = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    numbers = {char: number for number, char in enumerate(bytes_as_chars, start=3)}
    tokens = tokenizers.Tokenizer(tokenizers.models.BPE(numbers, []))
    tokens.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = tokenizers.decoders.ByteLevel()
    tokens.add_special_tokens(list(SPECIAL))
    names = dict(zip(("unk_token", "bos_token", "eos_token"), SPECIAL, strict=True))
    return import_module("transformers").PreTrainedTokenizerFast(
        tokenizer_object=tokens, chat_template=TEMPLATE, **names
    )


def a_model() -> Any:
    """A Llama of 0.1 million random weights that never wants to stop."""
    transformers = import_module("transformers")
    import_module("torch").manual_seed(7)
    config = transformers.LlamaConfig(
        vocab_size=259,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=_LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        initializer_range=0.5,  # so large that each word read changes what is said
        bos_token_id=1,
        eos_token_id=2,
    )
    model = transformers.LlamaForCausalLM(config)
    model.model.embed_tokens.weight.data[config.eos_token_id] = 0
    return model


def save_base(folder: Path) -> Path:
    """Save the tiny model with its tokenizer."""
    a_model().save_pretrained(folder)
    a_tokenizer().save_pretrained(folder)
    return folder


def voice_weights(seed: int, *, scale: float = 0.3) -> dict[str, np.ndarray]:
    """Draw an adapter of all linear layers; with scale 0 it is what an untrained one is."""
    random = np.random.default_rng(seed)
    drawn = dict[str, np.ndarray]()
    for layer in range(_LAYERS):
        for name, (n_out, n_in) in _SHAPES.items():
            place = f"base_model.model.model.layers.{layer}.{name}"
            a, b = random.normal(size=(_RANK, n_in)), random.normal(size=(n_out, _RANK))
            drawn[f"{place}.lora_A.weight"] = (a * 0.3).astype(np.float32)
            drawn[f"{place}.lora_B.weight"] = (b * scale).astype(np.float32)
    return drawn


def merged(weights: dict[str, np.ndarray]) -> Any:
    """Return the tiny model with an adapter added to its weights, by hand: no peft."""
    torch, model = import_module("torch"), a_model()
    state = model.state_dict()
    for name in (one for one in weights if one.endswith("lora_A.weight")):
        place = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        b = weights[name.replace("lora_A", "lora_B")]
        state[f"{place}.weight"] += torch.tensor(b @ weights[name]) * (_ALPHA / _RANK)
    model.load_state_dict(state)
    return model.eval()


def a_voice(  # noqa: PLR0913  what a version differs in
    folder: Path,
    base: Path,
    seed: int,
    *,
    domain: str = "default",
    audience: Iterable[str] = ("everyone",),
    examples: int = 0,
    weights: dict[str, np.ndarray] | None = None,
) -> Manifest:
    """Leave an adapter of the tiny model in a folder, and return its manifest."""
    tensors = voice_weights(seed) if weights is None else weights
    targets = sorted({name.split(".")[-3] for name in tensors if name.endswith("lora_A.weight")})
    written = {
        WEIGHTS: save({name: np.ascontiguousarray(one) for name, one in tensors.items()}),
        CONFIG: config(r=_RANK, lora_alpha=_ALPHA, target_modules=targets, inference_mode=True),
    }
    manifest = trained(folder, seed, domain=domain, files=written)
    of_base = manifest.base.model_copy(update={"sha256": weights_sha256(base)})
    changed = {"base": of_base, "audience": tuple(audience), "examples": examples}
    return Manifest.model_validate(manifest.model_copy(update=changed).model_dump())


class Shelf:
    """A registry, and versions to put into it."""

    def __init__(self, root: Path, base: Path) -> None:
        self.root = root
        self.base = base
        self.registry = Registry(root / "adapters", lambda: datetime(2026, 11, 21, tzinfo=UTC))
        self._n = 0

    def add(self, seed: int, **how: Any) -> AdapterRef:
        """Register a version."""
        self._n += 1
        folder = self.root / f"trained-{self._n}"
        return self.registry.register(folder, a_voice(folder, self.base, seed, **how))

    def promote(self, ref: AdapterRef) -> AdapterRef:
        """Let it speak."""
        self.registry.promote(ref.domain, ref.version, YES)
        return ref
