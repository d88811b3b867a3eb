"""The same seed gives the same numbers twice on one machine: every live training of the notebooks.

Between the two calls everything global that draws is set to something else, so that a cell that is
run again says what it said before.
"""

import dataclasses
import json
import random
import re

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import paths
from helpers.combined import serialised, series, structure
from helpers.graph import (
    GATLayer,
    GCNLayer,
    attention_tasks,
    encoders,
    inductive,
    loaders,
    propagation,
    tasks,
    whole_graphs,
)
from helpers.optimizers import noise, rotation, sparse, trials
from helpers.palindromes import experiment, gradients, settings
from helpers.palindromes.duel_widgets import Duel
from helpers.text import CharLM, Vocabulary
from helpers.text import training as text_training

TEXT = "the quick brown fox jumps over the lazy dog. " * 40
METHODS = dict(list({name: (o, {}) for name, o in trials.METHODS.items()}.items())[:2])


def seeded(make):
    """A layer made as the notebooks make it: behind a seed."""
    torch.manual_seed(0)
    return make()


def character_model():
    vocab = Vocabulary(TEXT)
    ids = vocab.encode(TEXT)
    model = seeded(lambda: CharLM(len(vocab), 16, 2, dropout=0.1))
    plan = text_training.Plan(12, batch_size=4, length=10, eval_every=6, seed=3)
    history = text_training.fit(model, ids[:1500], ids[1500:], plan)
    return [vars(history), model.state_dict()]


def duel():
    pair = Duel(5, 25, seed=1)
    pair.start()
    pair.join()
    return [pair.accuracy, pair.held_out]


def palindrome(model):
    run = experiment.PalindromeRun(model, 5, 3, 25, **settings.INIT_000)
    network, record, curves = experiment.train_network(run)
    return [network.state_dict(), record, curves]


def stars(make, matrix):
    _, A, _ = tasks.marked_neighbour(20, seed=1)
    layer = seeded(make)
    return [tasks.train_on_stars(layer, matrix(layer, A), steps=15, seed=2), layer.state_dict()]


def communities():
    karate, _, classes = loaders.karate_club()
    picks = [tasks.one_label_each(classes, k) for k in range(2)]
    one = tasks.train_communities(karate, classes, picks[0], epochs=10, seed=1)
    return [vars(one), tasks.accuracies(karate, classes, picks, epochs=10)]


def encoder():
    split = encoders.hide_links(loaders.karate_club()[0], seed=1)
    made = seeded(lambda: encoders.NeighbourhoodEncoder(34, 4))
    return encoders.train_encoder(made, split.graph, epochs=5, seed=1)


def graph_network(**options):
    run = serialised.GraphRun(task="distance", seed=1, steps=6, **options)
    network, found = serialised.train_graph_network(run)
    return [network.state_dict(), found, serialised.train_graphs(run)]


def forecaster(model):
    network, found = series.train_forecaster(series.SeriesRun(model, 1, 6))
    return [network.state_dict(), found]


#: What a notebook calls -> small trainings of the kind.
TRAININGS = {
    "flow_while_training": [
        lambda: gradients.flow_while_training(
            experiment.PalindromeRun("rnn", 6, 1, 25, W_h="spectral:0.3", encoding="one_hot"), 5
        )
    ],
    "sparse_trials": [lambda: sparse.sparse_trials(METHODS, [0.1, 0.3], steps=20, runs=2, seed=1)],
    "noisy_trials": [lambda: noise.noisy_trials(METHODS, [0.01, 0.1], steps=20, runs=2, seed=1)],
    "turned_trials": [lambda: rotation.turned_trials(METHODS, 9.0, [0.0, 0.4], [0.1], steps=20)],
    "train_network": [lambda: palindrome("rnn"), lambda: palindrome("lstm")],
    "live_duel": [duel],
    "fit": [character_model],
    "train_own_value": [
        lambda: attention_tasks.train_own_value(
            seeded(lambda: GATLayer(2, 2, 8)), steps=10, seed=1
        ),
        lambda: attention_tasks.train_own_value(seeded(lambda: GCNLayer(2, 16)), steps=10, seed=1),
    ],
    "train_on_stars": [
        lambda: stars(lambda: GCNLayer(2, 16), lambda layer, A: layer.prepare(A)),
        lambda: stars(lambda: GATLayer(2, 16), lambda _, A: propagation.add_self_loops(A)),
    ],
    "train_look_up": [
        lambda: attention_tasks.train_look_up(
            seeded(lambda: GATLayer(15, 32, dynamic=True)), steps=10, seed=1
        )
    ],
    "train_communities": [communities],
    "accuracies": [communities],
    "train_encoder": [encoder],
    "link_prediction": [
        lambda: encoders.link_prediction(loaders.karate_club()[0], splits=2, epochs=5)
    ],
    "train_reader": [lambda: whole_graphs.train_reader(12, steps=6, seed=1)],
    "seen_and_new": [
        lambda name=name: inductive.seen_and_new(name, 1, epochs=6) for name in inductive.METHODS
    ],
    "train_structure": [
        lambda model=model, form=form: structure.train_structure(
            structure.StructureRun(model, form, 4, 1, 6)
        )
        for model, form in (("lstm", "sequence"), ("gated", "chain"), ("gated", "mirror"))
    ],
    "train_graph_network": [
        lambda: graph_network(model="gated", features="mark"),
        lambda: graph_network(model="lstm", order="bfs"),
    ],
    "train_forecaster": [lambda m=model: forecaster(m) for model in series.MODELS],
}
#: Trains for hours, in the full profile alone: resumed and repeated in tests of its own.
NOT_LIVE = {"train_and_save"}


def bits(found) -> object:
    """Numbers as something that can be compared exactly, NaN included."""
    if isinstance(found, torch.Tensor):
        return found.dtype, found.detach().numpy().tobytes()
    if isinstance(found, np.ndarray):
        return found.dtype, found.tobytes()
    if isinstance(found, pd.DataFrame):
        return found.to_csv()
    if isinstance(found, torch.nn.Module):
        return bits(found.state_dict())
    if dataclasses.is_dataclass(found):
        return bits(vars(found))
    if isinstance(found, dict):
        return {name: bits(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [bits(value) for value in found]
    return repr(found)


def disturb(k: int) -> None:
    random.seed(k)
    np.random.seed(k)
    torch.manual_seed(k)


@pytest.mark.parametrize(
    ("name", "k"), [(name, k) for name, some in TRAININGS.items() for k in range(len(some))]
)
def test_twice_the_same(name, k):
    found = []
    for state in (1, 2):
        disturb(state)
        found.append(bits(TRAININGS[name][k]()))
    assert len(str(found[0])) > 10
    assert found[0] == found[1]


def test_every_training_of_the_notebooks_is_here():
    called = set()
    pattern = r"\b(train_\w+|fit|\w+_trials|flow_while_training|link_prediction|accuracies"
    pattern += r"|seen_and_new|live_duel)\("
    side_by_side = r"\btogether\((?:\w+\.)*(\w+)"
    for path in paths.NOTEBOOKS.glob("0*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                source = "".join(cell["source"])
                called |= {*re.findall(pattern, source), *re.findall(side_by_side, source)}
    assert called - NOT_LIVE == set(TRAININGS)
