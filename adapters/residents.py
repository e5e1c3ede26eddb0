"""The LoRA adapters on one model in memory: loaded, checked, and one of them or none active.

The only file that speaks peft where questions are answered. Never merges, and never passes
``adapter_names``: an exception inside such a pass leaves hooks that make later passes speak as
somebody else, which `is_speaking` finds (peft#3475). Knows neither prompts nor threads.
"""

import hashlib
import warnings
from collections.abc import Iterator
from typing import Any

from adapters.errors import AdapterNotLoadedError, AdapterRejectedError
from adapters.manifests import CONFIG, WEIGHTS, AdapterRef

_KNOWN_WARNINGS = (
    ".*is_gradient_checkpointing",  # peft asks for what transformers calls otherwise by now
    "Found missing adapter keys",  # `_objection` looks at each key
)
_HOOKS = ("_forward_pre_hooks", "_forward_hooks")


class Residents:
    """Adapters that are loaded on a model; the model is changed in place and used as before.

    Args:
        model: A transformers model; it speaks as itself until told otherwise.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._peft: Any = None  # there while an adapter is
        self._was_attached = False
        self._modules = list[Any]()
        self._names = list[str]()
        self._look()

    def __contains__(self, name: str) -> bool:
        """Tell whether an adapter is loaded."""
        return name in self._names

    def load(self, ref: AdapterRef) -> None:
        """Load an adapter from its folder; it does not speak yet.

        Raises:
            AdapterRejectedError: If a file is not the one of its manifest, or what was loaded is
                not exactly what is in it. Then nothing of it stays.
        """
        from safetensors import SafetensorError  # noqa: PLC0415  # only with an adapter

        weights = _verified(ref)
        try:
            self._attach(ref)
            self._names.append(ref.name)
            problem = self._objection(ref.name, weights)
        except MemoryError:
            self._discard(ref.name)
            raise
        except (
            *(OSError, ValueError, TypeError, LookupError, RuntimeError),
            SafetensorError,
        ) as error:
            self._discard(ref.name)
            raise AdapterRejectedError(ref.name, type(error).__name__) from error
        self._look()
        if problem:
            self._discard(ref.name)
            raise AdapterRejectedError(ref.name, problem)

    def drop(self, name: str) -> None:
        """Let go of an adapter."""
        if name in self._names:
            self._discard(name)

    def speak_as(self, name: str | None) -> None:
        """Let an adapter speak from now on, or the model itself.

        Raises:
            AdapterNotLoadedError: If it is not loaded.
        """
        if name is not None and name not in self._names:
            raise AdapterNotLoadedError(name)
        is_merged = any(layer.merged for layer in self._layers)
        if self._peft is None or is_merged or self._are_set(name):
            return  # what is merged nobody takes apart again: `is_speaking` says so
        if name is None:
            self._peft.base_model.disable_adapter_layers()
        else:
            self._peft.base_model.enable_adapter_layers()
            self._peft.set_adapter(name, inference_mode=True)

    def is_speaking(self, name: str | None) -> bool:
        """Tell whether the next pass will be that speaker's: each layer says so, and no hook."""
        hooks = (getattr(module, kind) for module in self._modules for kind in _HOOKS)
        return self._are_set(name) and not any(hooks)

    def _are_set(self, name: str | None) -> bool:
        active = [] if name is None else [name]
        return all(
            layer.disable_adapters is (name is None)
            and not layer.merged
            and (name is None or layer.active_adapters == active)
            for layer in self._layers
        ) and (name is None or bool(self._layers))

    def _attach(self, ref: AdapterRef) -> None:
        from peft import LoraConfig, PeftModelForCausalLM  # noqa: PLC0415  # only with an adapter

        self._was_attached = True
        folder = str(ref.folder.absolute())  # a relative one could be looked up on the hub
        # The type of the base for all of it, or each product would be cast twice.
        how: dict[str, Any] = {"adapter_name": ref.name, "autocast_adapter_dtype": False}
        with warnings.catch_warnings():
            for known in _KNOWN_WARNINGS:
                warnings.filterwarnings("ignore", known)
            if self._peft is None:
                config = LoraConfig.from_pretrained(folder)
                config.inference_mode = True
                self._peft = PeftModelForCausalLM(self._model, config, **how)
            self._peft.load_adapter(folder, torch_device="cpu", **how)

    def _objection(self, name: str, weights: bytes) -> str:
        """Say why what was loaded is not exactly what is in a file; empty if it is.

        peft says nothing where names do not match: it leaves those layers as they were drawn.
        """
        import torch  # noqa: PLC0415  # takes a second
        from peft import get_peft_model_state_dict  # noqa: PLC0415
        from safetensors.torch import load  # noqa: PLC0415

        want = load(weights)
        have = get_peft_model_state_dict(self._peft, adapter_name=name, save_embedding_layers=False)
        if not all(one.isfinite().all() for one in want.values()):
            return "some of its weights are no numbers"
        is_exact = want.keys() == have.keys() and all(
            torch.equal(want[key].to(have[key].dtype), have[key]) for key in want
        )
        return "" if is_exact else "its weights are not those of the layers that they name"

    def _discard(self, name: str) -> None:
        self._names = [one for one in self._names if one != name]
        if self._peft is not None and self._names:
            if name in self._peft.peft_config:
                self._peft.set_adapter(self._names[0], inference_mode=True)
                self._peft.delete_adapter(name)
        elif self._peft is not None:
            self._peft.unload()  # the layers of the base stand where they stood
            self._peft = None
        self._look()

    def _look(self) -> None:
        self._modules = list(self._model.modules())
        self._layers = list(_lora_layers(self._modules)) if self._was_attached else []


def _lora_layers(modules: list[Any]) -> Iterator[Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer  # noqa: PLC0415  # only with an adapter

    return (module for module in modules if isinstance(module, BaseTunerLayer))


def _verified(ref: AdapterRef) -> bytes:
    """Return the weights, if they and the config are those of the manifest."""
    if ref.manifest.kind != "voice":
        raise AdapterRejectedError(ref.name, "it is no voice")
    found = {}
    for name in (CONFIG, WEIGHTS):
        try:
            found[name] = (ref.folder / name).read_bytes()
        except OSError as error:
            raise AdapterRejectedError(ref.name, f"{name} cannot be read") from error
        if hashlib.sha256(found[name]).hexdigest() != ref.manifest.files.get(name):
            raise AdapterRejectedError(ref.name, f"{name} is not the one of its manifest")
    return found[WEIGHTS]
