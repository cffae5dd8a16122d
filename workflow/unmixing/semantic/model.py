"""The model: encoder, decoder and prior in one, its sizes, and its file.

The file is safetensors: nothing in it is run. Its header says what the model is (size, concepts, text encoder,
thresholds, recipe); beside it lies its SHA-256, without which it is not read.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from unmixing.errors import UnmixingError
from unmixing.semantic.decoder import Decoder, DecoderSize
from unmixing.semantic.encoder import Encoder, EncoderSize
from unmixing.semantic.prior import LARGEST_SCALE, MonotoneWeights, TokenWeights, soft_assignment
from unmixing.store import atomic_path, write_text

FORMAT = 2
MODELS_FOLDER = Path(__file__).parent / "data" / "models"


@dataclass(frozen=True)
class ModelSize:
    """Shape of all parts; ``weights`` of the L1 term are ``monotone`` or ``transformer``."""

    dimension: int
    encoder: EncoderSize
    decoder: DecoderSize
    weights: str


#: S trains in minutes on one core, L is of the published size (about 10 and 5 million), tiny is for tests.
SIZES = MappingProxyType(
    {
        "S": ModelSize(
            384,
            EncoderSize((64, 15, 6), ((128, 5, 1, 2), (128, 3, 1, 2)), False, "flatten", 256),
            DecoderSize(64, 3, 8),
            "monotone",
        ),
        "L": ModelSize(
            512,
            EncoderSize(
                (64, 7, 1), ((64, 5, 2, 2), (128, 5, 2, 2), (256, 5, 2, 2), (512, 7, 2, 2)), True, "mean_max", 1024
            ),
            DecoderSize(512, 4, 32),
            "transformer",
        ),
        "tiny": ModelSize(
            384, EncoderSize((16, 15, 10), ((16, 3, 1, 3),), False, "flatten", 32), DecoderSize(8, 2, 2), "monotone"
        ),
    }
)


@dataclass(frozen=True)
class ModelFacts:
    """What a model is beside its weights.

    Attributes:
        size: key of ``SIZES``.
        concepts: ids whose library mean it carries.
        trained: those of them that it was trained to tell apart.
        text_encoder: name of the encoder of its anchors.
        text_sha256: hash of that encoder's weights.
        label: name of its rows in tables.
        thresholds: ``similarity`` below which and ``angle`` (radians) above which it abstains.
        recipe: hash of what it was trained with.
        details: anything else that its card tells.
        estimator: what its recipe says of the fit of library spectra and of the prior beside it: ``ridge``,
            ``spectra``, ``bend``, ``sharpness``, ``trust_tilt`` and ``trust_divergence``.
    """

    size: str
    concepts: tuple[str, ...]
    trained: tuple[str, ...]
    text_encoder: str
    text_sha256: str
    label: str
    thresholds: dict[str, float] = field(default_factory=dict)
    recipe: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    estimator: dict[str, float] = field(default_factory=dict)


class UnmixingModel(nn.Module):
    """All learned parts, the means of the library, and spectra of its concepts to choose from."""

    means: Tensor
    centre: Tensor
    spectra: Tensor
    spectra_of: Tensor

    def __init__(self, facts: ModelFacts, means: Tensor, centre: Tensor) -> None:
        """Make all parts; ``build_model`` checks and draws them from a seed."""
        super().__init__()
        size = SIZES[facts.size]
        self.facts = facts
        self.encoder = Encoder(size.encoder, size.dimension)
        self.decoder = Decoder(size.decoder, size.dimension)
        self.weights: MonotoneWeights | TokenWeights = (
            MonotoneWeights() if size.weights == "monotone" else TokenWeights(size.dimension)
        )
        self.projection = nn.Linear(size.dimension, size.dimension, bias=False)
        nn.init.eye_(self.projection.weight)
        self.log_scale = nn.Parameter(torch.tensor(float(np.log(14.0))))
        self.log_tilt = nn.Parameter(torch.tensor(0.0))
        self.log_divergence = nn.Parameter(torch.tensor(0.0))
        self.register_buffer("means", means)
        self.register_buffer("centre", centre)
        self.register_buffer("spectra", torch.zeros(0, means.shape[1], dtype=torch.float16))
        self.register_buffer("spectra_of", torch.zeros(0, dtype=torch.int16))

    @property
    def scale(self) -> Tensor:
        """1 / t of the soft assignment."""
        return self.log_scale.exp().clamp(max=LARGEST_SCALE)

    def strength(self, prior: str) -> Tensor:
        """The learned weight l of a prior."""
        return (self.log_divergence if prior == "divergence" else self.log_tilt).exp()

    def centred(self, vectors: Tensor) -> Tensor:
        """Return text vectors (K, d) less what all have in common, of length one: what the decoder is told."""
        return functional.normalize(vectors - self.centre, dim=-1)

    def anchors(self, vectors: Tensor) -> Tensor:
        """Return text vectors (K, d) in the encoder's space, of length one."""
        return functional.normalize(self.projection(self.centred(vectors)), dim=-1)

    def assign(self, encoded: Tensor, anchors: Tensor, allowed: Tensor) -> tuple[Tensor, Tensor]:
        """Return similarities and soft assignment (N, K) of encoded pixels (N, d) and anchors (K, d)."""
        similarity = encoded @ anchors.T
        return similarity, soft_assignment(similarity, self.scale, allowed)


