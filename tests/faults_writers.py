"""Attacks on everything that writes: killed in the middle, a full disk, a folder in the way."""

import contextlib
import io
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import torch

from helpers import archive, figures, lab, paths, publish, run
from helpers.captured import captured
from helpers.checkpoints import load_checkpoint, load_snapshot, save_checkpoint, save_snapshot
from helpers.store import RunStore
from helpers.study import run_study
from tests.study_experiments import Config, experiment
from tests.tally import Tally

#: Written again and again: two versions that no mixture resembles.
VERSIONS = (0, 1)


@dataclass
class Writer:
    """Something that writes files.

    Attributes:
        write: writes a version into a folder.
        read: which version lies in the folder; a ValueError with a name where that cannot be said.
        files: what it writes.
    """

    write: Callable[[int, Path], None]
    read: Callable[[Path], int]
    files: tuple[str, ...]


def content(version: int, size: int = 60_000) -> bytes:
    return np.random.default_rng(version).bytes(size)


def version_of(content_found: bytes, size: int = 60_000) -> int:
    for version in VERSIONS:
        if content_found == content(version, size):
            return version
    raise AssertionError("a mixture")


def _notebook(version: int):
    cells = [nbformat.v4.new_markdown_cell(content(version).hex(), id="one")]
    return nbformat.v4.new_notebook(cells=cells)


def _publish(version: int, folder: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()), mock.patch.object(paths, "FIGURES", folder):
        staged = folder / "staged"
        staged.mkdir(exist_ok=True)
        for name in ("01_x.png", "01_x.svg"):
            (staged / name).write_bytes(content(version))
        notebooks = {folder / "01_x.ipynb": publish.as_bytes(_notebook(version))}
        publish.publish(notebooks, staged, everything=False)


def _published(folder: Path) -> int:
    found = {version_of((folder / f"01_x.{kind}").read_bytes()) for kind in ("png", "svg")}
    cell = nbformat.read(folder / "01_x.ipynb", as_version=4).cells[0]
    found.add(version_of(bytes.fromhex(cell.source)))
    return min(found)  # one may be ahead: each is whole, and the next publishing writes the rest


def _figure(version: int, folder: Path) -> None:
    figure, ax = plt.subplots(figsize=(1.5, 1.5))
    ax.plot(np.random.default_rng(version).random(3000))
    with mock.patch.dict(os.environ, HELPERS_FIGURES=str(folder)), captured():
        figures.show(figure, "x", alt="x")


_drawn: dict[int, dict[str, bytes]] = {}


def _shown(folder: Path) -> int:
    if not _drawn:
        for version in VERSIONS:
            place = folder / f"drawn {version}"
            _figure(version, place)
            _drawn[version] = {p.name: p.read_bytes() for p in place.iterdir()}
    for name in ("x.png", "x.svg"):
        there = (folder / name).read_bytes()
        assert any(there == _drawn[version][name] for version in VERSIONS), f"half of {name}"
    return 0


def _store(version: int, folder: Path) -> None:
    curve = np.frombuffer(content(version), dtype=np.uint8)
    RunStore(folder, 1).save(Config(1), {"version": version}, {"curve": curve})


def _stored(folder: Path) -> int:
    found = RunStore(folder, 1).load(Config(1))
    assert version_of(found.curves["curve"].tobytes()) == found.record["version"]
    return found.record["version"]


def _tensors(version: int) -> dict[str, torch.Tensor]:
    return {"W": torch.from_numpy(np.frombuffer(content(version), dtype=np.uint8).copy())}


def _of(tensors: dict, header: dict) -> int:
    assert version_of(tensors["W"].numpy().tobytes()) == header["version"]
    return header["version"]


def _archive(version: int, folder: Path) -> None:
    table = pd.DataFrame({"seed": [1, 2], "content": [content(version, 20_000).hex(), "x"]})
    archive.write(
        "x", table, {"c": np.frombuffer(content(version), np.uint8)}, folder, number=version
    )


