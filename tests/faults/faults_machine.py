"""Full and read-only disks, neighbours that want the same files, clocks that jump, machines that lack something."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from faults.ground import SCENE, call, environment, fault, finished, mounted, no_halves, refused
from unmixing.store import CellStore, read_journal


def _ballast(folder: Path, left: int) -> Path:
    """Fill a file system up to some bytes."""
    path = folder / "ballast"
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    path.write_bytes(b"x" * max(0, free - left))
    return path


@fault("disk", "the disk is full when a run is written")
def full_at_run(folder: Path) -> str:
    with mounted(folder, size="16m"):
        ground, wanted = finished(folder)
        ground.run_file(1).unlink()
        ground.manifest.unlink()
        ballast = _ballast(folder, left=6000)
        seen = refused(ground.train(), "No space left")
        no_halves(folder)
        assert not ground.manifest.exists()
        ballast.unlink()
        ground.ends_the_same(wanted)
    return seen


@fault("disk", "the disk is full when rows are written")
def full_at_rows(folder: Path) -> str:
    with mounted(folder, size="16m"):
        ground, wanted = finished(folder)
        ground.rows.unlink()
        ballast = _ballast(folder, left=5000)
        seen = refused(ground.evaluate(), "No space left")
        no_halves(folder)
        assert not ground.rows.exists()
        ballast.unlink()
        ground.ends_the_same(wanted)
    return seen


@fault("disk", "the disk is full when a scene is written")
def full_at_scene(folder: Path) -> str:
    with mounted(folder, size="64k"):
        seen = refused(call("scene", SCENE, "--output", folder / "scene.nc"))
        assert list(folder.iterdir()) == []
    return seen


@fault("disk", "the disk is full when a table is written")
def full_at_table(folder: Path) -> str:
    with mounted(folder, size="16m"):
        ground, wanted = finished(folder)
        ballast = _ballast(folder, left=0)
        seen = refused(ground.table(), "No space left")
        no_halves(folder)
        ballast.unlink()
        ground.ends_the_same(wanted)
    return seen


@fault("disk", "the disk has space but takes no more files")
def no_more_files(folder: Path) -> str:
    with mounted(folder, size="16m", options=",nr_inodes=60"):
        ground, wanted = finished(folder)
        ground.run_file(1).unlink()
        made = []
        with contextlib.suppress(OSError):
            for number in range(100):
                made.append(folder / f"file{number}")
                made[-1].touch()
        ground.manifest.unlink()
        seen = refused(ground.train(), "No space left") if made else ""
        for path in made:
            path.unlink(missing_ok=True)
        no_halves(folder)
        ground.ends_the_same(wanted)
    return seen


@fault("disk", "the results are read-only")
def read_only(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(1).unlink()
    with mounted(folder):
        refused(ground.evaluate(), "1.npz is missing")
        seen = refused(ground.train(), "Read-only file system")
    ground.ends_the_same(wanted)
    return seen


@fault("disk", "a file may not grow beyond a limit of the system", slow=True)
def file_limit(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(1).unlink()
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    done = _train(ground, script)
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    no_halves(folder)
    ground.ends_the_same(wanted)
    return f"refused: {done.stderr.splitlines()[-1]}"


@fault("disk", "a file lies where the run store should be")
def file_for_store(folder: Path) -> str:
    ground, _ = finished(folder)
    path = folder / "a file"
    path.touch()
    return refused(ground.train(store=path), "a file")


@fault("disk", "the run store is a link that leads nowhere")
def dangling_store(folder: Path) -> str:
    ground, _ = finished(folder)
    link = folder / "link"
    link.symlink_to(folder / "nowhere" / "deeper")
    return refused(ground.train(store=link), "link")


def _train(ground, before: str = "", **changes: str) -> "subprocess.CompletedProcess[str]":  # type: ignore[no-untyped-def]
    """Train in a process of its own, in which a script is run before."""
    job = ground.study.job("baseline", "described", SCENE, "standard")
    words = ["train", "--job", job, "--scene", ground.scene, "--store", ground.store, "--manifest", ground.manifest]
    words += ["--log", ground.folder / "train.log"]
    script = f"{before}\nimport sys\nfrom unmixing.programs.command import main\nsys.exit(main())\n"
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True,
        text=True,
        env=environment(**changes),
        timeout=240,
    )


@fault("machine", "the process may not have the memory that it needs", slow=True)
def little_memory(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(1).unlink()
    # Enough to load the libraries, not enough for a large array.
    script = (
        "import resource, torch, xarray, h5netcdf, pandas, scipy.optimize\n"
        "import unmixing.scenes.dataset as dataset\n"
        "opened = dataset.open_scene\n"
        "def limited(path):\n"
        "    found = opened(path)\n"
        "    size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 20), size + (1 << 20)))\n"
        "    return found\n"
        "dataset.open_scene = limited\n"
    )
    done = _train(ground, script)
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("unmixing train: memory does not suffice"), done.stderr
    assert "Traceback" not in done.stderr
    ground.ends_the_same(wanted)
    return f"refused: {done.stderr.splitlines()[-1]}"


@fault("machine", "there is no graphics processor although the configuration asks for one")
def no_graphics_processor(folder: Path) -> str:
    from faults.ground import study

    ground, _ = finished(folder)
    ground.study = study(folder, device="cuda:7")
    return refused(ground.train(), "device cuda:7", "device: cpu")


@fault("machine", "UNMIXING_SCENES names a folder that is not there")
def no_folder(folder: Path) -> str:
    from unmixing.errors import UnmixingError
    from unmixing.study import scene_places

    try:
        scene_places({"UNMIXING_SCENES": str(folder / "none")})
    except UnmixingError as refusal:
        return f"refused: {refusal}"
    raise AssertionError("a folder that is not there was taken")


@fault("machine", "there is no git", slow=True)
def no_git(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(1).unlink()
    done = _train(ground, PATH="/nowhere")
    assert done.returncode == 0, done.stderr
    _, record = CellStore(ground.run_file(1).parent).read(1)
    assert record["provenance"]["commit"] == "unknown"
    return ground.ends_the_same(wanted)


@fault("machine", "the terminal knows ASCII alone, and a name does not fit into it", slow=True)
def ascii_terminal(folder: Path) -> str:
    ground, wanted = finished(folder)
    target = folder / "é水"
    (folder / "scenes").rename(target)
    done = subprocess.run(
        [sys.executable, "-m", "unmixing.programs.command", "check", str(target / "none.nc")],
        capture_output=True,
        text=True,
        env=environment(PYTHONIOENCODING="ascii", LC_ALL="C"),
        timeout=60,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
    target.rename(folder / "scenes")
    ground.ends_the_same(wanted)
    return f"refused: {done.stderr.strip()}"


@fault("machine", "the reader of a program's output has gone", slow=True)
def reader_gone(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(1).unlink()
    job = ground.study.job("baseline", "described", SCENE, "standard")
    words = ["train", "--job", job, "--scene", ground.scene, "--store", ground.store, "--manifest", ground.manifest]
    process = subprocess.Popen(
        [sys.executable, "-m", "unmixing.programs.command", *map(str, words), "--log", str(folder / "train.log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.wait(timeout=120)
    assert "Traceback" not in told, told
    return ground.ends_the_same(wanted)


@fault("neighbours", "two processes train the same cell at the same time", slow=True)
def two_of_a_cell(folder: Path) -> str:
    ground, wanted = finished(folder)
    for run in range(2):
        ground.run_file(run).unlink()
    before = len(read_journal(ground.store))
    threads = [threading.Thread(target=_train, args=(ground,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    started = [entry["run"] for entry in read_journal(ground.store)[before:] if entry["event"] == "start"]
    assert started == [0, 1], "a run was trained twice"
    return ground.ends_the_same(wanted)


@fault("neighbours", "the process that holds a cell is killed while another waits for it")
def holder_killed(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(1).unlink()
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom unmixing.store import CellStore\n"
        "with CellStore(Path(sys.argv[1])).lock():\n    print('held', flush=True)\n    time.sleep(120)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(ground.run_file(0).parent)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    threading.Timer(1.0, holder.send_signal, (signal.SIGKILL,)).start()
    seen = ground.ends_the_same(wanted)
    assert holder.wait(timeout=10) == -signal.SIGKILL
    holder.stdout.close()
    return seen


@fault("neighbours", "a program is told to stop while it trains")
def told_to_stop(folder: Path) -> str:
    ground, wanted = finished(folder)
    for run in range(2):
        ground.run_file(run).unlink()
    before = len(read_journal(ground.store))
    job = ground.study.job("baseline", "described", SCENE, "standard").replace('"epochs": 2', '"epochs": 20000')
    words = ["train", "--job", job, "--scene", ground.scene, "--store", ground.store, "--manifest", folder / "none"]
    process = subprocess.Popen(
        [sys.executable, "-m", "unmixing.programs.command", *map(str, words), "--log", str(folder / "train.log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(read_journal(ground.store)) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    process.terminate()
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.strip() == "unmixing train: stopped; what was finished is kept, start it again to go on"
    no_halves(folder)
    return ground.ends_the_same(wanted)


@fault("clock", "the clock jumps back by a year between two runs")
def clock_back(folder: Path) -> str:
    ground, wanted = finished(folder)
    ground.run_file(1).unlink()
    cell = CellStore(ground.run_file(0).parent)
    before = read_journal(ground.store)
    real, time.time = time.time, lambda: before[0]["time"] - 3.2e7
    try:
        said = ground.train()
        assert said.status == 0, said.err
    finally:
        time.time = real
    events = [(entry["event"], entry["run"]) for entry in read_journal(ground.store)]
    assert sorted(events) == sorted([*((one["event"], one["run"]) for one in before), ("start", 1), ("finish", 1)])
    assert cell.finished(2) == [0, 1]
    return ground.ends_the_same(wanted)


@fault("clock", "files carry times of the future")
def files_of_the_future(folder: Path) -> str:
    ground, wanted = finished(folder)
    for path in folder.rglob("*"):
        os.utime(path, (4e9, 4e9))
    ground.run_file(1).unlink()
    return ground.ends_the_same(wanted)
