"""Records of earthlib with their places and specimens, its errors mended or set aside.

What was found in version 1.1.0: coordinates (0, 0) that mean "unknown" (345 soils), eastern longitudes of places in
Santa Barbara (the minus sign is missing), three spectra with zeros where nothing was measured, one spectrum that
stands under two classes, and mixtures among the plain records.
"""

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from unmixing.scenes.synthetic_spectra import library_folder, read_earthlib
from unmixing.semantic.sources import Source

Array = npt.NDArray[np.float64]

#: Places closer than this belong to one site, through chains of such places.
SITE_RADIUS_KM = 0.25
_EARTH_RADIUS_KM = 6371.0
_SANTA_BARBARA = "urban reflectance spectra from santa barbara"
_CANOPY = re.compile(r"LAI-([\d.e+]+)-LMA-[\d.]+-CHL-([\d.]+)-N-")


def earthlib_source() -> Source:
    """Return earthlib's spectra with name, class, place, site and specimen.

    Raises:
        UnmixingError: earthlib is not installed with its data.
    """
    library = read_earthlib()
    table = pd.read_csv(library_folder() / "spectra.csv", keep_default_na=False, na_values={"LAT": [""], "LON": [""]})
    latitude, longitude, notes = mended_places(
        table["LAT"].to_numpy(float), table["LON"].to_numpy(float), table["NOTES"]
    )
    spectra = np.array(library.spectra)
    zero = spectra <= 0
    spectra[zero] = np.nan
    site = sites(latitude, longitude)
    mixed = table["NAME"].str.contains("+", regex=False) & (table["LEVEL_4"] == "measured")
    states = np.where(mixed, "mixture", "").astype(object)
    ambiguous = _under_two_classes(library.spectra, table["LEVEL_3"].to_numpy())
    states[ambiguous] = "under two classes"
    frame = pd.DataFrame(
        {
            "title": table["NAME"],
            "name": table["NAME"],
            "record_class": table["LEVEL_3"],
            "level_2": table["LEVEL_2"],
            "kind": table["LEVEL_2"],
            "family": table["LEVEL_3"],
            "state": states,
            "measured": table["LEVEL_4"] == "measured",
            "latitude": latitude,
            "longitude": longitude,
            "site": site,
        }
    )
    frame["specimen"] = [
        _specimen(name, place, santa)
        for name, place, santa in zip(table["NAME"], site, table["NOTES"] == _SANTA_BARBARA, strict=True)
    ]
    notes += [
        f"zeros taken for unknown in {int(zero.any(axis=1).sum())} spectra",
        f"{int(ambiguous.sum())} records set aside that are one spectrum under two classes",
        f"{int((states == 'mixture').sum())} mixtures set aside",
    ]
    return Source("earthlib", frame, spectra, library.wavelength, tuple(notes))


def mended_places(latitude: Array, longitude: Array, campaign: npt.ArrayLike) -> tuple[Array, Array, list[str]]:
    """Return coordinates without the two known errors.

    Args:
        latitude: (n,) degrees, NaN where unknown.
        longitude: (n,) degrees.
        campaign: (n,) what the library notes of each record.

    Returns:
        Latitude, longitude, and what was mended.
    """
    nowhere = (latitude == 0) & (longitude == 0)
    mirrored = (np.asarray(campaign, dtype=object) == _SANTA_BARBARA) & (longitude > 0)
    mended = np.where(mirrored, -longitude, longitude)
    notes = [
        f"{int(nowhere.sum())} places at latitude and longitude 0 taken for unknown",
        f"{int(mirrored.sum())} longitudes of Santa Barbara turned from east to west",
    ]
    return np.where(nowhere, np.nan, latitude), np.where(nowhere, np.nan, mended), notes


def sites(latitude: Array, longitude: Array) -> list[str]:
    """Group places into sites by single linkage.

    Args:
        latitude: (n,) degrees, NaN where unknown.
        longitude: (n,) degrees.

    Returns:
        For each place the coordinates of its site's first place (by latitude, then longitude), such as
        ``"34.440,-119.833"``; "" where unknown.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    known = np.isfinite(latitude) & np.isfinite(longitude)
    result = [""] * len(latitude)
    if not known.any():
        return result
    places, which = np.unique(np.stack([latitude[known], longitude[known]], axis=1), axis=0, return_inverse=True)
    angle = np.radians(places)
    points = np.stack(
        [np.cos(angle[:, 0]) * np.cos(angle[:, 1]), np.cos(angle[:, 0]) * np.sin(angle[:, 1]), np.sin(angle[:, 0])],
        axis=1,
    )
    if len(places) > 1:
        chord = 2 * np.sin(SITE_RADIUS_KM / _EARTH_RADIUS_KM / 2)
        group = fcluster(linkage(points, method="single"), t=chord, criterion="distance")
    else:
        group = np.ones(1, dtype=int)
    # Four decimals are 11 m, so two sites never share a label.
    labels = [f"{row:.4f},{column:.4f}" for row, column in places]
    first = {number: labels[int(np.argmax(group == number))] for number in np.unique(group)}
    for position, index in zip(np.flatnonzero(known).tolist(), np.ravel(which).tolist(), strict=True):
        result[position] = first[group[index]]
    return result


def _specimen(name: str, site: str, santa_barbara: bool) -> str:
    """Id of the specimen that was measured, shared by records that may show the same object.

    In Santa Barbara a name is the code of material and condition and a running number: what has the code and the
    site in common may be one roof. Simulated canopies of like leaf area and chlorophyll count as one.
    """
    if santa_barbara:
        return f"earthlib {name.split('.')[0]} {site}"
    canopy = _CANOPY.search(name)
    if canopy:
        return f"earthlib canopy LAI {int(float(canopy[1])):d} CHL {int(float(canopy[2]) // 10) * 10:d}"
    return f"earthlib {name}"


def _under_two_classes(spectra: npt.NDArray[np.float32], classes: npt.NDArray[np.object_]) -> npt.NDArray[np.bool_]:
    found: dict[bytes, list[int]] = {}
    for index, spectrum in enumerate(spectra):
        found.setdefault(spectrum.tobytes(), []).append(index)
    ambiguous = np.zeros(len(spectra), dtype=bool)
    for indices in found.values():
        if len({classes[index] for index in indices}) > 1:
            ambiguous[indices] = True
    return ambiguous
