"""Recipes of generated mixtures."""

import numpy as np

from unmixing.semantic.latents import MixtureRecipe

#: Exactly linear mixtures of the concepts' mean spectra, without noise.
LINEAR = MixtureRecipe(
    variability="mean",
    shape=0.0,
    material_gain=0.0,
    gain=0.0,
    bilinear_share=0.0,
    atmosphere=0.0,
    smooth_gain=0.0,
    offset=0.0,
    snr_db=(np.inf, np.inf),
)
