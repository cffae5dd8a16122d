"""Unmixes a scene into materials that are named: maps as GeoTIFF or ENVI, spectra, residual, and where it abstains."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


def main(arguments: list[str]) -> int:
    """Write the maps of one scene into a folder."""
    options = _parser().parse_args(arguments)
    from unmixing.errors import UnmixingError
    from unmixing.scenes.reading import file_sha256
    from unmixing.semantic.anchors import load_default_anchors, read_anchors
    from unmixing.semantic.energy import Meter
    from unmixing.semantic.governance import AUDIT_LOG, append_record, audit_record
    from unmixing.semantic.model import MODELS_FOLDER, read_model
    from unmixing.semantic.outputs import write_unmixed
    from unmixing.semantic.own_spectra import read_own_spectra
    from unmixing.semantic.prompts import study_ontology
    from unmixing.semantic.questions import ask_model
    from unmixing.semantic.scene_unmixing import unmix

    meter = Meter()
    said = {"wavelengths": options.wavelengths, "scale_factor": options.scale_factor}
    scene, inputs = read_input(options.scene, {key: value for key, value in said.items() if value is not None})
    path = options.model or MODELS_FOLDER / "small.safetensors"
    model = read_model(path)
    family = model.facts.text_encoder.partition(":")[0]
    store = read_anchors(options.anchors) if options.anchors else load_default_anchors(family)
    ontology = study_ontology(*options.ontology)
    own = read_own_spectra(options.library, ontology) if options.library else None
    for library in options.library:
        if library.name in inputs:
            raise UnmixingError(
                f"two files are called {library.name}: rename one of them, as the audit record has both"
            )
        inputs[library.name] = file_sha256(library)
    asking = {"anchors": store, "ontology": ontology, "unseen": options.unseen, "own": own}
    how = {"prior": options.prior, "brightness": options.brightness, "endmembers": options.endmembers}
    result = unmix(scene, options.prompts, model=model, **asking, **how)
    files = write_unmixed(result, options.output, options.format)
    record = audit_record(
        command="unmix",
        configuration={**how, **said, "unseen": options.unseen, "prompts": options.prompts},
        inputs=inputs,
        asked=ask_model(model, options.prompts, **asking),
        store=store,
        model=model,
        model_sha256=file_sha256(path),
        spent=meter.read(),
        outputs={name: file_sha256(options.output / name) for name in files},
    )
    append_record(options.output / AUDIT_LOG, record)
    for note in json.loads(result.attrs["notes"]):
        print(note)
    if own and own.unnamed:
        print(f"{len(own.unnamed)} of your spectra name no concept: {', '.join(map(repr, own.unnamed))}")
    shares = result["abundances"].mean(("row", "col"), skipna=True).to_numpy()
    told = ", ".join(f"{prompt} {share:.2f}" for prompt, share in zip(options.prompts, shares, strict=True))
    print(f"{result.attrs['method']}: {told}; abstains on {float(result['abstain'].mean()):.0%} of the pixels")
    print(f"{', '.join([*files, AUDIT_LOG])} in {options.output}", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="unmixing unmix", description=__doc__)
    parser.add_argument("scene", help="NetCDF, ENVI, GeoTIFF, MATLAB or NumPy file with wavelengths")
    parser.add_argument("prompts", nargs="+", help='names of the materials to look for, such as "pine tree"')
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--format", choices=["geotiff", "envi"], help="of the maps; what fits the scene by default")
    parser.add_argument("--model", type=Path, help="a trained model (.safetensors); the shipped one by default")
    parser.add_argument(
        "--prior",
        choices=["divergence", "tilt", "none"],
        default="divergence",
        help="how the names of the materials weigh in; none leaves them out",
    )
    parser.add_argument("--brightness", choices=["solved", "fixed", "shade"], default="solved", help="of a pixel")
    parser.add_argument(
        "--endmembers",
        choices=["chosen", "decoded", "library"],
        default="chosen",
        help="chosen by each pixel among library spectra, decoded by the model, or the library's means",
    )
    parser.add_argument("--unseen", choices=["refuse", "text"], default="refuse", help="prompts without a spectrum")
    parser.add_argument(
        "--library",
        type=Path,
        action="append",
        default=[],
        help="your own spectra (ENVI; or CSV, wavelengths first, a column for each), instead of the library's of the "
        "materials that its names name",
    )
    parser.add_argument("--ontology", type=Path, action="append", default=[], help="a file that adds concepts")
    parser.add_argument("--anchors", type=Path, help="a store of unmixing anchors; the shipped one by default")
    parser.add_argument("--wavelengths", help="of scenes without: a text file, 'linear FIRST LAST BANDS', or a sensor")
    parser.add_argument("--scale-factor", type=float, help="number that turns reflectance into the stored values")
    return parser


def read_input(name: str, said: dict[str, Any] | None = None) -> tuple["xr.Dataset", dict[str, str]]:
    """Read a file, or make the synthetic scene of that name.

    Args:
        name: path or name.
        said: what the file does not say of itself.

    Returns:
        The scene, and the SHA-256 of the file, or of what was made, by name.
    """
    from unmixing.errors import UnmixingError
    from unmixing.scenes.own import read_file
    from unmixing.scenes.reading import file_sha256
    from unmixing.scenes.synthetic import SYNTHETIC_SCENES, make_synthetic

    path = Path(name).expanduser()
    if not path.exists() and name in SYNTHETIC_SCENES:
        made = make_synthetic(name)
        return made, {name: str(made.attrs["content_sha256"])}
    if not path.is_file():
        raise UnmixingError(f"{name}: no such file, and none of {', '.join(SYNTHETIC_SCENES)}: check the path")
    return read_file(path, said or {}), {path.name: file_sha256(path)}
