"""Which scenes are at hand: settled before a study is planned, without a network and without reading a file.

Imports nothing heavy: every start of the workflow comes through here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unmixing.scenes.registry import SceneEntry, SourceFile, scene_entry


@dataclass(frozen=True)
class Availability:
    """Whether a scene can be read here.

    Attributes:
        scene: its id.
        title: its name in tables.
        kind: real, crop or synthetic.
        paper: whether it is one of the six scenes of the paper.
        available: whether all its files are at hand, or the study makes it itself.
        path: the file to read; None for embedded and missing scenes.
        reason: why it is missing and what to do, in one line; "" when it is available.
    """

    scene: str
    title: str
    kind: str
    paper: bool
    available: bool
    path: Path | None
    reason: str


def find_scenes(scene_ids: Iterable[str], folder: Path | None = None, cache: Path | None = None) -> list[Availability]:
    """Say for each scene whether it can be read, and if not, what to do.

    Args:
        scene_ids: ids of the registry.
        folder: the user's folder of scenes, or None.
        cache: folder of downloaded scenes, or None; used where the folder lacks a file.

    Raises:
        UnmixingError: an id is not in the registry.
    """
    return [_find(scene_entry(scene_id), folder, cache) for scene_id in scene_ids]


SEMI_REAL_SCENES = {f"urban{count}_semi_real": f"urban/end{count}_groundTruth.mat" for count in (4, 5, 6)}
"""Full-size Urban scenes made of real abundances and real pure-pixel spectra: id, and file in the scenes folder."""

SEMI_REAL_LIBRARY = "spectral_library_urban.mat"


def find_semi_real(scenes: Path | None, libraries: Path | None) -> dict[str, tuple[Availability, list[Path]]]:
    """Say for each semi-real scene whether it can be made, and of which two files.

    Args:
        scenes: the user's folder of scenes, or None.
        libraries: the user's folder of spectral libraries, or None.
    """
    found = {}
    for scene, name in SEMI_REAL_SCENES.items():
        wanted = [(scenes, name, "UNMIXING_SCENES"), (libraries, SEMI_REAL_LIBRARY, "UNMIXING_LIBRARIES")]
        missing = [(name, place) for folder, name, place in wanted if folder is None or not (folder / name).is_file()]
        reason = "; ".join(f"{name} is not at hand: set {place} to the folder that holds it" for name, place in missing)
        files = [] if missing else [Path(str(folder)) / name for folder, name, _ in wanted]
        title = f"Urban{scene[5]}, semi-real"
        known = Availability(scene, title, "semi-real", False, not missing, files[0] if files else None, reason)
        found[scene] = (known, files)
    return found


def locate(item: SourceFile, folder: Path | None, cache: Path | None) -> Path | None:
    """Return where a file of a scene lies (folder before cache), or None."""
    for root in (folder, cache):
        if root is not None and _fits(Path(root) / item.path, item):
            return Path(root) / item.path
    return None


def _find(entry: SceneEntry, folder: Path | None, cache: Path | None) -> Availability:
    path: Path | None = None
    reason = ""
    # all files of a scene must lie in one root, because the readers find the others beside the first
    if not entry.embedded:
        roots = [Path(root) for root in (folder, cache) if root is not None]
        for root in roots:
            if all(_fits(root / item.path, item) for item in entry.files):
                path = root / entry.files[0].path
                break
        else:
            reason = _reason(entry, folder, cache)
    return Availability(
        scene=entry.id,
        title=entry.title,
        kind=entry.kind,
        paper=entry.paper,
        available=entry.embedded or path is not None,
        path=path,
        reason=reason,
    )


def _fits(path: Path, item: SourceFile) -> bool:
    try:
        size = path.stat().st_size
    except OSError:
        return False
    return path.is_file() and item.bytes in (0, size)


def _reason(entry: SceneEntry, folder: Path | None, cache: Path | None) -> str:
    wanting = next((item for item in entry.files if locate(item, folder, cache) is None), entry.files[0])
    for root in (folder, cache):
        if root is not None and (Path(root) / wanting.path).is_file():
            found = (Path(root) / wanting.path).stat().st_size
            if wanting.bytes not in (0, found):
                return (
                    f"{Path(root) / wanting.path} has {found} bytes instead of {wanting.bytes}: "
                    f"replace it by the file of the registry"
                )
    places = [f"not in the scenes folder {folder}"] if folder is not None else ["UNMIXING_SCENES is not set"]
    if cache is not None:
        places.append(f"not in the cache {cache}")
    remedy = "put it there" if folder is not None else "set UNMIXING_SCENES to the folder that holds it"
    if all(item.addresses for item in entry.files):
        remedy += ", or run `make scenes`"
    else:
        remedy += " (no public address is known)"
    return f"{wanting.path}: {', '.join(places)}: {remedy}"
