"""Training: mixtures are drawn, asked about with drawn lists of prompts through drawn sensors, and solved.

Each batch has its own prompts and sensor. The first updates only tell materials apart (contrastive); later ones solve
for abundances with the solver that is used ever after, and the gradient of its optimum teaches encoder, weights and
decoder at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmixing.errors import UnmixingError
from unmixing.semantic import objectives
from unmixing.semantic.anchor_store import AnchorStore
from unmixing.semantic.anchors import concept_anchors, wording_vectors
from unmixing.semantic.appearances import Appearances
from unmixing.semantic.encoder import Placement, channels, place
from unmixing.semantic.estimator import Estimate, Prior
from unmixing.semantic.latents import MixtureRecipe
from unmixing.semantic.materials import Materials, Question, draw_question, draw_sensor, share_pool, spread_pool
from unmixing.semantic.mixtures import Mixtures, draw_mixtures
from unmixing.semantic.model import ModelFacts, UnmixingModel, build_model, with_spectra
from unmixing.semantic.recipe import TrainingRecipe, estimator_values, recipe_sha256
from unmixing.semantic.scene_library import fill_gaps
from unmixing.semantic.sensors import Sensor, response_matrix
from unmixing.semantic.solving import solve_pixels
from unmixing.semantic.sources import COMMON_GRID, COMMON_RESOLUTION_NM

#: Share of a band's response that must lie where all prompted means are known.
_KNOWN_SHARE = 0.9
_APPEARANCES = 48
_FEWEST_BANDS = 4
_TRIES = 50
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Batch:
    """Pixels through one sensor, asked about with one list of prompts.

    Attributes:
        pixels: (N, B) float32, zero where unknown.
        known: (N, B) bool.
        truth: (N, P) abundances by prompt.
        allowed: (N, P) bool: prompts that each pixel is asked about; all that are present among them.
        question: the prompts.
        response: (B, grid) of the sensor.
        placement: of its bands.
        mixtures: what the pixels were made of.
    """

    pixels: Tensor
    known: Tensor
    truth: Tensor
    allowed: Tensor
    question: Question
    response: Tensor
    placement: Placement
    mixtures: Mixtures


@dataclass(frozen=True)
class Texts:
    """Vectors of what the prompts are called.

    Attributes:
        anchors: (P, d) of the prompts, their mean wording.
        wordings: for each prompt (n, d) its wordings.
        owner: (T,) prompt of each wording, all of them one after another.
    """

    anchors: Tensor
    wordings: tuple[Tensor, ...]
    owner: Tensor


def gather_texts(store: AnchorStore, prompts: tuple[str, ...]) -> Texts:
    """Gather the training wordings of prompts; held-out wordings and aliases are not among them.

    Raises:
        UnmixingError: the store does not know a concept.
    """
    wordings = tuple(torch.as_tensor(np.array(wording_vectors(store, name))) for name in prompts)
    owner = torch.cat([torch.full((len(part),), index) for index, part in enumerate(wordings)])
    return Texts(torch.as_tensor(np.array(concept_anchors(store, prompts))), wordings, owner)


def draw_batch(
    materials: Materials,
    recipe: MixtureRecipe,
    count: int,
    rng: np.random.Generator,
    *,
    question: Question | None = None,
    sensor: Sensor | None = None,
) -> Batch:
    """Draw pixels, a sensor and prompts; what is given is not drawn.

    Half of a batch is asked about all prompts, each other pixel about what it holds and up to three more. A sensor
    that sees fewer than four bands of what is known of all prompts is drawn again.

    Raises:
        UnmixingError: the given sensor sees too few bands of the given prompts.
    """
    for _ in range(_TRIES):
        asked = question or draw_question(materials, rng)
        seen = sensor or draw_sensor(rng)
        response = response_matrix(seen, COMMON_GRID, COMMON_RESOLUTION_NM)
        # Bands that are unknown for one of the prompts are unknown to all: a band is masked, never guessed.
        covered = np.isfinite(materials.means[list(asked.prompts)]).all(axis=0) @ response.T >= _KNOWN_SHARE - 1e-9
        if int(covered.sum()) < _FEWEST_BANDS:
            continue
        mixtures = draw_mixtures(
            recipe, share_pool(materials.pool, asked.materials), seen, count, rng, with_endmembers=True
        )
        known = np.isfinite(mixtures.reflectance) & covered
        kept = known.sum(axis=1) >= _FEWEST_BANDS
        if int(kept.sum()) < 2:
            continue
        truth = np.zeros((count, len(asked.prompts)), np.float32)
        for column, owner in enumerate(asked.owner):
            truth[:, owner] += mixtures.abundances[:, column]
        allowed = np.ones(truth.shape, bool) if question is not None else _drawn_allowed(truth, rng)
        pixels = np.where(known, np.nan_to_num(mixtures.reflectance), 0.0)[kept]
        return Batch(
            pixels=torch.as_tensor(pixels.astype(np.float32)),
            known=torch.as_tensor(known[kept]),
            truth=torch.as_tensor(truth[kept]),
            allowed=torch.as_tensor(allowed[kept]),
            question=asked,
            response=torch.as_tensor(response, dtype=torch.float32),
            placement=place(seen.centres),
            mixtures=mixtures,
        )
    raise UnmixingError(
        f"no sensor sees {_FEWEST_BANDS} bands that are known for all prompts: give another sensor, or fewer prompts"
    )


def _drawn_allowed(truth: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which prompts each pixel is asked about: all that are present, and some or all of the others."""
    rank = np.where(truth > 0, -1.0, rng.random(truth.shape)).argsort(axis=1).argsort(axis=1)
    limit = (truth > 0).sum(axis=1) + rng.integers(0, 4, len(truth))
    # A single prompt would teach nothing.
    limit = np.where(rng.random(len(truth)) < 0.5, truth.shape[1], np.maximum(limit, 2))
    return np.asarray((truth > 0) | (rank < limit[:, None]), np.bool_)