def build_model(facts: ModelFacts, means: npt.ArrayLike, centre: npt.ArrayLike, seed: int) -> UnmixingModel:
    """Make a model with initial weights from a seed; the state of torch's generator is left as it was.

    Args:
        facts: with the concepts in the order of the means.
        means: (C, grid) reflectance, NaN where unknown.
        centre: (d,) mean of the anchors.
        seed: of the weights.

    Raises:
        UnmixingError: the size is unknown, or arrays do not fit.
    """
    if facts.size not in SIZES:
        raise UnmixingError(f"model size {facts.size!r} is not known: choose from {', '.join(SIZES)}")
    spectra, middle = torch.as_tensor(np.asarray(means, np.float32)), torch.as_tensor(np.asarray(centre, np.float32))
    if len(spectra) != len(facts.concepts) or middle.shape != (SIZES[facts.size].dimension,):
        raise UnmixingError(
            f"model of size {facts.size}: {len(spectra)} means for {len(facts.concepts)} concepts, anchors of "
            f"{tuple(middle.shape)}: give one mean for each and anchors of {SIZES[facts.size].dimension} numbers"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = UnmixingModel(facts, spectra, middle)
    if isinstance(model.weights, MonotoneWeights):
        model.weights.reset(torch.Generator().manual_seed(seed))
    return model


def count_parameters(model: UnmixingModel) -> dict[str, int]:
    """Return the number of trained parameters of each part; ``estimator`` is all that decides the prior."""

    def count(*parts: nn.Module) -> int:
        return sum(parameter.numel() for part in parts for parameter in part.parameters())

    return {
        "encoder": count(model.encoder),
        "decoder": count(model.decoder),
        "projection": count(model.projection),
        "estimator": count(model.weights) + 3,
    }


def write_model(model: UnmixingModel, path: Path) -> str:
    """Write a model and, beside it, its hash.

    Args:
        model: any.
        path: ``.safetensors``; the hash goes to the same name with ``.sha256``.

    Returns:
        The SHA-256 of the file.
    """
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    header = {"format": FORMAT, **asdict(model.facts)}
    data = save(tensors, metadata={"unmixing": json.dumps(header, sort_keys=True)})
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    write_text(path.with_suffix(".sha256"), f"{digest}  {path.name}\n")
    return digest


def read_model(path: str | Path) -> UnmixingModel:
    """Read a model that ``write_model`` wrote.

    Raises:
        UnmixingError: a file is missing, is not what its hash says, or is of another format.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load

    path = Path(path)
    try:
        data = path.read_bytes()
        wanted = path.with_suffix(".sha256").read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError, UnicodeDecodeError):
        raise UnmixingError(
            f"{path}: no model with its .sha256 beside it: check the path, or train one with unmixing semantic_train"
        ) from None
    if hashlib.sha256(data).hexdigest() != wanted:
        raise UnmixingError(f"{path}: not what its .sha256 says: copy both files again")
    try:
        with safe_open(path, "pt") as handle:
            header = json.loads((handle.metadata() or {}).get("unmixing", "{}"))
        tensors = load(data)
    except (SafetensorError, ValueError) as fault:
        raise UnmixingError(f"{path}: no safetensors file ({' '.join(str(fault).split())}): copy it again") from None
    if header.pop("format", None) != FORMAT or header.get("size") not in SIZES:
        raise UnmixingError(f"{path}: no model of format {FORMAT}: train it again with this version")
    facts = ModelFacts(**{**header, "concepts": tuple(header["concepts"]), "trained": tuple(header["trained"])})
    try:
        model = build_model(facts, tensors["means"].numpy(), tensors["centre"].numpy(), 0)
        model.spectra, model.spectra_of = tensors["spectra"], tensors["spectra_of"]
        model.load_state_dict(tensors)
    except (RuntimeError, KeyError):
        raise UnmixingError(f"{path}: its tensors are not those of size {facts.size}: train it again") from None
    return model.eval().requires_grad_(False)


def load_default_model(name: str = "small") -> UnmixingModel:
    """Return the model that is shipped with the package."""
    return read_model(MODELS_FOLDER / f"{name}.safetensors")


def with_facts(model: UnmixingModel, **changes: Any) -> UnmixingModel:  # noqa: ANN401 -- fields of ModelFacts
    """Change what a model says of itself, in place, and return it."""
    model.facts = replace(model.facts, **changes)
    return model


def with_means(model: UnmixingModel, concepts: Sequence[str], means: npt.ArrayLike) -> UnmixingModel:
    """Add library means (C, grid) of further concepts, in place; those that the model has stay as they are."""
    new = [index for index, name in enumerate(concepts) if name not in model.facts.concepts]
    added = torch.as_tensor(np.asarray(means, np.float32)[new])
    model.means = torch.cat([model.means, added])
    return with_facts(model, concepts=(*model.facts.concepts, *(concepts[index] for index in new)))


def with_spectra(model: UnmixingModel, concepts: Sequence[str], spectra: npt.ArrayLike) -> UnmixingModel:
    """Give a model library spectra to choose from, in place, in the place of those that it has.

    Args:
        model: with a mean of each of the concepts.
        concepts: (n,) whose spectrum each is, without those of its members.
        spectra: (n, grid) reflectance, finite; kept to eleven bits.

    Raises:
        UnmixingError: the model carries no mean of a concept.
    """
    places = {name: index for index, name in enumerate(model.facts.concepts)}
    missing = sorted(set(concepts) - set(places))
    if missing:
        raise UnmixingError(f"the model carries no mean of {', '.join(missing)}: add it with with_means first")
    model.spectra = torch.as_tensor(np.asarray(spectra, np.float32)).to(torch.float16)
    model.spectra_of = torch.tensor([places[name] for name in concepts], dtype=torch.int16)
    return model


def mean_spectra(model: UnmixingModel, concepts: Sequence[str]) -> Tensor:
    """Return library means (K, grid) of concepts, NaN where unknown.

    Raises:
        UnmixingError: the model carries no mean of a concept.
    """
    places = {name: index for index, name in enumerate(model.facts.concepts)}
    for concept in concepts:
        if concept not in places:
            raise UnmixingError(f"the model carries no spectrum of {concept!r}: leave it out, or train with a library")
    return model.means[[places[concept] for concept in concepts]]
