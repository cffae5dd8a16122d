"""Trains one stored run again and compares the estimates bit for bit."""

import argparse
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Replay one run; the exit status is 1 if it came out differently."""
    parser = argparse.ArgumentParser(prog="unmixing replay", description=__doc__)
    parser.add_argument("run", help="id of the run: phase/protocol/scene/setting/run, as in the column `id`")
    parser.add_argument("--recipe", help="which recipe of the setting; needed where the store holds several")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder with store/ and scenes/")
    options = parser.parse_args(arguments)

    import numpy as np
    import torch

    from unmixing.code_version import NUMERIC_MODULES, code_version
    from unmixing.errors import UnmixingError
    from unmixing.scenes.dataset import endmember_count, open_scene
    from unmixing.store import CellStore, find_recipe, read_json
    from unmixing.training.cell import stored_arrays
    from unmixing.training.job import recipe_labels
    from unmixing.training.trainers import trainer

    folder, run = find_recipe(options.results / "store", options.run, options.recipe)
    arrays, record = CellStore(folder).read(run)
    recipe = read_json(folder / "recipe.json")
    if recipe["code"] not in {code_version(phase) for phase in NUMERIC_MODULES}:
        print(f"the numeric code has changed since {options.run} was trained: differences are to be expected")
    scene = open_scene(options.results / "scenes" / f"{recipe['scene']}.nc")
    if scene.attrs["content_sha256"] != recipe["scene_sha256"]:
        raise UnmixingError(
            f"scene {recipe['scene']} is not the one that {options.run} was trained on: its checksum is "
            f"{scene.attrs['content_sha256'][:12]}, not {recipe['scene_sha256'][:12]}; put the old file back"
        )
    torch.set_num_threads(int(record["provenance"].get("threads", 1)))
    torch.set_deterministic_debug_mode("error" if recipe["device"] == "cpu" else "warn")
    valid = scene["valid"].to_numpy().astype(bool) if "valid" in scene else None
    store = options.results / "store"
    labels = recipe_labels(scene, store, recipe)
    known = trainer(recipe, scene["cube"].to_numpy(), valid, endmember_count(scene), store / ".scratch", labels)
    again = stored_arrays(*known.train(run, None))
    arrays.pop("curve_seconds", None)  # The clock is nobody's estimate.
    different = [name for name in arrays if not np.array_equal(arrays[name], again[name], equal_nan=True)]
    if not different:
        print(f"{options.run} (recipe {folder.name}): the same, bit for bit, in {', '.join(sorted(arrays))}")
        return 0
    largest = {name: float(np.nanmax(np.abs(arrays[name] - again[name]))) for name in different}
    told = ", ".join(f"{name} by up to {value:.3g}" for name, value in largest.items())
    print(f"{options.run} (recipe {folder.name}): differs in {told}; made with {record['provenance']}")
    return 1
