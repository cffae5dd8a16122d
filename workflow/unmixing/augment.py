"""Augmentation of whole scenes (paper section 2.4, Table 2): the entry to ``unmixing.augmentation``."""

from collections.abc import Mapping

import numpy as np
import torch

from unmixing.augmentation.operations import apply_parameters, check_images
from unmixing.augmentation.treatments import (
    DESCRIBED,
    TREATMENTS,
    Arm,
    Operations,
    Parameters,
    Treatment,
    distinct_treatments,
    draw_parameters,
    operations,
)

__all__ = [
    "DESCRIBED",
    "TREATMENTS",
    "Arm",
    "Operations",
    "Parameters",
    "Treatment",
    "apply_parameters",
    "augment",
    "distinct_treatments",
    "draw_parameters",
    "operations",
]


def augment(
    images: torch.Tensor,
    treatment: str,
    rng: np.random.Generator,
    fields: Mapping[str, str | bool] = DESCRIBED,
    *,
    arm: Arm = 90,
) -> tuple[torch.Tensor, list[Parameters]]:
    """Augment images, each with a draw of its own (Table 2; in the order crop, flip, jitter, blur).

    * Crop p %: a window whose sides are p % of the image's, at a random place that is the same in all bands,
      brought back to full size by bilinear interpolation.
    * Flip: vertical is upside down, horizontal left to right; random is one of these or both, equally likely.
    * Jitter: Gaussian noise in every value, clipped at 0. The mean square of the image over the variance of the
      noise is uniform in 25 to 40 dB. As ``gain``: one factor in .8 to 1.2 for the image.
    * Blur: sigma uniform in .1 to the treatment's largest, over rows and columns.

    Args:
        images: (N, bands, rows, cols), finite, of any floating type and on any device; not changed. For many images
            of one scene hand over an expanded tensor.
        treatment: id, a key of ``TREATMENTS``.
        rng: the augmentation stream; the same stream gives the same images.
        fields: values of the protocol (``AugmentationProtocol.images``); as the paper describes by default.
        arm: which of the two sweeps is followed, that of 90 images or that of 10; not the number of images, see
            ``operations``.

    Returns:
        The augmented images, type and device as given, and for each image its drawn parameters (see
        ``draw_parameters``), from which ``apply_parameters`` makes it again. A control returns the input itself.

    Raises:
        UnmixingError: an unknown treatment, field value or arm; images of another shape or type; or images too
            small for the treatment's blur.
    """
    check_images(images)
    count, _, rows, cols = images.shape
    parameters = draw_parameters(treatment, count, rows, cols, rng, fields, arm=arm)
    return apply_parameters(images, parameters), parameters
