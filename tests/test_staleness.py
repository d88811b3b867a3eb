"""Published results of another version or configuration say so; those of today say nothing."""

import dataclasses
import json
import shutil

import pytest

from helpers import archive, paths, staleness
from helpers.archive import unsealed, write
from helpers.checkpoints import load_checkpoint, save_checkpoint
from helpers.combined import archive as comparisons
from helpers.optimizers import race
from helpers.palindromes import archive as palindromes
from helpers.palindromes.trained_networks import TRAINED, load_network
from helpers.text import CharLM, Vocabulary, book_model
from helpers.text.saved_models import load_model, save_model

READERS = {
    "palindromes": palindromes.read,
    "gate_removal": lambda folder: archive.read("gate_removal", folder),
    "optimizer_race": lambda folder: archive.read("optimizer_race", folder),
    "sequences_and_graphs": comparisons.read,
}


@pytest.fixture
def copies(tmp_path):
    for file in paths.RESULTS.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path


def doctor(folder, name, change, **provenance) -> None:
    """Write published runs anew, some cells of their table and their record changed."""
    found = archive.read(name, folder)
    record = {k: v for k, v in found.provenance.items() if k not in ("made", "torch", "runs")}
    table = change(found.table.copy())
    write(name, table, found.curves or None, folder, **{**record, **provenance})


@pytest.mark.parametrize("name", READERS)
def test_what_is_published_is_what_the_code_would_make(name, capsys):
    READERS[name](paths.RESULTS)
    assert capsys.readouterr().out == ""


def test_every_published_table_of_an_experiment_is_checked():
    for path in paths.RESULTS.glob("*.json"):
        if "experiment_version" in unsealed(path):
            assert path.stem in staleness.MAKERS


@pytest.mark.parametrize("name", READERS)
def test_an_older_version_is_said(name, copies, capsys):
    doctor(copies, name, lambda table: table, experiment_version=0)
    READERS[name](copies)
    said = capsys.readouterr().out
    assert f"Out of date: the published runs {name!r} were made by version 0 of their" in said
    assert "the code is at version 1. A run with profile='full' makes it anew." in said


def test_lengths_of_another_version_are_said(copies, capsys):
    doctor(copies, "palindromes_growing", lambda table: table, experiment_version=7)
    palindromes.read(copies)
    assert "'palindromes_growing' were made by version 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "part", "field", "value"),
    [
        ("palindromes", "protocol_a", "steps", 1234),
        ("gate_removal", "removed", "batch_size", 77),
        ("sequences_and_graphs", "structure", "batch_size", 77),
        ("optimizer_race", "tuning", "T", 21),
    ],
)
def test_another_configuration_is_said_with_what_differs(name, part, field, value, copies, capsys):
    def change(table):
        column = "parts" if "parts" in table else "part"
        rows = table.index[table[column].str.contains(part)][:3]
        table[field] = table[field].astype(object)
        table.loc[rows, field] = value
        if "key" in table:  # a run of another configuration has another key
            table.loc[rows, "key"] = [f"other {k}" for k in range(3)]
        return table

    doctor(copies, name, change)
    READERS[name](copies)
    said = capsys.readouterr().out
    assert f"3 published runs of {name!r}, part {part!r}, have another configuration" in said
    assert f"{field} {value}, now " in said
    assert said.count(", now ") == said.count("Out of date")  # nothing else differs


def test_a_changed_plan_is_said(monkeypatch, capsys):
    monkeypatch.setattr(race, "TUNING_SEEDS", range(200, 205))
    archive.read("optimizer_race")
    said = capsys.readouterr().out
    assert (
        "480 published runs of 'optimizer_race', part 'tuning'" in said or "seed 100, now" in said
    )


def test_models_say_how_else_they_were_trained(tmp_path, monkeypatch, capsys):
    name = "palindrome_lstm_T19"
    load_network(name)
    load_model(paths.CHECKPOINTS / "anna_karenina")
    assert capsys.readouterr().out == ""
    tensors, header = load_checkpoint(paths.CHECKPOINTS / name)
    save_checkpoint(tmp_path / name, tensors, {**header, "experiment_version": 0})
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(paths, "CHECKPOINTS", tmp_path)
        load_network(name, tmp_path)
    assert "experiment_version 0, now 1" in capsys.readouterr().out
    monkeypatch.setitem(TRAINED, name, dataclasses.replace(TRAINED[name], steps=999))
    load_network(name)
    assert f"model {name!r} was trained in another way: run.steps 1000, now 999" in (
        capsys.readouterr().out
    )
    plan = book_model.WIDE.plan
    changed = dataclasses.replace(book_model.WIDE, plan=dataclasses.replace(plan, steps=7))
    monkeypatch.setattr(book_model, "WIDE", changed)
    load_model(paths.CHECKPOINTS / "anna_karenina")
    assert f"wide_plan.steps {plan.steps}, now 7" in capsys.readouterr().out


def test_a_field_that_came_later_is_no_difference():
    header = json.loads((paths.CHECKPOINTS / "anna_karenina.json").read_text())
    del header["plan"]["seed"]
    assert staleness.of_model(paths.CHECKPOINTS / "anna_karenina", header) == []


@pytest.mark.parametrize("name", ["anna_karenina", "anna_karenina_in_dutch", "palindrome_mine"])
def test_a_readers_own_model_is_nobodys_published_one(name, tmp_path, capsys):
    model = CharLM(3, 4, 1)
    save_model(tmp_path / name, model, Vocabulary("abc"), plan={"steps": 5})
    load_model(tmp_path / name)
    assert capsys.readouterr().out == ""


def test_another_name_beside_the_published_models_is_no_published_model():
    assert staleness.of_model(paths.CHECKPOINTS / "anna_karenina_2", {"plan": {"steps": 5}}) == []
    assert staleness.of_model(paths.CHECKPOINTS / "anna_karenina", {"plan": {"steps": 5}})
    with_dots = paths.CHECKPOINTS / ".." / "checkpoints" / "anna_karenina"
    assert staleness.of_model(with_dots, {"plan": {"steps": 5}})
