"""Reads a scene, proves it, and prints every check and a verdict: a file, or the id of a scene.

A file of the registry is recognised by its checksum and needs no options; any other ENVI, GeoTIFF, NumPy or MATLAB
file may need some. What passes here can be named under own_scenes in the configuration with the same values.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


def main(arguments: list[str]) -> int:
    """Print the checks; refuse in one line what cannot be proven."""
    options = _parser().parse_args(arguments)
    scene = _read(options.scene, _stanza(options))
    from unmixing.scenes.dataset import endmember_count, read_checks

    found = read_checks(scene)
    words = {True: "passed", False: "warning", None: "untested"}
    for check in found:
        allowed = f" (allowed: {check.allowed})" if check.allowed else ""
        note = f"; {check.note}" if check.note else ""
        print(f"{words[check.passed]:8}  {check.check}: {check.value}{allowed}{note}")
    rows, columns, bands = scene["cube"].shape
    axis = scene["wavelength"].to_numpy()
    source = scene.attrs["wavelength_source"]
    extent = "wavelengths unknown" if source == "unknown" else f"{axis[0]:.0f} to {axis[-1]:.0f} nm ({source})"
    place = ", georeferenced" if scene.attrs.get("georeference") else ""
    count = endmember_count(scene)
    kind = "references" if "endmembers" in scene else "endmembers to look for, no references"
    print(
        f"{scene.attrs['id']} ({scene.attrs['kind']}): {rows} x {columns} pixels{place}, {bands} bands, {extent}, "
        f"{count} {kind}"
    )
    warnings, untested = (sum(check.passed is state for check in found) for state in (False, None))
    remarks = [f"{number} {word}" for number, word in ((warnings, "with a warning"), (untested, "untested")) if number]
    passed = sum(check.passed is True for check in found)
    print(", ".join([f"verdict: usable, {passed} of {len(found)} checks passed", *remarks]), flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="unmixing check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scene", help="a file, or the id of a registered scene")
    add = parser.add_argument
    add("--wavelengths", help="file, unknown, numbers with commas, a text file, 'linear FIRST LAST BANDS', a sensor")
    add("--wavelength-units", help="nanometers or micrometers, where the file says nothing")
    add("--endmembers", help="how many there are, or auto (the default without references)")
    add("--references", help="CSV or ENVI library of reference spectra")
    add("--names", help="names of the file's own reference endmembers, with commas")
    add("--cube", help="variable with the cube, in MATLAB and .npz files")
    add("--rows", type=int, help="height in pixels, where the file stores pixels in a list")
    add("--cols", type=int, help="width in pixels")
    add("--pixel-order", choices=["C", "F"], help="C (along the rows) or F, for pixels in a list")
    add("--band-axis", type=int, help="axis of the bands, from 0")
    add("--bad-bands", help="numbers of bands to leave out, from 1, with commas")
    add("--nodata", type=float, help="value that marks pixels without data")
    add("--scale-factor", type=float, help="number that turns reflectance into the stored values")
    return parser


def _stanza(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given, as the keys of a stanza."""
    from unmixing.errors import UnmixingError

    given = {key: value for key, value in vars(options).items() if value is not None and key != "scene"}

    def numbers(key: str, kind: type) -> None:
        try:
            given[key] = [kind(part) for part in given[key].split(",")]
        except ValueError:
            raise UnmixingError(f"--{key.replace('_', '-')} {given[key]!r}: give numbers with commas") from None

    if "," in given.get("wavelengths", ""):
        numbers("wavelengths", float)
    if "bad_bands" in given:
        numbers("bad_bands", int)
    if "names" in given:
        given["names"] = [name.strip() for name in given["names"].split(",")]
    if given.get("endmembers", "auto") != "auto":
        if not given["endmembers"].isdecimal():
            raise UnmixingError(f"--endmembers {given['endmembers']!r}: give a number, or auto")
        given["endmembers"] = int(given["endmembers"])
    return given


def _read(name: str, stanza: dict[str, Any]) -> "xr.Dataset":
    """Read a scene of the registry, or a file with what the options say of it."""
    from unmixing.errors import UnmixingError
    from unmixing.scenes import read_own_scene, read_registered_scene, read_scene
    from unmixing.scenes.availability import find_scenes
    from unmixing.scenes.reading import file_sha256, git_blob_id
    from unmixing.scenes.registry import load_registry, recognise
    from unmixing.study import scene_places

    path = Path(name).expanduser()
    if not path.exists() and name in load_registry():
        if stanza:
            raise UnmixingError(f"scene {name} is registered: leave out --{next(iter(stanza)).replace('_', '-')}")
        (known,) = find_scenes([name], *scene_places())
        if not known.available:
            raise UnmixingError(f"scene {name} is missing: {known.reason}")
        if known.path is None:
            from unmixing.scenes.synthetic import make_synthetic

            return make_synthetic(name)
        return read_registered_scene(name, known.path)
    if not path.is_file():
        raise UnmixingError(f"{name}: no such file, and no scene of the registry: {', '.join(load_registry())}")
    registered = recognise(sha256=file_sha256(path), git_blob=git_blob_id(path))
    if not stanza and (registered is not None or path.suffix.lower() == ".nc"):
        return read_scene(path)
    return read_own_scene({"endmembers": "auto", **stanza, "path": str(path)})