def filled_means(means: npt.NDArray[np.float64] | Tensor) -> Tensor:
    """Return means (C, grid) float32 without gaps: straight lines across them, ends held; the gaps stay masked."""
    return torch.as_tensor(fill_gaps(torch.as_tensor(means).double().numpy()), dtype=torch.float32)


def through_sensor(spectra: Tensor, response: Tensor) -> Tensor:
    """Look at spectra (..., grid) through bands (B, grid) whose share within the grid is made up for."""
    return spectra @ (response / response.sum(1, keepdim=True).clamp_min(1e-6)).T


def solve_batch(
    model: UnmixingModel,
    batch: Batch,
    endmembers: Tensor | Appearances,
    vectors: Tensor,
    prior: Prior,
    encoded: Tensor | None = None,
) -> tuple[Estimate, Tensor]:
    """Estimate the abundances of a batch.

    Args:
        model: any.
        batch: N pixels, P prompts.
        endmembers: (P, B), or library spectra to choose from.
        vectors: (P, d) text vectors of the prompts.
        prior: see ``estimator``.
        encoded: (N, d) if the pixels are encoded already.

    Returns:
        The estimate, and the soft assignment (N, P).
    """
    if encoded is None:
        encoded = model.encoder(channels(batch.pixels, batch.known, batch.placement))
    solved = solve_pixels(
        model,
        batch.pixels,
        batch.known,
        batch.allowed,
        encoded,
        model.anchors(vectors),
        endmembers,
        prior=prior,
    )
    return solved.estimate, solved.assigned


