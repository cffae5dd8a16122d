"""Many estimates of the same pixels: what priors, anchors and methods have in common is computed once.

The numbers are those of ``scene_unmixing.unmix_pixels`` (a test holds them to it); only the fit of library spectra,
which neither a prior nor an anchor changes, and the encoder's vectors are kept between estimates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from inspect import signature
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from unmixing.semantic.appearances import Appearances, Fitted, fit_appearances
from unmixing.semantic.encoder import channels
from unmixing.semantic.estimator import Brightness, Prior
from unmixing.semantic.experiments.labels import (
    DECODED,
    DECODED_PRIOR,
    ENCODER,
    FCLS,
    LIBRARY_PRIOR,
    MODEL,
    NO_PRIOR,
    OTHER_PRIOR,
    SCLS,
)
from unmixing.semantic.model import UnmixingModel
from unmixing.semantic.questions import Asked
from unmixing.semantic.scene_unmixing import Endmembers, Prepared, prepare, unmix_pixels
from unmixing.semantic.solving import solve_pixels

Array = npt.NDArray[np.float64]

#: Endmembers and prior of ``unmix`` where none are asked for.
ENDMEMBERS = cast(Endmembers, signature(prepare).parameters["endmembers"].default)
PRIOR = cast(Prior, signature(unmix_pixels).parameters["prior"].default)
ALTERNATIVE: Prior = "divergence" if PRIOR == "tilt" else "tilt"
#: Methods that one list of prompts and pixels is solved with: endmembers, prior, brightness.
SOLVED: Mapping[str, tuple[Endmembers, Prior, Brightness]] = {
    MODEL: (ENDMEMBERS, PRIOR, "solved"),
    NO_PRIOR: (ENDMEMBERS, "none", "solved"),
    OTHER_PRIOR: (ENDMEMBERS, ALTERNATIVE, "solved"),
    DECODED_PRIOR: ("decoded", PRIOR, "solved"),
    DECODED: ("decoded", "none", "solved"),
    LIBRARY_PRIOR: ("library", PRIOR, "solved"),
    SCLS: ("library", "none", "solved"),
    FCLS: ("library", "none", "fixed"),
}
_KEPT = 4


@dataclass(frozen=True)
class Found:
    """Estimates of N pixels and K prompts.

    Attributes:
        abundances: (N, K) on the simplex.
        abstain: (N,) where the model abstains; means nothing for methods without one.
        noise: (N,) standard deviation of what is left without a prior, over the pixel's root mean square.
    """

    abundances: Array
    abstain: npt.NDArray[np.bool_]
    noise: Array


class Solver:
    """Unmixes many sets of pixels with one model."""

    def __init__(self, model: UnmixingModel) -> None:
        """Start with nothing prepared."""
        self.model = model
        # What a key was made of is kept beside the value, so that no other object can come to bear its number.
        self._prepared: dict[tuple[int, bytes, Endmembers], tuple[Asked, Prepared]] = {}
        self._fitted: dict[tuple[int, int, int], tuple[object, object, object, Fitted]] = {}

    def prepared(self, asked: Asked, wavelengths: npt.ArrayLike, endmembers: Endmembers = ENDMEMBERS) -> Prepared:
        """Return ``scene_unmixing.prepare`` of these arguments."""
        axis = np.asarray(wavelengths, np.float64)
        key = (id(asked), axis.tobytes(), endmembers)
        if key not in self._prepared:
            self._prepared[key] = (asked, prepare(self.model, asked, axis, endmembers))
        return self._prepared[key][1]

    def solve(
        self,
        asked: Asked,
        pixels: Array,
        wavelengths: Array,
        methods: Iterable[str] = (MODEL, NO_PRIOR, SCLS, FCLS, ENCODER),
        *,
        anchors: Tensor | None = None,
        variance: float | None = None,
    ) -> dict[str, Found]:
        """Unmix pixels with some of the methods.

        Args:
            asked: K prompts.
            pixels: (N, B), NaN where a band is unknown; none may be dark in all bands.
            wavelengths: (B,) nanometres.
            methods: of ``SOLVED``, and ``labels.ENCODER``: the soft assignment taken for abundances.
            anchors: (G, d) that pixels are compared with; those of the prompts by default.
            variance: residual variance over a pixel's mean square that decides the prior's weight; each pixel's own
                by default.
        """
        result: dict[str, Found] = {}
        encoded: Tensor | None = None
        with torch.no_grad():
            for method in methods:
                endmembers, prior, brightness = SOLVED[MODEL if method == ENCODER else method]
                prepared = self.prepared(asked, wavelengths, endmembers)
                given = torch.as_tensor(np.asarray(pixels, np.float32))
                known = torch.isfinite(given) & prepared.known
                given = torch.where(known, given, 0.0)
                if encoded is None:
                    encoded = torch.as_tensor(self.model.encoder(channels(given, known, prepared.placement)))
                told = prepared if anchors is None else replace(prepared, anchors=anchors)
                fitted = self._fit(told, asked, pixels, wavelengths, given, known)
                result[method] = self._found(
                    told, given, known, encoded, fitted, prior, brightness, variance, method == ENCODER
                )
        return result

    def _fit(
        self, prepared: Prepared, asked: Asked, pixels: Array, wavelengths: Array, given: Tensor, known: Tensor
    ) -> Fitted | None:
        if not isinstance(prepared.given, Appearances):
            return None
        # Prompts that differ in their texts alone share their spectra.
        key = (id(pixels), id(wavelengths), id(asked.spectra))
        if key not in self._fitted:
            while len(self._fitted) >= _KEPT:
                del self._fitted[next(iter(self._fitted))]
            fitted = fit_appearances(given, known, prepared.given)
            self._fitted[key] = (pixels, wavelengths, asked.spectra, fitted)
        return self._fitted[key][3]

    def _found(
        self,
        prepared: Prepared,
        given: Tensor,
        known: Tensor,
        encoded: Tensor,
        fitted: Fitted | None,
        prior: Prior,
        brightness: Brightness,
        variance: float | None,
        encoder_alone: bool,
    ) -> Found:
        anchors, limits = prepared.directions(self.model), self.model.facts.thresholds
        allowed = torch.ones(len(given), len(anchors), dtype=torch.bool)
        solved = solve_pixels(
            self.model,
            given,
            known,
            allowed,
            encoded,
            anchors,
            prepared.endmembers if fitted is None else fitted,
            prior=prior,
            brightness=brightness,
            variance=None if variance is None else torch.full((len(given),), variance, dtype=torch.float64),
        )
        found = solved.estimate
        unlike = solved.similarity.amax(1) < limits.get("similarity", -1.0)
        largest = limits.get("angle_given" if fitted is None else "angle", np.inf)
        shares = solved.assigned.double() if encoder_alone else found.abundances
        return Found(
            abundances=np.asarray(prepared.asked.merged.share(shares.numpy()), np.float64),
            abstain=np.asarray((unlike | (found.angle > largest)).numpy(), np.bool_),
            noise=np.asarray(found.variance.sqrt().numpy(), np.float64),
        )


def solve(
    model: UnmixingModel,
    asked: Asked,
    pixels: Array,
    wavelengths: Array,
    methods: Iterable[str] = (MODEL, NO_PRIOR, SCLS, FCLS, ENCODER),
) -> dict[str, Found]:
    """Unmix one set of pixels (``Solver.solve``)."""
    return Solver(model).solve(asked, pixels, wavelengths, methods)
