"""Files that survive being killed: atomic writes, the run store, its journal, Parquet with provenance.

A run is one ``.npz`` file in ``results/store/{phase}/{protocol}/{scene}/{setting}/{recipe}/``. The recipe is
a hash of everything that decides the numbers, so a file that exists is right by construction: a cell takes
what is there and computes the rest.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmixing.errors import UnmixingError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PROVENANCE_KEY = b"unmixing.provenance"

# Where a Parquet file keeps the checksum of its bytes: the key, what Thrift writes between a key and a value of 64
# characters, and what stands there while the checksum is computed.
_SEAL_KEY = b"unmixing.sha256"
_SEAL_MARK = _SEAL_KEY + b"\x18\x40"
_NO_SEAL = b"0" * 64

_JSON_SEAL = "unmixing_sha256"


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; move it onto ``path`` when the block succeeds.

    The folder is made if it is missing. On any failure the temporary file is removed and ``path`` is left as
    it was, so that no half-written file is ever seen under its final name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:  # noqa: ANN401 -- any JSON value
    """Return what a JSON file of the study holds, without its seal.

    Raises:
        UnmixingError: the file is missing or damaged, or does not fit its seal.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnmixingError(f"file {path} is missing: run the study to make it") from None
    except (OSError, ValueError) as fault:
        raise UnmixingError(f"file {path} is damaged ({fault}): delete it and run the study again") from None
    if isinstance(value, dict) and _JSON_SEAL in value:
        seal = value.pop(_JSON_SEAL)
        if seal != _json_digest(value):
            raise UnmixingError(f"file {path} is damaged (checksum): delete it and run the study again")
    return value


