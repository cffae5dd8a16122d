"""Reads a scene, proves it, and prints every check and a verdict: a file, or the id of a scene.

A file of the registry is recognised by its checksum and needs no options; any other ENVI, GeoTIFF, NumPy or MATLAB
file may need some. What passes here can be named under own_scenes in the configuration with the same values; how many
endmembers there are is counted where neither an option nor the file says so.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    import xarray as xr

#: Options that are numbers, and those that are lists, by what their parts are.
NUMBERS = {
    "rows": int,
    "cols": int,
    "band_axis": int,
    "nodata": float,
    "scale_factor": float,
    "label_block": int,
    "unlabelled": int,
}
LISTS: dict[str, type] = {"wavelengths": float, "bad_bands": int, "names": str, "prompts": str, "label_names": str}


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
    from unmixing.scenes.stanza import OwnScene

    parser = argparse.ArgumentParser(
        prog="unmixing check", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scene", help="a file, or the id of a registered scene")
    for key, field in OwnScene.model_fields.items():
        if key != "path":
            first = get_args(field.annotation)[0]
            parser.add_argument(
                f"--{key.replace('_', '-')}",
                type=NUMBERS.get(key, str),
                choices=get_args(first) if get_origin(first) is Literal else None,
                help=f"{field.description}{' (a list has commas)' if key in LISTS else ''}",
            )
    return parser


def _stanza(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given, as the keys of a stanza."""
    from unmixing.errors import UnmixingError

    given = {key: value for key, value in vars(options).items() if value is not None and key != "scene"}
    for key, kind in LISTS.items():
        # One word of wavelengths is the name of a file or a sensor, not a list.
        if key in given and (key != "wavelengths" or "," in given[key]):
            try:
                given[key] = [kind(word.strip()) for word in given[key].split(",")]
            except ValueError:
                raise UnmixingError(f"--{key.replace('_', '-')} {given[key]!r}: give numbers with commas") from None
    if all(":" in prompt for prompt in given.get("prompts", [""])):
        pairs = (prompt.split(":", 1) for prompt in given["prompts"])
        given["prompts"] = {name.strip(): material.strip() for name, material in pairs}
    if given.get("endmembers", "auto") != "auto":
        if not given["endmembers"].isdecimal():
            raise UnmixingError(f"--endmembers {given['endmembers']!r}: give a number, or auto")
        given["endmembers"] = int(given["endmembers"])
    return given


def _read(name: str, stanza: dict[str, Any]) -> "xr.Dataset":
    """Read a scene of the registry, or a file with what the options say of it."""
    from unmixing.errors import UnmixingError
    from unmixing.scenes import read_registered_scene
    from unmixing.scenes.availability import find_scenes
    from unmixing.scenes.own import read_file
    from unmixing.scenes.registry import load_registry
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
    return read_file(path, stanza)
