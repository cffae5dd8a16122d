"""Protocol of the sweep of augmentations (paper sections 2.4 and 3.1.2, Tables 2 and 4).

A field is one difference between the paper and the released code, with both values. Two switch with the number
of images, as the released code has one set of scripts for 90 images and another one for 10. Crop .95 and the
strength of blur inside combinations are the same in both protocols and stand in
``unmixing.augmentation.treatments``.
"""

from dataclasses import asdict, dataclass
from typing import Literal

IMAGE_FIELDS = ("parameters", "flip_names", "jitter", "blur_padding")
"""The fields that decide what an augmented image looks like."""


@dataclass(frozen=True)
class AugmentationProtocol:
    """What can be switched in a training of the sweep.

    Attributes:
        recipe: ``baseline`` trains as the baseline does, for an equal number of updates, with the augmented images
            in the scene's place; ``sweep`` uses Adam at .001, a softmax without scale, the spectral angle, and
            stops early (audit item B4).
        patches: drawn at random over all images, or the grid that starts in each image's upper left corner and
            leaves out what does not fill a patch (B2).
        parameters: treatments run as they are named; or with ``defaults``, as crop, flip and blur are never handed
            on: crop .95, the flip of both axes, sigma up to 2.0 (B1). The scripts for 10 images do hand them on,
            so there the value changes nothing.
        flip_names: ``geometric`` turns upside down for "vertical" and left to right for "horizontal"; ``swapped``
            does the opposite. Both protocols have the first: the released code flips the other axis (B3), of arrays
            that lie transposed to the scene. Measured on Samson, 10 images: water is lost by the flip that turns the
            scene left to right, in the released sheet the one named "horizontal".
        jitter: additive Gaussian noise in every band, or one gain for the whole image (B5).
        undo_jitter: the network's abundances are multiplied by the gain of their image (B5).
        blur_padding: ``reflect``, with a kernel that holds three sigma; or ``zero``, which darkens the border, with a
            kernel of 3, 5 or 7 pixels whatever sigma is (protocol sheet 4.2).
        initial_weights: by the regimes of Table 4; or one set shared by all runs of all regimes, as one seed at the
            start of a script leaves it (B6).
        accumulation: every batch is an update; or with ``pairs_of_90``, in the 90-image sweep the summed gradients
            of two batches are one (B4).
        shuffle: the order of patches changes in each epoch; or only in the 90-image sweep (B4).
        matching: how estimated endmembers are paired with references; matters to the score alone.
    """

    recipe: Literal["baseline", "sweep"] = "baseline"
    patches: Literal["random", "corner_grid"] = "random"
    parameters: Literal["as_named", "defaults"] = "as_named"
    flip_names: Literal["geometric", "swapped"] = "geometric"
    jitter: Literal["band_noise", "gain"] = "band_noise"
    undo_jitter: bool = False
    blur_padding: Literal["reflect", "zero"] = "reflect"
    initial_weights: Literal["by_regime", "shared"] = "by_regime"
    accumulation: Literal["single", "pairs_of_90"] = "single"
    shuffle: Literal["always", "only_90"] = "always"
    matching: Literal["optimal", "greedy"] = "optimal"

    def images(self) -> dict[str, str]:
        """Return the fields that decide the augmented images."""
        return {name: getattr(self, name) for name in IMAGE_FIELDS}

    def training(self) -> dict[str, str | bool]:
        """Return the fields that a training depends on, those of its images among them: all but the evaluation's."""
        fields: dict[str, str | bool] = asdict(self)
        del fields["matching"]
        return fields


PROTOCOLS = {
    "described": AugmentationProtocol(),
    "released": AugmentationProtocol(
        recipe="sweep",
        patches="corner_grid",
        parameters="defaults",
        jitter="gain",
        undo_jitter=True,
        blur_padding="zero",
        initial_weights="shared",
        accumulation="pairs_of_90",
        shuffle="only_90",
        matching="greedy",
    ),
}
