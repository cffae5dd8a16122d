"""Training of the contrastive autoencoder on two views of each patch (paper sections 2.3, 2.4 and 3.1.3; equation 19).

The loss of a batch is (1 - lambda) times the contrastive loss plus lambda times the mean spectral angle of the two
views, each of which reconstructs itself. Patches are drawn once for a run, views anew in each epoch. Where the paper
is silent the released optimiser holds (protocol sheet 4.3): Adam with torch's epsilon and an L2 term.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch

from unmixing.augmentation.treatments import Parameters
from unmixing.embeddings import (
    effective_rank,
    mean_offdiagonal_cosine,
    positive_minus_negative_cosine,
    share_of_zero_vectors,
)
from unmixing.errors import UnmixingError
from unmixing.losses.angles import sad_loss
from unmixing.losses.contrastive import Kernel, equal_similarity_value, generalized_nt_xent, nt_xent, target_entropy
from unmixing.models.contrastive import ContrastiveAutoencoder
from unmixing.models.heads import Head
from unmixing.patches import cut_patches, random_corners
from unmixing.seeds import Streams, run_streams, torch_generator
from unmixing.training.fitting import Estimate, OnEpoch, Optimisation, as_image, diverged, fit
from unmixing.training.labels import batch_labels, fixed_labels, label_corners, network_labels
from unmixing.training.views import SELECTED, draw_views, make_view, make_views, substream, view_recipe

WEIGHT_DECAY = 1e-6
"""An L2 term within Adam; decoupled from it, it would not revive the dead half of a ``raw_relu`` decoder (A13)."""
ADAM_EPSILON = 1e-8
"""torch's default, as the released training has it; the other phases follow Keras' 1e-7."""
RELEASED_SEED = 42
WARM_UP = 10
"""Epochs at lambda 1 before the network's own labels serve: they start uniform, and a collapse is a fixed point."""
MEASURED_EVERY = 10
"""Epochs from one measurement of gradients and of embeddings to the next."""

MEASURES = ("mean_cosine", "effective_rank", "centred_rank", "positive_minus_negative", "zero_share")
CURVES = ("sad", "contrastive", "equal_similarity", "floor", "gradient_ratio", *MEASURES, "seconds")

NETWORK_FIELDS = ("decoder", "initialisation", "abundance_gain", "activation", "latent")
"""The fields of the protocol that the network takes as they are."""

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class ContrastiveSchedule:
    """How long and on how much a run trains; patch and batch size belong to the point.

    Attributes:
        epochs: passes over the patches, 100 in the paper and in its code.
        patches: patches drawn per run.
        learning_rate: of Adam.
    """

    epochs: int = 100
    patches: int = 250
    learning_rate: float = 0.003


@dataclass(frozen=True)
class ContrastivePoint:
    """One point of the contrastive grid, a control, or a projection head (sections 4.3 and 5.4).

    Attributes:
        loss: ``generalized`` (equation 20) or ``nt_xent``.
        temperature: tau.
        weight: lambda, the weight of the reconstruction, 0 to 1; at 1 the contrastive term is left out altogether,
            which is the control.
        patch_size: side of a patch in pixels.
        batch_size: patches per update; the last batch of an epoch may be smaller.
        sigma: width of the kernel on labels; ``nt_xent`` has none.
        head: projection head (``models.heads``).
        kernel: on labels, ``rbf`` or ``dot``.
        treatments: what views are chosen from.
        updates: number of updates in place of the schedule's epochs, for arms that are compared at equal updates;
            0: the epochs count. The last epoch is cut short.
        label_source: of this arm; empty: the protocol's.
    """

    loss: Literal["generalized", "nt_xent"]
    temperature: float
    weight: float
    patch_size: int
    batch_size: int
    sigma: float = 1.0
    head: Head = "baseline"
    kernel: Kernel = "rbf"
    treatments: tuple[str, ...] = SELECTED
    updates: int = 0
    label_source: str = ""

    def __post_init__(self) -> None:
        """Take lists, as JSON has them, for the treatments; refuse impossible values.

        Raises:
            UnmixingError: an unknown loss or a value out of range.
        """
        object.__setattr__(self, "treatments", tuple(self.treatments))
        if self.loss not in ("generalized", "nt_xent"):
            raise UnmixingError(f"contrastive loss is generalized or nt_xent, not {self.loss!r}: correct the setting")
        if self.kernel not in get_args(Kernel) or self.head not in get_args(Head):
            raise UnmixingError(f"there is no kernel {self.kernel!r} with a head {self.head!r}: correct the setting")
        if not (0 <= self.weight <= 1 and self.temperature > 0 and self.sigma > 0):
            raise UnmixingError(
                f"lambda lies in 0 to 1 and tau and sigma are above 0, not {self.weight}, {self.temperature} and "
                f"{self.sigma}: correct the setting"
            )
        if min(self.patch_size, self.batch_size) < 1 or self.updates < 0:
            raise UnmixingError(
                f"patch and batch size are at least 1 and updates not negative, not {self.patch_size}, "
                f"{self.batch_size} and {self.updates}: correct the setting"
            )

    def labels(self, fields: Fields) -> str:
        """Return the source of the labels that the loss uses, or ``none``; all but ``none`` and ``online`` need maps.

        Args:
            fields: training fields of the protocol (``ContrastiveProtocol.training``).
        """
        if self.weight == 1 or self.loss == "nt_xent":
            return "none"
        return self.label_source or str(fields["label_source"])


