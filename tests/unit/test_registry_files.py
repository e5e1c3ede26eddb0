"""What may be kept as an adapter, and that one changed byte of it is noticed."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save
from trained_adapters import config, flip, trained, weights, yes

from adapters.errors import AdapterRejectedError
from adapters.manifests import CONFIG, MANIFEST, WEIGHTS, AdapterRef
from adapters.registry import Registry, State

YES = yes()
THREE = {WEIGHTS, CONFIG, MANIFEST}


def test_a_version_is_kept_under_the_name_of_its_manifest(
    root: Path, registry: Registry, tmp_path: Path
) -> None:
    """Three files, whose bytes and name follow from the manifest; the rest of training stays."""
    manifest = trained(tmp_path / "out", files={"result.json": b"{}", "adapter_model.bin": b"x"})
    manifest = manifest.model_copy(
        update={"files": {name: manifest.files[name] for name in (WEIGHTS, CONFIG)}}
    )

    ref = registry.register(tmp_path / "out", manifest)

    assert ref.folder == root / "adapters" / "default" / manifest.version
    assert {path.name for path in ref.folder.iterdir()} == THREE
    assert (ref.folder / MANIFEST).read_bytes() == manifest.canonical
    assert sha256(manifest.canonical).hexdigest().startswith(ref.version)
    assert (ref.folder / WEIGHTS).read_bytes() == weights(1)
    assert registry.ref("default", ref.version) == ref
    assert [path.name for path in ref.folder.parent.iterdir()] == [ref.version]


def test_registering_twice_is_registering_once(
    registry: Registry, first: AdapterRef, tmp_path: Path
) -> None:
    """The same training gives the same version, and its folder is not written again."""
    before = (first.folder / WEIGHTS).stat().st_mtime_ns

    again = registry.register(tmp_path / "one", first.manifest)

    assert again == first
    assert (first.folder / WEIGHTS).stat().st_mtime_ns == before
    assert len(registry.versions()) == 1


def test_a_folder_that_was_half_written_is_written_anew(
    root: Path, registry: Registry, tmp_path: Path
) -> None:
    """What a killed process left beside does not pass for a version, nor stand in the way."""
    manifest = trained(tmp_path / "one")
    half = root / "adapters" / "default" / f".{manifest.version}.new"
    half.mkdir(parents=True)
    (half / "adapter_model.bin").write_bytes(b"half")

    assert registry.versions() == []
    ref = registry.register(tmp_path / "one", manifest)

    assert {path.name for path in ref.folder.iterdir()} == THREE
    assert not half.exists()


@pytest.mark.parametrize("file", [WEIGHTS, CONFIG])
def test_what_was_not_trained_so_is_not_registered(
    registry: Registry, tmp_path: Path, file: str
) -> None:
    """One bit of difference from the manifest, and nothing is kept."""
    manifest = trained(tmp_path / "one")
    flip(tmp_path / "one" / file)

    with pytest.raises(AdapterRejectedError, match="is not the one of its manifest"):
        registry.register(tmp_path / "one", manifest)

    assert registry.versions() == []


@pytest.mark.parametrize("file", sorted(THREE))
def test_a_changed_byte_is_refused(registry: Registry, first: AdapterRef, file: str) -> None:
    """Neither loaded nor promoted: one bit of weights, config or manifest."""
    flip(first.folder / file, at=20)

    with pytest.raises(AdapterRejectedError):
        registry.ref("default", first.version)
    with pytest.raises(AdapterRejectedError):
        registry.promote("default", first.version, YES)

    assert registry.state() == State(0, {})
    assert registry.decisions() == []


def test_the_same_manifest_in_other_words_is_refused(registry: Registry, first: AdapterRef) -> None:
    """A manifest has one spelling, so that its hash is its name."""
    tree = json.loads((first.folder / MANIFEST).read_bytes())
    (first.folder / MANIFEST).write_text(json.dumps(tree, indent=2))

    with pytest.raises(AdapterRejectedError, match="its manifest was changed"):
        registry.ref("default", first.version)


def test_another_adapter_under_the_same_name_is_refused(
    registry: Registry, first: AdapterRef, second: AdapterRef
) -> None:
    """All three files fit each other, and not the folder that they were moved to."""
    for file in THREE:
        (first.folder / file).write_bytes((second.folder / file).read_bytes())

    with pytest.raises(AdapterRejectedError, match="its manifest was changed"):
        registry.promote("default", first.version, YES)


@pytest.mark.parametrize("planted", ["adapter_model.bin", "training_args.bin", ".hidden", "sub"])
def test_a_file_beside_is_refused(registry: Registry, first: AdapterRef, planted: str) -> None:
    """What peft would fall back to, or somebody left there, keeps the version from loading."""
    if planted == "sub":
        (first.folder / planted).mkdir()
    else:
        (first.folder / planted).write_bytes(b"cos\nsystem\n")

    with pytest.raises(AdapterRejectedError, match="lies beside its files"):
        registry.ref("default", first.version)
    with pytest.raises(AdapterRejectedError, match="lies beside its files"):
        registry.promote("default", first.version, YES)


def test_a_link_is_no_file(registry: Registry, first: AdapterRef, tmp_path: Path) -> None:
    """Weights that lie elsewhere could change after they were checked."""
    (first.folder / WEIGHTS).rename(tmp_path / "elsewhere")
    (first.folder / WEIGHTS).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(AdapterRejectedError, match="no plain file"):
        registry.ref("default", first.version)


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize(
    ("domain", "version"),
    [("default", "0" * 16), ("..", "0" * 16), ("default", "../../etc"), ("", ""), ("default", "")],
)
def test_a_name_that_is_none_leads_nowhere(registry: Registry, domain: str, version: str) -> None:
    """An unknown version is refused, and no name leads out of the registry."""
    with pytest.raises(AdapterRejectedError, match="there is none of that name"):
        registry.ref(domain, version)


WRONG_CONFIGS: list[dict[str, Any]] = [
    {"peft_type": "LOHA"},
    {"task_type": "SEQ_CLS"},
    {"task_type": ["CAUSAL_LM"]},
    {"base_model_name_or_path": "/home/ana/base"},
    {"bias": "all"},
    {"r": 65},
    {"r": True},
    {"lora_alpha": "8"},
    {"target_modules": ["lm_head"]},
    {"target_modules": "all-linear"},
    {"target_modules": ["q_proj", "k_proj"]},
    {"target_modules": []},
    {"init_lora_weights": "pissa"},
    {"use_dora": True},
    {"modules_to_save": ["lm_head"]},
    {"trainable_token_indices": [1]},
    {"auto_mapping": {"parent_library": "evil"}},
    {"megatron_core": "evil"},
    {"layer_replication": [[0, 2]]},
    {"a_feature_of_tomorrow": "on"},
]


@pytest.mark.parametrize("changed", WRONG_CONFIGS, ids=str)
def test_a_config_says_plain_lora_or_nothing(
    registry: Registry, tmp_path: Path, changed: dict[str, Any]
) -> None:
    """What alters the base, names code or is not known keeps an adapter out, by its name."""
    manifest = trained(tmp_path / "one", files={CONFIG: config(**changed)})

    with pytest.raises(
        AdapterRejectedError, match=f"its config may not say .*{next(iter(changed))}"
    ):
        registry.register(tmp_path / "one", manifest)


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"[" * 100_000], ids=["", "[]", "{", "deep"])
def test_a_config_that_is_none_is_refused(registry: Registry, tmp_path: Path, text: bytes) -> None:
    """A damaged config is a sentence, not a traceback."""
    manifest = trained(tmp_path / "one", files={CONFIG: text})

    with pytest.raises(AdapterRejectedError, match="its config is no JSON"):
        registry.register(tmp_path / "one", manifest)


HEAD = {"head.span.weight": np.ones((2, 8), np.float32)}
WRONG_WEIGHTS = {
    "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "cut": weights(1)[:-4],
    "a head": weights(1, **HEAD),
    "nothing": save({}),
}


@pytest.mark.parametrize("kind_of", WRONG_WEIGHTS)
def test_weights_are_lora_matrices_in_safetensors(
    registry: Registry, tmp_path: Path, kind_of: str
) -> None:
    """A pickle, a cut file, a whole layer and no layer at all are refused for a voice."""
    manifest = trained(tmp_path / "one", files={WEIGHTS: WRONG_WEIGHTS[kind_of]})

    with pytest.raises(AdapterRejectedError, match="its weights"):
        registry.register(tmp_path / "one", manifest)


@pytest.mark.parametrize("task", ["FEATURE_EXTRACTION", None])
def test_a_reader_brings_its_heads_along(
    registry: Registry, tmp_path: Path, task: str | None
) -> None:
    """What a reader adds to the encoder lies in the same file, under the same hash."""
    files = {
        WEIGHTS: weights(1, **HEAD),
        CONFIG: config(task_type=task, target_modules=["attention.output.dense", "query"]),
    }
    manifest = trained(tmp_path / "one", domain="reader", files=files)

    assert registry.register(tmp_path / "one", manifest).manifest.kind == "reader"


def test_a_voice_never_reads_and_a_reader_never_speaks(registry: Registry, tmp_path: Path) -> None:
    """The domain reader is for readers alone, and no other is for them."""
    voice = trained(tmp_path / "voice").model_copy(update={"domain": "reader"})
    files = {CONFIG: config(task_type=None, target_modules=["query"])}
    reader = trained(tmp_path / "reader", domain="reader", files=files)

    for folder, manifest in (
        ("voice", voice),
        ("reader", reader.model_copy(update={"domain": "default"})),
    ):
        with pytest.raises(AdapterRejectedError, match="cannot stand in the domain"):
            registry.register(tmp_path / folder, manifest)
