"""Unmixes a scene into materials that are named: maps as GeoTIFF or ENVI, spectra, residual, and where it abstains."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


def main(arguments: list[str]) -> int:
    """Write the maps of one scene into a folder."""
    parser = argparse.ArgumentParser(prog="unmixing unmix", description=__doc__)
    parser.add_argument("scene", help="NetCDF, ENVI, GeoTIFF, MATLAB or NumPy file with wavelengths")
    parser.add_argument("prompts", nargs="+", help='names of the materials to look for, such as "pine tree"')
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--format", choices=["geotiff", "envi"], help="of the maps; what fits the scene by default")
    parser.add_argument("--model", type=Path, help="a trained model (.safetensors); the shipped one by default")
    parser.add_argument(
        "--prior",
        choices=["tilt", "divergence", "none"],
        default="tilt",
        help="how the names of the materials weigh in; none leaves them out",
    )
    parser.add_argument("--brightness", choices=["solved", "fixed", "shade"], default="solved", help="of a pixel")
    parser.add_argument("--endmembers", choices=["decoded", "library"], default="decoded", help="where from")
    parser.add_argument("--unseen", choices=["refuse", "text"], default="refuse", help="prompts without a spectrum")
    parser.add_argument("--ontology", type=Path, action="append", default=[], help="a file that adds concepts")
    parser.add_argument("--wavelengths", help="of scenes without: a text file, 'linear FIRST LAST BANDS', or a sensor")
    parser.add_argument("--scale-factor", type=float, help="number that turns reflectance into the stored values")
    options = parser.parse_args(arguments)
    from unmixing.semantic.outputs import write_unmixed
    from unmixing.semantic.prompts import study_ontology
    from unmixing.semantic.scene_unmixing import unmix

    said = {"wavelengths": options.wavelengths, "scale_factor": options.scale_factor}
    result = unmix(
        _read(options.scene, {key: value for key, value in said.items() if value is not None}),
        options.prompts,
        model=options.model,
        prior=options.prior,
        brightness=options.brightness,
        endmembers=options.endmembers,
        unseen=options.unseen,
        ontology=study_ontology(*options.ontology) if options.ontology else None,
    )
    files = write_unmixed(result, options.output, options.format)
    for note in json.loads(result.attrs["notes"]):
        print(note)
    shares = result["abundances"].mean(("row", "col"), skipna=True).to_numpy()
    told = ", ".join(f"{prompt} {share:.2f}" for prompt, share in zip(options.prompts, shares, strict=True))
    print(f"{result.attrs['method']}: {told}; abstains on {float(result['abstain'].mean()):.0%} of the pixels")
    print(f"{', '.join(files)} in {options.output}", flush=True)
    return 0


def _read(name: str, said: dict[str, Any]) -> "xr.Dataset":
    """Read a file, or make the synthetic scene of that name."""
    from unmixing.errors import UnmixingError
    from unmixing.scenes import read_own_scene, read_scene
    from unmixing.scenes.reading import file_sha256, git_blob_id
    from unmixing.scenes.registry import recognise
    from unmixing.scenes.synthetic import SYNTHETIC_SCENES, make_synthetic

    path = Path(name).expanduser()
    if not path.exists() and name in SYNTHETIC_SCENES:
        return make_synthetic(name)
    if not path.is_file():
        raise UnmixingError(f"{name}: no such file, and none of {', '.join(SYNTHETIC_SCENES)}: check the path")
    known = recognise(sha256=file_sha256(path), git_blob=git_blob_id(path))
    if not said and (known is not None or path.suffix.lower() == ".nc"):
        return read_scene(path)
    return read_own_scene({"endmembers": "auto", **said, "path": str(path)})