def write_json(path: Path, value: object, *, sealed: bool = False) -> None:
    """Write ``value`` to ``path`` atomically as indented JSON with sorted keys.

    Args:
        path: file to write.
        value: JSON value.
        sealed: add the checksum of a mapping as its key ``unmixing_sha256``, which ``read_json`` proves and takes away.
    """
    if sealed and isinstance(value, Mapping):
        value = {**value, _JSON_SEAL: _json_digest(value)}
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _json_digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read_cells(manifests: Sequence[Path]) -> list[dict[str, Any]]:
    """Return the cells that finished jobs have written into their manifests.

    Raises:
        UnmixingError: a manifest is missing or damaged.
    """
    found: list[dict[str, Any]] = []
    for path in manifests:
        content = read_json(path)
        cells = content.get("cells") if isinstance(content, dict) else None
        if not isinstance(cells, list) or not all(isinstance(cell, dict) and "phase" in cell for cell in cells):
            raise UnmixingError(f"file {path} is no manifest of a job: delete it and run the study again")
        found += cells
    return found


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """Return the 12 hexadecimal digits that name a recipe.

    Args:
        recipe: everything that decides a run's numbers: configuration values, numeric code version and the
            scene's checksum; JSON values only.
    """
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class CellStore:
    """The folder that holds the finished runs of one cell under one recipe.

    Attributes:
        folder: ``{store}/{phase}/{protocol}/{scene}/{setting}/{recipe}``.
    """

    folder: Path

    @classmethod
    def open(
        cls, store: Path, phase: str, protocol: str, scene: str, setting: str, recipe: Mapping[str, Any]
    ) -> "CellStore":
        """Return the cell's folder, made if needed, with the recipe written out beside its runs."""
        folder = store / phase / protocol / scene / setting / recipe_hash(recipe)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "recipe.json").exists():
            write_json(folder / "recipe.json", recipe)
        return cls(folder)

    @classmethod
    def of_manifest(cls, store: Path, cell: Mapping[str, Any]) -> "CellStore":
        """Return the folder of a finished cell.

        Args:
            store: the run store.
            cell: of a manifest (``read_cells``), with the keys phase, protocol, scene, setting and recipe.
        """
        return cls(store.joinpath(*(cell[key] for key in ("phase", "protocol", "scene", "setting", "recipe"))))

    def path(self, run: int) -> Path:
        """Return the file of a run."""
        return self.folder / f"{run}.npz"

    @contextlib.contextmanager
    def lock(self, waiting: str = "") -> Iterator[None]:
        """Hold this cell alone; a second holder waits.

        A job outlives a scheduler that was killed. The job that replaces it waits here until the orphan has
        finished and then finds the orphan's runs in the store, so that no run is trained twice.

        Args:
            waiting: printed once if somebody else holds the cell.
        """
        with (self.folder / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting:
                    print(waiting, flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
            for abandoned in self.folder.glob(".*.partial*"):
                abandoned.unlink(missing_ok=True)
            yield

    def journal(self, event: str, run: int, **details: object) -> None:
        """Append one line to the cell's journal; the write is a single system call, so lines never mix."""
        line = json.dumps({"time": time.time(), "event": event, "run": run, "process": os.getpid(), **details})
        descriptor = os.open(self.folder / "journal.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode() + b"\n")
        finally:
            os.close(descriptor)

    def write(self, run: int, arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> None:
        """Save a finished run: its arrays, and its record (JSON values) beside them."""
        with atomic_path(self.path(run)) as temporary, temporary.open("wb") as handle:
            np.savez(handle, **arrays, record=np.array(json.dumps(record)))  # type: ignore[arg-type]

    def read(self, run: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the arrays and the record of a finished run.

        Raises:
            UnmixingError: the file is missing or damaged.
        """
        path = self.path(run)
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            record = json.loads(str(arrays.pop("record")))
        except FileNotFoundError:
            raise UnmixingError(f"run file {path} is missing: start the study again to compute it") from None
        except Exception as fault:  # zipfile, zlib, struct and NumPy all raise their own on a damaged file
            reason = " ".join(str(fault).split())[:120] or type(fault).__name__
            raise UnmixingError(
                f"run file {path} is damaged ({reason}): delete it and start the study again"
            ) from fault
        if record.get("run", run) != run or record.get("recipe", self.folder.name) != self.folder.name:
            raise UnmixingError(
                f"run file {path} is damaged (it holds run {record.get('run')} of recipe {record.get('recipe')}): "
                "delete it and start the study again"
            )
        return arrays, record

    def finished(self, runs: int) -> list[int]:
        """Return the indices below ``runs`` whose files are there and sound; set damaged files aside.

        A damaged file keeps its bytes under the suffix ``.damaged`` and its run is computed again.
        """
        sound = []
        for run in range(runs):
            path = self.path(run)
            if not path.exists():
                continue
            try:
                self.read(run)
            except UnmixingError as fault:
                print(f"{fault} (set aside as {path.name}.damaged; the run is computed again)", flush=True)
                path.replace(path.with_name(path.name + ".damaged"))
            else:
                sound.append(run)
        return sound


def find_recipe(store: Path, run_id: str, recipe: str | None = None) -> tuple[Path, int]:
    """Return the folder of a stored run and the run's index.

    Args:
        store: the run store.
        run_id: ``phase/protocol/scene/setting/run``.
        recipe: name of the recipe; needed where the store holds the run under several.

    Raises:
        UnmixingError: no such run is stored, or several recipes have it and none is named.
    """
    *place, run = run_id.split("/")
    if len(place) != 4 or not run.isdecimal() or not all(re.fullmatch(r"\w[\w.-]*", part) for part in place):
        raise UnmixingError(f"{run_id!r} is no run: write phase/protocol/scene/setting/run, as in the column `id`")
    folders = sorted(path.parent for path in store.joinpath(*place).glob(f"*/{run}.npz"))
    found = [folder for folder in folders if recipe in (None, folder.name)]
    if not found:
        known = f"; it has recipes {', '.join(folder.name for folder in folders)}" if folders else ""
        raise UnmixingError(f"the store {store} holds no run {run_id}{known}: train it first, or correct the id")
    if len(found) > 1:
        names = ", ".join(folder.name for folder in found)
        raise UnmixingError(f"run {run_id} is stored under several recipes: add --recipe and one of {names}")
    return found[0], int(run)


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """Return all journal entries of the cells under ``folder``, by time.

    A line cut short by a full disk or a power failure is left out.
    """
    entries = []
    for path in sorted(folder.rglob("journal.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                entry = json.loads(line)
                if isinstance(entry, dict) and {"time", "event", "run"} <= set(entry):
                    entries.append({**entry, "cell": str(path.parent.relative_to(folder))})
    return sorted(entries, key=lambda entry: entry["time"])


def write_parquet(frame: "pd.DataFrame", path: Path, provenance: Mapping[str, Any]) -> None:
    """Write a tidy table atomically, with its provenance as JSON in the file's metadata."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)
    described = json.dumps(provenance, sort_keys=True).encode()
    metadata = {**(table.schema.metadata or {}), PROVENANCE_KEY: described}
    with atomic_path(path) as temporary:
        write_sealed(table.replace_schema_metadata(metadata), temporary)


def write_sealed(table: "pa.Table", path: Path) -> None:
    """Write an Arrow table as Parquet whose metadata hold the checksum of the file.

    Parquet alone lets flipped bits through: other numbers, and nobody would know.
    """
    import pyarrow.parquet as pq

    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), _SEAL_KEY: _NO_SEAL}), path)
    content = path.read_bytes()
    place = content.rfind(_SEAL_MARK + _NO_SEAL)
    if place >= 0:
        with path.open("r+b") as handle:
            handle.seek(place + len(_SEAL_MARK))
            handle.write(hashlib.sha256(content).hexdigest().encode())


def read_sealed(path: Path) -> "pa.Table":
    """Return the Arrow table of a Parquet file, proven by its seal where it has one.

    Raises:
        UnmixingError: the file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
        place = content.rfind(_SEAL_MARK) + len(_SEAL_MARK)
        if place >= len(_SEAL_MARK):
            seal, rest = content[place : place + 64], content[place + 64 :]
            if seal != hashlib.sha256(content[:place] + _NO_SEAL + rest).hexdigest().encode():
                raise ValueError("checksum")
        # No threads: one of Arrow that ends after the interpreter aborts the process (apache/arrow#34314).
        return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
    except FileNotFoundError:
        raise UnmixingError(f"table {path} is missing: run the study to make it") from None
    except (pa.ArrowException, OSError, ValueError) as fault:
        reason = (str(fault).splitlines() or [type(fault).__name__])[0]
        raise UnmixingError(f"table {path} is damaged ({reason}): delete it and run the study again") from fault


def read_parquet(path: Path) -> tuple["pd.DataFrame", dict[str, Any]]:
    """Return a table and its provenance.

    Raises:
        UnmixingError: the file is missing, damaged, or carries no provenance.
    """
    import pyarrow as pa

    table = read_sealed(path)
    metadata = table.schema.metadata or {}
    if PROVENANCE_KEY not in metadata:
        raise UnmixingError(f"table {path} carries no provenance: delete it and run the study again")
    try:
        return table.to_pandas(use_threads=False), json.loads(metadata[PROVENANCE_KEY])
    except (pa.ArrowException, ValueError) as fault:
        raise UnmixingError(f"table {path} is damaged ({fault}): delete it and run the study again") from fault


MEASURED_COLUMNS = ("seconds", "peak_memory_bytes")


def rows_digest(frame: "pd.DataFrame") -> str:
    """Return a hash of run rows that two equal studies share.

    Rows are sorted by run and endmember; columns that measure time and memory are left out, for they differ between two
    executions of the same study.
    """
    columns = [column for column in frame.columns if column not in MEASURED_COLUMNS]
    rows = frame[sorted(columns)].sort_values(["id", "endmember"]).reset_index(drop=True)
    return hashlib.sha256(rows.to_csv(index=False, float_format="%.17g").encode()).hexdigest()
