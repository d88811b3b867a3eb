"""What readers hand over by mistake, and what is said of it; and what looks wrong and is right."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

from helpers import checks, figures, notebook
from helpers.combined import neighbours, small_graphs
from helpers.graph import encoders, tasks
from helpers.graph.loaders import karate_club
from helpers.graph.plots import two_readings
from helpers.optimizers import SGD, quadratics
from helpers.optimizers.landscapes import rosenbrock, steps_to, walk
from helpers.optimizers.moments import expected_average
from helpers.optimizers.trial_plots import tuning_curves
from helpers.palindromes.tasks import palindromes
from helpers.recurrent import LSTM
from helpers.recurrent.cell_memory import norms_over_distance
from helpers.recurrent.drawings import gradient_paths
from helpers.recurrent.gradient_flow import clip
from helpers.recurrent.initialisation import spectral_radius
from helpers.text.drawings import cuts
from helpers.text.sampling import next_distribution

CLUB, LABELS, _ = karate_club()
WIDE, EYE = torch.ones(2, 3), torch.eye(3)

WRONG = [
    ("values must be a list", checks.integers, "values", torch.tensor(1.0)),
    ("A must be a square matrix", small_graphs.all_hops, WIDE),
    ("A must be a square matrix", small_graphs.relabel, WIDE, torch.tensor([1, 0])),
    ("A must be a square", small_graphs.visiting_order, WIDE, "bfs", torch.Generator()),
    ("neighbours must be at most 9", neighbours.best_of_the_mean, 10),
    ("labels must be the class of each", tasks.majority_class, EYE, torch.tensor([0])),
    ("labels must be", tasks.one_label_each, LABELS + 10**6, 0),
    ("labelled must be nodes", tasks.train_communities, CLUB, LABELS, torch.tensor([34])),
    ("labelled must be nodes", tasks.label_propagation, CLUB, LABELS, torch.tensor([0.5])),
    ("choices must be at least one", tasks.accuracies, CLUB, LABELS, []),
    ("pairs must be two of 3 rows", encoders.dot_products, EYE, torch.tensor([[0, 3]])),
    ("Z must hold a vector for each of 3", encoders.table_loss, EYE, torch.ones(2, 2)),
    ("none must be scores in one row", encoders.area_under_curve, torch.ones(2), torch.ones(0)),
    ("there is no node", two_readings, {"club": (CLUB, 1)}, "0", "nobody"),
    ("start must be a point", walk, rosenbrock, torch.ones(0), 3, SGD),
    ("path must hold a point in each row", steps_to, rosenbrock, torch.ones(2), 0.1),
    ("there must be at least one outcome", expected_average, [], [], 0.9, 3),
    ("eigenvalues must be a row", quadratics.momentum_rate, 0.1, 0.9, torch.ones(0)),
    ("eigenvalues must be above 0", quadratics.steps_to_shrink, -torch.ones(2), SGD, 0.1),
    ("digits must be whole numbers from 0", palindromes.encode, torch.tensor([[10]]), "one_hot"),
    ("there must be at least one gradient", clip, [], 1.0),
    ("max_norm must be above 0", clip, [torch.ones(2)], 0.0),
    ("matrix must be a square matrix", spectral_radius, WIDE),
    ("logits must have shape", next_distribution, torch.tensor(1.0)),
    ("logits must not be NaN", next_distribution, torch.tensor([0.0, math.nan])),
    ("logits must not be NaN", next_distribution, torch.tensor([-math.inf, -math.inf])),
    ("a function or a class has a source", notebook.show_source, 3),
    ("each of the rows must be a Trap", notebook.traps, iter([1])),
    ("figure must be a Figure", figures.show, None),
    ("T must be at most 40", gradient_paths, 4358),
    ("factor must be above 0", quadratics.steps_to_shrink, torch.ones(2), SGD, 0.0),
    ("n must be at most 256", norms_over_distance, 2054),
    ("windows must be at most 4", cuts, 5),
    ("must name an optimizer", tuning_curves, pd.DataFrame({"optimizer": [math.nan]}), 10),
]


@pytest.mark.parametrize("call", WRONG, ids=lambda call: call[1].__name__)
def test_a_mistake_is_told(call):
    said, function, *arguments = call
    with pytest.raises(ValueError, match=said):
        function(*arguments)


def test_a_picture_is_saved_under_a_name_and_not_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_FIGURES", str(tmp_path / "figures"))
    with pytest.raises(ValueError, match="name must be that of a file"):
        figures.show(plt.figure(), "../up")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_is_told_as_python_tells_it():
    with pytest.raises(TypeError, match=r"LSTM\(\) got an unexpected keyword argument 'colour'"):
        LSTM(2, 3, colour="red")


def test_what_is_ruled_out_has_no_chance():
    p = next_distribution(torch.tensor([0.0, -math.inf, 0.0]))
    assert p.tolist() == [0.5, 0.0, 0.5]


def test_a_path_that_leaves_the_plane_can_be_looked_at():
    assert math.isinf(rosenbrock(torch.tensor([math.inf, 0.0])))


def test_a_column_that_lacks_is_named_wherever_pandas_looked_for_it():
    from helpers.optimizers.rotation import best_of
    from helpers.optimizers.trial_plots import noisy_ends, turned

    with pytest.raises(ValueError, match=r"trials must have a column 'steps'; it has 'a'"):
        best_of(pd.DataFrame({"a": [1]}))
    with pytest.raises(ValueError, match=r"trials must have a column"):
        noisy_ends(pd.DataFrame({"optimizer": ["SGD"], "lr": [0.1]}))
    with pytest.raises(ValueError, match="cannot work with an empty best"):
        turned(pd.DataFrame({name: [] for name in ("optimizer", "angle", "lr", "swing")}))
