"""Do decoded spectra cope with bilinear mixing? A scene's own materials, mixed again with a known share of products.

Simulated: abundances and spectra are the scene's references, so that the truth is known, and what is added is

    y = sum_k a_k e_k + g sum_{j<k} a_j a_k e_j e_k + noise

(W. Fan et al., International Journal of Remote Sensing 30, 2009, for g = 1). All methods leave the brightness free and
use no prior, so that they differ in their spectra and in whether they allow for products.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.classical.abundances import scls
from unmixing.evaluation import References, areal_references, physical_references
from unmixing.semantic.baselines import bilinear_shares
from unmixing.semantic.experiments.answers import finished, reason_row
from unmixing.semantic.experiments.inputs import NamedScene, lattice, stream
from unmixing.semantic.scene_library import SceneLibrary
from unmixing.semantic.scores import score_maps

Array = npt.NDArray[np.float64]

PROTOCOL = "bilinear"
SNR_DB = 40.0


def mixed_again(shares: npt.ArrayLike, endmembers: npt.ArrayLike, strength: float, rng: np.random.Generator) -> Array:
    """Mix spectra linearly and with products of each two of them.

    Args:
        shares: (N, K) of area.
        endmembers: (K, bands).
        strength: g, at least 0.
        rng: draws white noise of ``SNR_DB`` below the mean power.

    Returns:
        (N, bands).
    """
    amounts, spectra = np.asarray(shares, np.float64), np.asarray(endmembers, np.float64)
    first, second = np.triu_indices(len(spectra), 1)
    pixels = amounts @ spectra
    pixels = pixels + strength * (amounts[:, first] * amounts[:, second]) @ (spectra[first] * spectra[second])
    deviation = np.sqrt(np.mean(pixels**2) * 10 ** (-SNR_DB / 10))
    return np.asarray(pixels + deviation * rng.standard_normal(pixels.shape), np.float64)


def bilinear_rows(
    named: NamedScene,
    decoded: npt.ArrayLike,
    library: SceneLibrary | None,
    strengths: Sequence[float],
    stride: int,
    seed: int,
) -> pd.DataFrame:
    """Score spectra of several origins on the scene's materials mixed again.

    Args:
        named: the scene, with references.
        decoded: (K, bands) spectra of the model, NaN in bands that it does not use.
        library: of the same prompts, or None.
        strengths: g.
        stride: every so many rows and columns are mixed.
        seed: of the study.

    Returns:
        Rows of metric ``armse`` and others of ``scores.score_maps``, ``level`` being g; or one with the reason.
    """
    about = {"scene": named.scene, "kind": "semi-real", "protocol": PROTOCOL}
    spectra, shares = physical_references(named.known), areal_references(named.known)
    if spectra is None or shares is None:
        return reason_row(
            "the references have no physical scale to mix them again", **about, method="semantic", uses_truth="names"
        )
    chosen = lattice(shares.shape, stride) & named.seen
    amounts = np.asarray(shares, np.float64)[chosen]
    model = np.asarray(decoded, np.float64)
    sources = {"semantic": ("decoded spectra", "names", model), "scls_references": ("oracle", "training", spectra)}
    if library is not None:
        means = np.full(model.shape, np.nan)
        means[:, library.bands] = library.means[library.groups]
        sources["class_mean_scls"] = ("class means of the library", "names", means)
    solvers: dict[str, tuple[str, Callable[[Array, Array], Array]]] = {
        "": ("", scls),
        "_bilinear": (" and their products", bilinear_shares),
    }
    parts = []
    for level in strengths:
        pixels = mixed_again(amounts, spectra, level, stream(seed, named.scene, "bilinear"))
        for name, (source, uses, ends) in sources.items():
            bands = np.isfinite(ends).all(axis=0)
            for ending, (addition, solve) in solvers.items():
                maps = np.full(shares.shape, np.nan)
                maps[chosen] = solve(pixels[:, bands], ends[:, bands])
                truth = References(named.known.cube, named.known.wavelength, named.known.names, None, shares, "areal")
                more = {"method": name + ending, "title": f"SCLS, {source}{addition}", "uses_truth": uses}
                part = score_maps(maps, truth, maxima=None, tested=chosen, identity={**about, **more, "level": level})
                parts.append(part[part["convention"] == "areal"])
    return finished(parts)