def train_model(
    recipe: TrainingRecipe,
    materials: Materials,
    store: AnchorStore,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> UnmixingModel:
    """Train a model.

    Args:
        recipe: what decides the weights beside the data.
        materials: training spectra.
        store: anchors of all prompts; its encoder is recorded.
        progress: told the losses of each update.

    Returns:
        The model, in evaluation mode, with the means of the materials' prompts and spectra of the materials;
        thresholds are not set.

    Raises:
        UnmixingError: the store lacks a concept, or a loss is not finite.
    """
    texts = gather_texts(store, materials.prompts)
    facts = ModelFacts(
        size=recipe.size,
        concepts=materials.prompts,
        trained=materials.prompts,
        text_encoder=store.encoder,
        text_sha256=store.weights_sha256,
        label=store.label,
        recipe=recipe_sha256(recipe),
        estimator=estimator_values(recipe),
    )
    model = build_model(facts, materials.means, texts.anchors.mean(0).numpy(), recipe.seed).train()
    rng = np.random.default_rng(np.random.SeedSequence(recipe.seed, spawn_key=(1,)))
    generator = torch.Generator().manual_seed(recipe.seed)
    matrices = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    scalars = [parameter for parameter in model.parameters() if parameter.ndim == 0]
    optimiser = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": recipe.weight_decay},
            {"params": others, "weight_decay": 0.0},
            # Few numbers that decide much: at the others' pace they would hardly move.
            {"params": scalars, "weight_decay": 0.0, "lr": 5 * recipe.learning_rate},
        ],
        lr=recipe.learning_rate,
    )
    warm = max(recipe.steps // 20, 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min((step + 1) / warm, 0.5 * (1 + float(np.cos(np.pi * min(step / recipe.steps, 1.0))))),
    )
    means = filled_means(materials.means)
    for step in range(recipe.steps):
        batch = draw_batch(materials, recipe.mixtures, recipe.batch, rng)
        losses = _losses(model, batch, texts, means, recipe, step, rng, generator)
        total = torch.stack(list(losses.values())).sum()
        if not bool(torch.isfinite(total)):
            raise UnmixingError(f"training diverged at update {step}: lower learning_rate in the recipe")
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        torch.nn.utils.clip_grad_norm_(model.parameters(), _LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(step, {name: float(loss.detach()) for name, loss in losses.items()})
    with_spectra(model, *spread_pool(materials.pool))
    return model.eval().requires_grad_(False)


def _losses(
    model: UnmixingModel,
    batch: Batch,
    texts: Texts,
    means: Tensor,
    recipe: TrainingRecipe,
    step: int,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Weighted losses of one batch."""
    encoded = model.encoder(channels(batch.pixels, batch.known, batch.placement))
    numbers = list(batch.question.prompts)
    vectors = _drawn_wordings(texts, numbers, rng)
    place_of = torch.full((len(texts.wordings),), -1)
    place_of[numbers] = torch.arange(len(numbers))
    owner = place_of[texts.owner]
    own = torch.cat(list(texts.wordings))[owner >= 0]
    owner = owner[owner >= 0]
    truth = objectives.dominant(batch.truth) if recipe.positives == "dominant" else batch.truth
    shares = truth[:, owner] / torch.bincount(owner, minlength=len(numbers))[owner]
    losses = {"contrastive": objectives.contrastive(encoded, model.anchors(own), model.scale, shares)}
    centred = model.centred(vectors)
    library = means[numbers]
    spectra = model.decoder(centred, library)
    decoded = through_sensor(spectra, batch.response)
    # Where data do not ask for another spectrum the library's stands.
    losses["departure"] = 0.5 * (((spectra - library) / (library + 0.05)) ** 2).mean()
    if step >= recipe.contrastive_share * recipe.steps:
        prior: Prior = "divergence" if rng.random() < recipe.divergence_share else "tilt"
        result, assigned = solve_batch(model, batch, decoded, vectors, prior, encoded=encoded)
        losses["abundance"] = recipe.abundance_weight * objectives.abundance(result.abundances, batch.truth)
        losses["assignment"] = 0.5 * objectives.assignment(assigned, batch.truth)
        fitted = result.abundances.float() @ decoded
        losses["reconstruction"] = 0.2 * objectives.masked_angle(fitted, batch.pixels, batch.known).mean()
    losses |= _endmember_losses(model, batch, means, centred, decoded, encoded, generator)
    return losses


def _drawn_wordings(texts: Texts, numbers: list[int], rng: np.random.Generator) -> Tensor:
    """For each prompt its mean vector, or one of its wordings by an even chance."""
    rows = []
    for number in numbers:
        wordings = texts.wordings[number]
        pick = int(rng.integers(len(wordings)))
        rows.append(wordings[pick] if rng.random() < 0.5 else texts.anchors[number])
    return torch.stack(rows)


def _endmember_losses(
    model: UnmixingModel,
    batch: Batch,
    means: Tensor,
    centred: Tensor,
    decoded: Tensor,
    encoded: Tensor,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """How far decoded endmembers are from those that were mixed, without an appearance and with one."""
    latents, spectra = batch.mixtures.latents, batch.mixtures.endmembers
    if spectra is None or len(encoded) != len(latents.material):
        return {}
    pixel, slot = np.nonzero(latents.material >= 0)
    order = torch.randperm(len(pixel), generator=generator)
    pixel, slot = pixel[order.numpy()], slot[order.numpy()]
    prompt = torch.as_tensor(batch.question.owner[latents.material[pixel, slot]])
    truth = torch.as_tensor(np.nan_to_num(spectra[pixel, slot]))
    known = batch.known[pixel] & torch.as_tensor(np.isfinite(spectra[pixel, slot]))
    losses = {"endmember": objectives.endmember(decoded[prompt], truth, known)}
    few = slice(0, _APPEARANCES)
    mean, logarithm = model.decoder.suggest(encoded[pixel[few]], centred[prompt[few]])
    drawn = mean + torch.exp(0.5 * logarithm) * torch.randn(mean.shape, generator=generator)
    library = means[list(batch.question.prompts)][prompt[few]]
    shown = through_sensor(model.decoder(centred[prompt[few]], library, drawn), batch.response)
    losses["appearance"] = 0.5 * objectives.endmember(shown, truth[few], known[few])
    losses["divergence"] = 0.01 * objectives.appearance_divergence(mean, logarithm)
    return losses