def _archived(folder: Path) -> int:
    found = archive.read("x", folder)
    assert version_of(found.curves["c"].tobytes()) == found.provenance["number"]
    assert found.table["content"][0] == content(found.provenance["number"], 20_000).hex()
    return found.provenance["number"]


def _copies(version: int, folder: Path) -> None:
    source = folder / "originals"
    source.mkdir(exist_ok=True)
    with open(source / "01_x.ipynb", "wb") as file:
        file.write(content(version))
    lab.copy_notebooks(source, folder)


def _copied(folder: Path) -> int:
    return version_of((folder / "01_x.ipynb").read_bytes())


WRITERS = {
    "published notebooks and figures": Writer(
        _publish, _published, ("01_x.ipynb", "01_x.png", "01_x.svg")
    ),
    "a shown figure": Writer(_figure, _shown, ("x.png", "x.svg")),
    "a run in a store": Writer(_store, _stored, (RunStore(".", 1).path(Config(1)).name,)),
    "a checkpoint": Writer(
        lambda version, folder: save_checkpoint(
            folder / "x", _tensors(version), {"version": version}
        ),
        lambda folder: _of(*load_checkpoint(folder / "x")),
        ("x.json", "x.safetensors"),
    ),
    "a snapshot": Writer(
        lambda version, folder: save_snapshot(
            folder / "x", _tensors(version), {"version": version}
        ),
        lambda folder: _of(*load_snapshot(folder / "x")),
        ("x",),
    ),
    "an archive": Writer(_archive, _archived, ("x.csv.gz", "x.json", "x_curves.npz")),
    "a copy for the Lab": Writer(_copies, _copied, ("01_x.ipynb",)),
}


# Killed ---------------------------------------------------------------------------------------


def killed(kind: str, rng: random.Random, tries: int, folder: Path) -> Tally:
    """A writer that writes on and on, killed (SIGKILL) at some moment: nothing half written."""
    tally, writer = Tally(), WRITERS[kind]
    writer.write(0, folder)
    with contextlib.suppress(AssertionError):
        writer.read(folder)  # what a figure looks like is drawn once
    begun = time.perf_counter()
    writer.write(1, folder)
    once = time.perf_counter() - begun
    for k in range(tries):
        child = os.fork()
        if child == 0:
            try:
                while True:
                    for version in VERSIONS:
                        writer.write(version, folder)
            finally:
                os._exit(1)
        time.sleep(rng.uniform(0.002, 0.01 + 3 * once))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # A pair of which one is ahead must say so; anything else must be one of the versions.
        tally.judge(f"{kind}, kill {k}", "x", lambda: writer.read(folder), VERSIONS.__contains__)
        for part in folder.glob(".part-*"):
            part.unlink()
    return tally


# A full disk ----------------------------------------------------------------------------------


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[int], None]]:
    """A file system of a few kilobytes in a folder, and a function that leaves so many free pages.

    Without the right to mount one, files that may not grow: the system refuses them as it does
    those on a full disk, in other words.
    """
    folder.mkdir(exist_ok=True)
    options = ["-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    mount = shutil.which("mount")
    if mount and subprocess.run([mount, *options], capture_output=True).returncode == 0:
        ballast = folder / ".ballast"

        def leave(pages: int | None) -> None:
            ballast.unlink(missing_ok=True)
            if pages is not None:
                free = os.statvfs(folder)
                with open(ballast, "wb") as file:
                    file.write(bytes(max(0, free.f_bavail - pages) * free.f_bsize))

        try:
            yield leave
        finally:
            subprocess.run(["umount", str(folder)], check=True)
    else:
        usual = resource.getrlimit(resource.RLIMIT_FSIZE)
        heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        def leave(pages: int | None) -> None:
            room = usual[0] if pages is None else pages * 4096
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, usual[1]))

        try:
            yield leave
        finally:
            leave(None)
            signal.signal(signal.SIGXFSZ, heard)


FULL = ("No space left on device", "File too large")


