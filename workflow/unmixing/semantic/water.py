"""Modelled reflectance of water, for libraries that have none: curves, not measurements.

Deep water seen from above, after H. R. Gordon et al., Journal of Geophysical Research 93, 1988 (below the surface)
and Z. Lee et al., Applied Optics 37, 1998 (through the surface):

    u = b / (a + b);  r = .0949 u + .0794 u^2;  R = pi * .52 r / (1 - 1.7 r) + glint

with absorption a = water + dissolved matter, exp(-.015 (L - 440)), + phytoplankton, two Gaussians at 440 and 675 nm,
and backscattering b = water, (L / 500)^-4.32, + particles, 550 / L. A spectrum is one draw of the four amounts and of
the glint, a constant.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# Absorption of pure water per metre at 20 degrees, rounded to two digits: R. M. Pope and E. S. Fry, Applied Optics
# 36, 1997 to 700 nm, then D. J. Segelstein, University of Missouri, 1981. Beyond 900 nm water is black whatever the
# digits.
_NM = (400, 420, 440, 460, 480, 500, 520, 540, 560, 580, 600, 620, 640, 660, 680, 700, 720, 740, 760, 780, 800)
_NM_INFRARED = (850, 900, 950, 1000, 1070, 1100, 1200, 1300, 1400, 1450, 1600, 1700, 1940, 2200, 2450)
_ABSORPTION_VISIBLE = (
    *(0.0066, 0.0045, 0.0064, 0.0098, 0.013, 0.020, 0.041, 0.047, 0.062, 0.090, 0.22, 0.28, 0.31, 0.41, 0.47, 0.62),
    *(1.2, 2.5, 2.6, 2.3, 2.0),
)
_ABSORPTION_INFRARED = (4.3, 6.8, 39, 36, 14, 17, 104, 110, 1200, 2600, 670, 510, 12000, 1700, 5500)
_SEED = 20_001
#: Ranges of the amounts: dissolved matter and phytoplankton (absorption at 440 nm, 1/m), particles (backscattering at
#: 550 nm, 1/m), from clear lakes to turbid rivers; glint (reflectance).
_RANGES = ((0.02, 3.0), (0.01, 1.0), (0.002, 0.3))
_GLINT = (0.0, 0.02)


def water_reflectance(
    wavelengths: npt.ArrayLike,
    dissolved: npt.ArrayLike,
    phytoplankton: npt.ArrayLike,
    particles: npt.ArrayLike,
    glint: npt.ArrayLike,
) -> Array:
    """Return the reflectance of deep water (see the module's description).

    Args:
        wavelengths: (bands,) nanometres, 400 to 2450.
        dissolved: (n,) absorption by dissolved matter at 440 nm, 1/m.
        phytoplankton: (n,) absorption by phytoplankton at 440 nm, 1/m.
        particles: (n,) backscattering by particles at 550 nm, 1/m.
        glint: (n,) reflectance of the surface.

    Returns:
        (n, bands) reflectance, at least the glint.
    """
    axis = np.asarray(wavelengths, np.float64)[None, :]
    amounts = (np.asarray(amount, np.float64)[:, None] for amount in (dissolved, phytoplankton, particles, glint))
    matter, pigment, particle, surface = amounts
    # Absorption spans six decades, so its logarithm is what is nearly straight between the points.
    water = np.exp(np.interp(axis, (*_NM, *_NM_INFRARED), np.log((*_ABSORPTION_VISIBLE, *_ABSORPTION_INFRARED))))
    shape = np.exp(-0.5 * ((axis - 440) / 40) ** 2) + 0.5 * np.exp(-0.5 * ((axis - 675) / 15) ** 2)
    absorption = water + matter * np.exp(-0.015 * (axis - 440)) + pigment * shape
    scattering = 0.00144 * (axis / 500) ** -4.32 + particle * 550 / axis
    u = scattering / (absorption + scattering)
    below = 0.0949 * u + 0.0794 * u**2
    return np.asarray(np.pi * 0.52 * below / (1 - 1.7 * below) + surface, np.float64)


def water_spectra(wavelengths: npt.ArrayLike, count: int) -> tuple[Array, list[str]]:
    """Return spectra of waters from clear to turbid, the same at every call.

    Args:
        wavelengths: (bands,) nanometres.
        count: number of spectra; a larger number begins with the spectra of a smaller one.

    Returns:
        (count, bands) reflectance, and the amounts behind each as text.
    """
    rng = np.random.default_rng(_SEED)
    draws = rng.random((count, 4))
    low, high = np.log(np.array(_RANGES)).T
    amounts = np.exp(low + draws[:, :3] * (high - low))
    glint = _GLINT[0] + draws[:, 3] * (_GLINT[1] - _GLINT[0])
    spectra = water_reflectance(wavelengths, amounts[:, 0], amounts[:, 1], amounts[:, 2], glint)
    texts = [
        f"dissolved {d:.3g}/m phytoplankton {p:.3g}/m particles {b:.3g}/m glint {g:.3g}"
        for (d, p, b), g in zip(amounts, glint, strict=True)
    ]
    return spectra, texts