@dataclass(frozen=True)
class ContrastiveEstimate:
    """What a contrastive run leaves behind.

    Attributes:
        estimate: as in every phase; its losses are means over batches, each counted once whatever its size, as the
            released code plots them.
        curves: by name (``CURVES``) one value for each epoch of ``estimate.losses``, NaN where there is none:
            ``sad`` in radians and ``contrastive``, the two parts before they are weighted; ``equal_similarity``, the
            contrastive loss at equal similarities, and ``floor``, the entropy of its target, of the same batches;
            ``gradient_ratio``, the norm of the gradient of the contrastive part over that of the angle, before they
            are weighted, at the encoder, of the first batch of every tenth epoch from the first; the measures of
            ``embeddings`` on unaugmented patches in prediction mode, after every tenth and the last epoch
            (``positive_minus_negative`` sets them against one view each that is the same at all epochs;
            ``centred_rank`` is the effective rank about the mean); ``seconds`` of training. Without a contrastive
            term, at lambda 1 or in the warm-up, its four curves are NaN.
    """

    estimate: Estimate
    curves: dict[str, np.ndarray]


def contrastive_streams(entropy: int, scene: str, run: int, fields: Fields) -> Streams:
    """Return the random streams of a run; no setting enters, so that run r of all points is paired.

    With ``seeds: single`` all runs of all scenes have those of seed 42 and are one run (audit item A8).
    """
    return run_streams(RELEASED_SEED, "all", 0) if fields["seeds"] == "single" else run_streams(entropy, scene, run)


def unclipped_angle(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the mean angle in radians of spectra (N, bands, rows, columns), the cosine left as rounding has it (A17).

    Not a number where a spectrum is zero or a cosine is above 1 by rounding; the slope at 1 is infinite.
    """
    first, second = x.movedim(1, -1), y.movedim(1, -1)
    norms = torch.linalg.vector_norm(first, dim=-1) * torch.linalg.vector_norm(second, dim=-1)
    return torch.arccos(torch.linalg.vecdot(first, second) / norms).mean()


class _Batch(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor
    contrast: bool
    labels: torch.Tensor | None
    measured: bool


class _Curves:
    """Means of what the batches of an epoch add, epoch after epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []
        self.parts: dict[str, list[float]] = {}

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.parts.setdefault(name, []).append(value)

    def close(self, **values: float) -> None:
        self.epochs.append({name: sum(parts) / len(parts) for name, parts in self.parts.items()} | values)
        self.parts = {}

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.array([epoch.get(name, np.nan) for epoch in self.epochs], np.float64) for name in CURVES}


