"""Protocol of the contrastive and heads phases (paper sections 2.3, 2.4 and 3.1.3).

A field is one difference between the paper and the released code, with both values; some have more, for controls and
for the audit. Fixed parts that both share stand in ``unmixing.models.contrastive`` and in the training of the phase.
Temperature, lambda, the kernel's sigma, patch and batch size are settings, not fields.
"""

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class ContrastiveProtocol:
    """What can be switched in a contrastive training.

    Attributes:
        view_axes: axes that crops and blurs of a view act on: rows and columns, or bands and rows (audit item A1).
        labels: a batch's labels are those of its own patches, or those of the first patches of the list (A2).
        label_orientation: labels are cut where the patches are, or from the transposed place (A3).
        label_source: the scene's reference abundances, which is training with the truth (A5); ``stage1``, the
            baseline's own abundances of the same run; ``online``, the network's own, gradient stopped, after a
            warm-up; ``permuted``, labels shuffled over the patches, the control of what labels are worth.
        abundance_gain: factor on the abundances before the decoder: one, or the number of patches in the batch (A4).
        scaling: of the generalized loss: mean over the 2N views, or their sum over N (A6).
        normalisation: of the weights of equation 20: of each view, or of all pairs; both protocols have ``rows``.
        view_choice: each view takes one of the three selected treatments with equal odds; or coins in turn give .5
            blur, .25 crop and blur, .125 crop, jitter and blur, and .125 no change (A12).
        crop: side length that a crop keeps, as a share (A12).
        sigma: largest sigma of a view's blur, in pixels; not the kernel's sigma (A12).
        decoder: ``linear`` without bias, projected to be non-negative after each update; or ``raw_relu``, the
            rectified kernel of raw weights, with a bias and a ReLU on the output (A13).
        initialisation: all weights from N(0, .03); or the released encoder, Kaiming uniform, with biases and torch's
            batch normalisation, before a decoder from N(0, .03) (A13).
        activation: of the encoder: ``leaky_relu``, or ``relu`` as Figure 1 has it (A21); both protocols have the first.
        latent: the vector Z that the head takes: mean abundances without dropout, or with it (A16).
        clip_angle: cosines are kept from +-1 before the arccosine, or not (A17).
        seeds: random streams for each run, or one run with seed 42 (A8).
        head: projection heads as the equations print them, or as the code builds them (A20).
        matching: how estimated endmembers are paired with references; matters to the score alone.
    """

    view_axes: Literal["spatial", "band_row"] = "spatial"
    labels: Literal["aligned", "first_rows"] = "aligned"
    label_orientation: Literal["cube", "transposed"] = "cube"
    label_source: Literal["reference", "stage1", "online", "permuted"] = "reference"
    abundance_gain: Literal[1, "batch_size"] = 1
    scaling: Literal["described", "released"] = "described"
    normalisation: Literal["rows", "joint"] = "rows"
    view_choice: Literal["uniform", "nested"] = "uniform"
    crop: float = 0.95
    sigma: float = 2.0
    decoder: Literal["linear", "raw_relu"] = "linear"
    initialisation: Literal["normal", "kaiming"] = "normal"
    activation: Literal["leaky_relu", "relu"] = "leaky_relu"
    latent: Literal["without_dropout", "with_dropout"] = "without_dropout"
    clip_angle: bool = True
    seeds: Literal["per_run", "single"] = "per_run"
    head: Literal["equation", "code"] = "equation"
    matching: Literal["optimal", "greedy"] = "optimal"

    def training(self) -> dict[str, str | int | float | bool]:
        """Return the fields that a training depends on: all but those of the evaluation."""
        fields: dict[str, str | int | float | bool] = asdict(self)
        del fields["matching"]
        return fields


PROTOCOLS = {
    "described": ContrastiveProtocol(),
    "released": ContrastiveProtocol(
        view_axes="band_row",
        labels="first_rows",
        label_orientation="transposed",
        abundance_gain="batch_size",
        scaling="released",
        view_choice="nested",
        crop=0.75,
        sigma=1.0,
        decoder="raw_relu",
        initialisation="kaiming",
        latent="with_dropout",
        clip_angle=False,
        seeds="single",
        head="code",
        matching="greedy",
    ),
}
