"""A copy of the project in a temporary folder, with a study that takes seconds."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from unmixing.configuration import merge
from unmixing.store import read_journal, read_parquet, rows_digest

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "reports", "envs")
TINY = {"runs": 2, "epochs": 2, "patches": 6, "patch_size": 8, "batch_size": 3}


class Project:
    """The copy: its files may be edited, its study run, its results read."""

    def __init__(self, folder: Path, **baseline: object) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "reference")
                shutil.copytree(source, folder / part, ignore=ignored)
            else:
                shutil.copy2(source, folder / part)
        self.configure(
            baseline={**TINY, **baseline},
            classical={"methods": ["vca_scls", "fcls_references"], "runs": 3},
            augmentation={"scenes": []},
            contrastive={"scenes": []},
            audit={"scenes": []},
            semantic={"scenes": []},
        )
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "workflow"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        self.environment.pop("UNMIXING_SCENES", None)

    def configure(self, **values: object) -> None:
        """Change keys of the configuration; keys of a section that are not named stay."""
        path = self.folder / "config.yaml"
        path.write_text(yaml.safe_dump(merge(yaml.safe_load(path.read_text()), values)))

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        text = file.read_text()
        assert old in text, f"{old!r} is not in {path}"
        file.write_text(text.replace(old, new, 1))

    def start(self, *words: str, program: str = "unmixing") -> subprocess.Popen[str]:
        """Start the study; the caller waits for it."""
        command = {
            "unmixing": [sys.executable, "-m", "unmixing.programs.command", "study", "--cores", "2", *words],
            "snakemake": [sys.executable, "-m", "snakemake", *words, "--cores", "2"],
        }[program]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, fails: bool = False, program: str = "unmixing") -> str:
        process = self.start(*words, program=program)
        output = process.communicate(timeout=600)[0]
        assert (process.returncode != 0) == fails, output
        return output

    def command(self, *words: str) -> str:
        """Run one program of `unmixing` in the copy."""
        command = [sys.executable, "-m", "unmixing.programs.command", *words]
        process = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        return process.stdout

    def planned(self) -> dict[str, int]:
        """Return how many jobs of each rule the study would run now."""
        output = self.run("--dry-run", "--quiet", "rules")
        if "Nothing to be done" in output:
            return {}
        assert "Job stats:" in output, output
        lines = output.partition("Job stats:")[2].partition("total")[0].splitlines()[3:]
        return {words[0]: int(words[1]) for words in map(str.split, lines) if len(words) == 2}

    @property
    def store(self) -> Path:
        return self.folder / "results/store"

    def starts(self) -> list[int]:
        """Return the index of every run that was ever started, in order."""
        return [entry["run"] for entry in read_journal(self.store) if entry["event"] == "start"]

    def digest(self) -> str:
        return rows_digest(read_parquet(self.folder / "results/demo/runs/baseline-described-synthetic_easy.parquet")[0])

    def text(self, path: str) -> str:
        return (self.folder / path).read_text()
