"""Downloads scenes of the registry into the cache, each verified by its checksum; nothing else uses the network."""

import argparse


def main(arguments: list[str]) -> int:
    """Download scenes, one line for each."""
    parser = argparse.ArgumentParser(prog="unmixing fetch", description=__doc__)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="scene ids; all that can be had if left out")
    options = parser.parse_args(arguments)
    from unmixing.errors import UnmixingError
    from unmixing.scenes.availability import find_scenes
    from unmixing.scenes.fetch import fetch_scene
    from unmixing.scenes.registry import load_registry, scene_entry
    from unmixing.study import scene_places

    folder, cache = scene_places()
    place = f"the folder {folder}" if folder else "a folder, and set UNMIXING_SCENES to it"
    failures = 0
    for entry in [scene_entry(name) for name in options.scenes or load_registry()]:
        (known,) = find_scenes([entry.id], folder, cache)
        if entry.embedded:
            line = "made by the study itself"
        elif known.path is not None:
            line = f"at hand: {known.path}"
        elif not all(item.addresses for item in entry.files):
            line = f"no public address is known: put {entry.files[0].path} into {place}"
            failures += bool(options.scenes)
        else:
            try:
                line = f"downloaded to {fetch_scene(entry, cache)}"
            except UnmixingError as fault:
                line = str(fault).removeprefix(f"scene {entry.id!r}: ")
                failures += 1
        print(f"{entry.id}: {line}", flush=True)
    return 1 if failures else 0