class _Patches:
    """The patches of a run, their views and their embeddings."""

    def __init__(
        self, image: torch.Tensor, count: int, fields: Fields, point: ContrastivePoint, streams: Streams
    ) -> None:
        bands, rows, columns = image.shape
        self.image, self.count = image, count
        self.size, self.at_once = point.patch_size, point.batch_size
        self.corners = random_corners(rows, columns, self.size, count, np.random.default_rng(streams.patches))
        self.label_places = label_corners(self.corners, rows, columns, self.size, fields["label_orientation"])
        self.recipe = view_recipe(fields, point.treatments)
        self.shape = (bands, self.size, self.size)
        self.stream = streams.augmentation

    def cut(self, chosen: np.ndarray) -> torch.Tensor:
        return cut_patches(self.image, self.corners[chosen], self.size)

    def draw(self, epoch: int) -> tuple[list[Parameters], list[Parameters]]:
        return draw_views(self.recipe, self.stream, epoch, self.count, self.shape)

    def views(
        self, chosen: np.ndarray, drawn: tuple[list[Parameters], list[Parameters]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = ([view[index] for index in chosen] for view in drawn)
        return make_views(self.cut(chosen), first, second, self.recipe.axes)

    def own_labels(self, model: ContrastiveAutoencoder) -> torch.Tensor:
        return network_labels(model, self.image, self.label_places, self.size, self.at_once)

    @torch.no_grad()
    def measures(self, model: ContrastiveAutoencoder) -> dict[str, float]:
        """Return the measures of collapse; none of a network whose weights are no longer finite."""
        drawn, _ = self.draw(0)
        model.eval()
        clean, changed = [], []
        for chosen in np.split(np.arange(self.count), range(self.at_once, self.count, self.at_once)):
            patches = self.cut(chosen)
            views = make_view(patches, [drawn[index] for index in chosen], self.recipe.axes)
            clean.append(model.embed_patches(patches).cpu())
            changed.append(model.embed_patches(views).cpu())
        model.train()
        first, second = torch.cat(clean), torch.cat(changed)
        if not (torch.isfinite(first).all() and torch.isfinite(second).all()):
            return {}
        return {
            "mean_cosine": mean_offdiagonal_cosine(first),
            "effective_rank": effective_rank(first),
            "centred_rank": effective_rank(first, centred=True),
            "positive_minus_negative": positive_minus_negative_cosine(first, second),
            "zero_share": share_of_zero_vectors(first),
        }


def train_contrastive(
    cube: np.ndarray,
    count: int,
    schedule: ContrastiveSchedule,
    fields: Fields,
    point: ContrastivePoint,
    streams: Streams,
    label_maps: np.ndarray | None = None,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    valid: np.ndarray | None = None,
) -> ContrastiveEstimate:
    """Train one run of the contrastive autoencoder and return its estimates.

    Args:
        cube: (rows, columns, bands), reflectance of any scale.
        count: number of endmembers, K.
        schedule: length and sampling of the training.
        fields: training fields of the protocol (``ContrastiveProtocol.training``).
        point: what is trained.
        streams: the run's random streams (``contrastive_streams``).
        label_maps: (rows, columns, K), abundances that labels are cut from where ``point.labels`` needs them: the
            scene's references, or the abundances of the baseline's run of the same index.
        device: ``cpu`` or ``cuda``.
        on_epoch: called after each epoch with its number, from 1, and its mean loss.
        valid: (rows, columns), which pixels were seen; None if all were.

    Returns:
        The estimates, ``diverged`` as in the baseline; also where the labels come from a run that diverged.

    Raises:
        UnmixingError: the scene is smaller than a patch or holds values that are not finite, patches are too small
            for the blur of their views, the labels are not to be had, or own labels are asked for in a training that
            ends within the warm-up.
    """
    rows, columns, bands = cube.shape
    image = as_image(cube, device)
    source = point.labels(fields)
    per_epoch = -(-schedule.patches // point.batch_size)
    total = point.updates or schedule.epochs * per_epoch
    epochs = -(-total // per_epoch)
    if source == "online" and epochs <= WARM_UP:
        raise UnmixingError(f"online labels serve after {WARM_UP} epochs and the run has {epochs}: train longer")
    curves = _Curves()
    patches = _Patches(image, schedule.patches, fields, point, streams)
    label_stream = substream(streams.patches, 0)
    labels = fixed_labels(source, label_maps, (rows, columns), patches.label_places, point.patch_size, label_stream)
    if labels is not None:
        labels = labels.to(device)
        if not torch.isfinite(labels).all():
            reason = f"labels ({source}) not finite: the run that they come from diverged"
            return ContrastiveEstimate(
                diverged(image, [np.empty((count, bands))], [], updates=0, reason=reason), curves.arrays()
            )
    model = ContrastiveAutoencoder(
        bands,
        count,
        point.head,
        fields["head"],
        **{name: fields[name] for name in NETWORK_FIELDS},
        weights=torch_generator(streams.initialisation),
        dropout=torch_generator(streams.dropout, device),
    ).to(device)
    shuffling = np.random.default_rng(streams.shuffling)

    def batches(epoch: int) -> Iterator[tuple[int, _Batch]]:
        started = time.perf_counter()
        order, drawn = shuffling.permutation(schedule.patches), patches.draw(epoch)
        contrast = point.weight < 1 and not (source == "online" and epoch <= WARM_UP)
        known = patches.own_labels(model) if contrast and source == "online" else labels
        for number in range(min(per_epoch, total - (epoch - 1) * per_epoch)):
            chosen = order[number * point.batch_size : (number + 1) * point.batch_size]
            own = None if known is None else batch_labels(known, chosen, fields["labels"])
            measured = contrast and number == 0 and epoch % MEASURED_EVERY == 1
            yield 1, _Batch(*patches.views(chosen, drawn), contrast, own, measured)
        seconds = time.perf_counter() - started
        wanted = epoch % MEASURED_EVERY == 0 or epoch == epochs
        curves.close(seconds=seconds, **(patches.measures(model) if wanted else {}))

    objective = _objective(model, point, fields, curves)
    optimisation = Optimisation(
        epochs, schedule.learning_rate, optimiser="adam", epsilon=ADAM_EPSILON, weight_decay=WEIGHT_DECAY
    )
    return ContrastiveEstimate(fit(model, batches, objective, optimisation, image, valid, on_epoch), curves.arrays())


def _objective(
    model: ContrastiveAutoencoder, point: ContrastivePoint, fields: Fields, curves: _Curves
) -> Callable[[_Batch], torch.Tensor]:
    """Return the loss of a batch (equation 19), which adds its parts to the curves."""
    angle = sad_loss if fields["clip_angle"] else unclipped_angle
    modules = (model.spatial, model.spatial_norm, model.pointwise, model.pointwise_norm)
    encoder = [parameter for module in modules for parameter in module.parameters()]

    def objective(batch: _Batch) -> torch.Tensor:
        first, second = model.views(batch.first, batch.second)
        sad = (angle(first.reconstruction, batch.first) + angle(second.reconstruction, batch.second)) / 2
        curves.add(sad=float(sad.detach()))
        if not batch.contrast:
            return sad
        contrastive, floor, equal = _contrastive_loss(first.embedding, second.embedding, batch.labels, point, fields)
        curves.add(contrastive=float(contrastive.detach()), floor=floor, equal_similarity=equal)
        if batch.measured:
            pull = _gradient_norm(sad, encoder)
            curves.add(gradient_ratio=_gradient_norm(contrastive, encoder) / pull if pull > 0 else np.nan)
        return (1 - point.weight) * contrastive + point.weight * sad

    return objective


def _contrastive_loss(
    first: torch.Tensor, second: torch.Tensor, labels: torch.Tensor | None, point: ContrastivePoint, fields: Fields
) -> tuple[torch.Tensor, float, float]:
    """Return the contrastive loss of a batch, its floor, and its value at equal similarities."""
    patches = len(first)
    if labels is None:
        return nt_xent(first, second, point.temperature), 0.0, equal_similarity_value(patches)
    kernel, scaling, normalisation = point.kernel, fields["scaling"], fields["normalisation"]
    loss = generalized_nt_xent(first, second, labels, point.temperature, point.sigma, kernel, scaling, normalisation)
    floor = target_entropy(labels, patches, point.sigma, kernel, scaling, normalisation)
    return loss, floor, equal_similarity_value(patches, scaling)


def _gradient_norm(loss: torch.Tensor, parameters: list[torch.nn.Parameter]) -> float:
    """Return the norm of a loss's gradient over some parameters; the graph is kept for the update."""
    gradients = torch.autograd.grad(loss, parameters, retain_graph=True)
    return float(torch.linalg.vector_norm(torch.cat([gradient.flatten() for gradient in gradients])))


def point_record(point: ContrastivePoint, fields: Fields) -> dict[str, Any]:
    """Return what a run's record keeps of its point, the source of the labels in use among it."""
    return {**asdict(point), "treatments": list(point.treatments), "label_source": point.labels(fields)}
