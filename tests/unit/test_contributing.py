"""The worked examples of CONTRIBUTING.md, followed word for word in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from unmixing.store import write_json, write_parquet

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r'```\w+ (?P<file>\S+) (?P<how>new|after|replace)(?: "(?P<text>[^\n]*)")?\n(?P<body>.*?)```', re.DOTALL
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    copy = tmp_path_factory.mktemp("project")
    for name in ("Snakefile", "config.yaml", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, copy)
    for name in ("workflow", "profiles", "reports/captions", "envs"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    blocks = list(BLOCK.finditer((copy / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    assert len(blocks) == (copy / "CONTRIBUTING.md").read_text(encoding="utf-8").count("```") // 2
    for block in blocks:
        follow(copy, block)
    return copy


def follow(project, block):
    path = project / block["file"]
    if block["how"] == "new":
        assert not path.exists(), f"{path} is there already"
        path.write_text(block["body"], encoding="utf-8")
        return
    text, sought = path.read_text(encoding="utf-8"), block["text"].replace('\\"', '"')
    assert text.count(sought) == 1, f"{block['file']} holds {sought!r} {text.count(sought)} times"
    if block["how"] == "replace":
        path.write_text(text.replace(sought, block["body"].rstrip("\n")), encoding="utf-8")
        return
    end = text.index("\n", text.index(sought)) + 1
    path.write_text(text[:end] + block["body"] + text[end:], encoding="utf-8")


def run(project, *words):
    place = {**os.environ, "PYTHONPATH": str(project / "workflow"), "OMP_NUM_THREADS": "1"}
    place = {key: value for key, value in place.items() if not key.startswith("UNMIXING_")}
    place["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{place['PATH']}"
    return subprocess.run(
        [sys.executable, *words], cwd=project, env=place, capture_output=True, text=True, timeout=200, check=False
    )


def test_the_treatment_of_the_example_blurs(project):
    code = (
        "import numpy as np, torch\n"
        "from unmixing.augment import augment\n"
        "images = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))\n"
        "made, drawn = augment(images, 'blur_4', np.random.default_rng(0))\n"
        "print(float(made.std() / images.std()), max(one['blur_sigma'] for one in drawn))"
    )
    done = run(project, "-c", code)
    assert done.returncode == 0, done.stderr
    spread, sigma = map(float, done.stdout.split())
    assert spread < 0.9
    assert 0.1 <= sigma <= 4


def test_the_loss_of_the_example_trains(project):
    code = (
        "import torch\n"
        "from dataclasses import replace\n"
        "from unmixing.losses.angles import LOSSES\n"
        "from unmixing.protocol.baseline import PROTOCOLS\n"
        "field = replace(PROTOCOLS['described'], loss='mean_square').loss\n"
        "x = torch.full((1, 2, 1, 1), 3.0, requires_grad=True)\n"
        "loss = LOSSES[field](x, torch.ones(1, 2, 1, 1))\n"
        "loss.backward()\n"
        "print(float(loss), x.grad.flatten().tolist())"
    )
    done = run(project, "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[0] == "4.0 [2.0, 2.0]"


def test_the_table_of_the_example_is_a_target_and_is_made(project, tmp_path):
    rows = pd.DataFrame({"id": ["a", "b", "b"], "scene": "meadow", "seconds": [1.0, 3.0, 3.0]})
    write_parquet(rows, tmp_path / "rows.parquet", {"recipes": {}, "scene_sha256": "0"})
    write_json(tmp_path / "study.json", {"name": "meadow", "scenes": [], "scale": {}})
    words = ["table", "longest", "--rows", f"{tmp_path}/rows.parquet", "--study", f"{tmp_path}/study.json"]
    done = run(project, "-m", "unmixing.programs.command", *words, "--output", str(tmp_path / "table_longest.html"))
    assert done.returncode == 0, done.stderr
    made = pd.read_csv(tmp_path / "table_longest.csv")
    assert made[["scene", "seconds", "runs"]].to_numpy().tolist() == [["meadow", 3.0, 2]]
    listed = run(project, "-m", "snakemake", "--list-target-rules", "--cores", "1")
    assert "table_longest" in listed.stdout.split(), listed.stderr


def test_the_scene_of_the_example_is_a_study(project):
    header = (
        "ENVI\nsamples = 12\nlines = 10\nbands = 6\nheader offset = 0\ndata type = 4\ninterleave = bip\n"
        "byte order = 0\n"
        "wavelength units = Nanometers\nwavelength = {450, 550, 650, 750, 850, 950}\n"
    )
    (project / "meadow.hdr").write_text(header, encoding="utf-8")
    spectra = np.random.default_rng(0).uniform(0.05, 0.6, (10, 12, 6)).astype("<f4")
    (project / "meadow.img").write_bytes(spectra.tobytes())
    assert yaml.safe_load((project / "meadow.yaml").read_text(encoding="utf-8"))["study"] == "meadow"
    done = run(project, "-m", "unmixing.programs.command", "study", "--study", "meadow.yaml", "-n")
    assert done.returncode == 0, done.stderr + done.stdout
    assert "results/scenes/meadow.nc" in done.stdout + done.stderr or "scene" in done.stdout