def full_disk(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A disk that takes a part of what is written: the true reason, and everything as it was."""
    tally = Tally()
    with small_disk(folder / "disk", 2000) as leave:
        for k in range(tries):
            kind = list(WRITERS)[k % len(WRITERS)]
            writer, place = WRITERS[kind], folder / "disk" / f"place {k % len(WRITERS)}"
            place.mkdir(exist_ok=True)
            leave(None)
            writer.write(0, place)
            before = everything(place)
            pages = rng.randrange(60)
            leave(pages)
            if kind in ("published notebooks and figures", "a copy for the Lab"):
                leave(None)  # the staged files are not what is tried
                with contextlib.suppress(OSError):
                    writer.write(1, place)
                writer.write(0, place)
                leave(pages)
            try:
                writer.write(1, place)
                found = "taken"
            except OSError as error:
                found = str(error)
            leave(None)
            what = f"{kind}, {pages} pages left"
            after = everything(place)
            if found == "taken":
                tally.judge(what, "x", lambda w=writer, p=place: w.read(p), VERSIONS.__contains__)
            else:
                told = any(reason in found for reason in FULL)
                tally.count(what, told and _same(writer, before, after), found)
            shutil.rmtree(place)
    return tally


def everything(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _same(writer: Writer, before: dict[str, bytes], after: dict[str, bytes]) -> bool:
    """Nothing has come, such as a .part file, and what the writer writes is as it was."""
    return before.keys() == after.keys() and all(before[n] == after[n] for n in writer.files)


def full_disk_under_a_study(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A study whose store fills up ends with the reason; with room again it goes on."""
    tally, configs = Tally(), [Config(value) for value in range(6)]
    with small_disk(folder / "disk", 200) as leave:
        for k in range(tries):
            store = RunStore(folder / "disk" / f"store {k}", 1)
            leave(rng.randrange(1, 6))
            try:
                run_study(experiment, configs, store, workers=1, desc=None)
                found = "taken"
            except OSError as error:
                found = str(error)
            parts = list(store.folder.glob(".part-*")) if store.folder.exists() else []
            leave(None)
            told = found == "taken" or any(reason in found for reason in FULL)
            again = run_study(experiment, configs, store, workers=1, desc=None)
            right = again.table["square"].tolist() == [v**2 for v in range(6)]
            tally.count(f"study {k}", told and right and not parts, found)
            shutil.rmtree(store.folder)
    return tally


def full_disk_under_the_runner(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A notebook whose output does not fit: an outcome with the reason, no cut notebook."""
    tally = Tally()
    cells = ["print('x' * 30_000)"] * 4
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    nbformat.write(notebook, folder / "01_x.ipynb")
    with small_disk(folder / "disk", 400) as leave:
        for k in range(tries):
            out = folder / "disk" / "out"
            out.mkdir()
            leave(rng.randrange(1, 30))
            outcome = run.execute(folder / "01_x.ipynb", out, {}, True, 60)
            leave(None)
            left = [p.name for p in out.rglob("*") if p.is_file()]
            told = any(reason in outcome.error for reason in FULL)
            whole = all(_is_whole(out / name) for name in left)
            tally.count(f"notebook {k}", told and whole, f"{outcome.error}, {left}")
            shutil.rmtree(out)
    return tally


def _is_whole(path: Path) -> bool:
    if path.suffix == ".html":
        return path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    return path.suffix == ".ipynb" and len(nbformat.read(path, as_version=4).cells) >= 4


def folders_in_the_way(rng: random.Random, tries: int, folder: Path) -> Tally:
    """A folder where a file goes: named, and the files that belong to it as they were."""
    tally = Tally()
    for k in range(tries):
        kind = rng.choice(list(WRITERS))
        writer, place = WRITERS[kind], folder / f"place {k}"
        place.mkdir()
        writer.write(0, place)
        taken = rng.choice(writer.files)
        (place / taken).unlink()
        (place / taken).mkdir()
        before = everything(place)
        try:
            writer.write(1, place)
            found = "taken"
        except OSError as error:
            found = str(error)
        after = everything(place)
        others = [name for name in writer.files if name != taken]
        same = before.keys() == after.keys() and all(before[n] == after[n] for n in others)
        tally.count(f"{kind}: {taken}", "a folder lies" in found and taken in found and same, found)
        shutil.rmtree(place)
    return tally
