"""Protocol of the baseline phase (paper section 3.1.1; the CNNAEU recipe it follows where it is silent).

A field is one difference between the paper and the released code, with both values. Fixed parts that both
share stand in ``unmixing.training``.
"""

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class BaselineProtocol:
    """What can be switched in a baseline training.

    Attributes:
        loss: true spectral angle of equation 18, or the arccosine of each band's product (audit item C1).
        batch_norm: ``tracked`` has trained scale and shift and running statistics; ``untracked`` has neither and
            predicts with mean 0 and variance 1 (C2).
        initial_weights: drawn for each run, or one set that all runs share (C3).
        matching: how estimated endmembers are paired with references; matters to the score alone.
        activation: of the encoder. The code has a leaky ReLU of slope .02, figure 1 a ReLU (A21): for the audit.
        input: patches (section 2.2), or the whole image at once (section 2.4 says that each image was one input):
            for the audit, with as many updates.
    """

    loss: Literal["spectral_angle", "elementwise_arccos"] = "spectral_angle"
    batch_norm: Literal["tracked", "untracked"] = "tracked"
    initial_weights: Literal["per_run", "shared"] = "per_run"
    matching: Literal["optimal", "greedy"] = "optimal"
    activation: Literal["leaky_relu", "relu"] = "leaky_relu"
    input: Literal["patches", "whole_image"] = "patches"

    def training(self) -> dict[str, str]:
        """Return the fields that a training depends on: all but those of the evaluation."""
        fields: dict[str, str] = asdict(self)
        del fields["matching"]
        return fields


PROTOCOLS = {
    "described": BaselineProtocol(),
    "released": BaselineProtocol(
        loss="elementwise_arccos", batch_norm="untracked", initial_weights="shared", matching="greedy"
    ),
}
