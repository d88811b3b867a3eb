"""A wider network begins where the narrower one ended."""

import pytest
import torch

from helpers.runtime import generator
from helpers.text import CharLM
from helpers.text.levered import LeveredLM
from helpers.text.widening import widened


def filled(model):
    """``model`` with other numbers everywhere, biases and norms too: a row out of place is seen."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.5, 0.5, generator=generator(0))
    return model


def read(model, ids):
    with torch.no_grad():
        logits, state = model.eval()(ids)
    return logits, state


@pytest.mark.parametrize("hidden_size", [7, 9, 10, 23])
@pytest.mark.parametrize("options", [{}, {"embedding_size": 3}, {"residual": True}])
def test_copies_say_what_their_units_said(hidden_size, options):
    kind = LeveredLM if "residual" in options else CharLM
    narrow = filled(kind(11, 5, 3, **options))
    wide = widened(narrow, hidden_size, generator=generator(2))
    ids = torch.randint(11, (2, 13), generator=generator(3))
    (before, _), (after, state) = read(narrow, ids), read(wide, ids)
    torch.testing.assert_close(after, before)
    assert wide.core.hidden_size == hidden_size
    assert all(s.shape == (3, 2, hidden_size) for s in state)


@pytest.mark.parametrize("hidden_size", [12, 18])
@pytest.mark.parametrize("options", [{}, {"residual": True, "embedding_size": 4}])
def test_with_normalisation_equal_where_every_unit_is_there_equally_often(hidden_size, options):
    narrow = filled(LeveredLM(11, 6, 2, norm=True, **options))
    ids = torch.randint(11, (1, 9), generator=generator(4))
    before, _ = read(narrow, ids)
    after, _ = read(widened(narrow, hidden_size, generator=generator(5)), ids)
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    some, _ = read(widened(narrow, 8, generator=generator(5)), ids)
    assert not torch.allclose(some, before, atol=1e-3)


def test_a_network_of_doubles_stays_one():
    narrow = filled(CharLM(11, 5, 2)).double()
    wide = widened(narrow, 8, generator=generator(2))
    ids = torch.randint(11, (2, 7), generator=generator(3))
    (before, _), (after, _) = read(narrow, ids), read(wide, ids)
    assert after.dtype == torch.float64
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_copies_learn_apart_under_dropout_alone(dropout):
    narrow = CharLM(11, 5, 1, generator=generator(1))
    wide = widened(narrow, 10, generator=generator(2), dropout=dropout).train()
    optimizer = torch.optim.SGD(wide.parameters(), lr=0.1)
    torch.manual_seed(0)
    for seed in range(3):
        ids = torch.randint(11, (4, 9), generator=generator(seed))
        logits, _ = wide(ids)
        optimizer.zero_grad()
        logits.square().sum().backward()
        optimizer.step()
    rows = wide.core.W_x_l0.detach()[:10]  # of one gate, a row a unit
    least = torch.pdist(rows).min()
    assert least > 1e-4 if dropout else least < 1e-6


def test_a_generator_decides_what_is_copied():
    narrow = CharLM(11, 50, 1, generator=generator(1))
    one, same, other = (widened(narrow, 60, generator=generator(s)) for s in (2, 2, 3))
    assert torch.equal(one.core.W_h_l0, same.core.W_h_l0)
    assert not torch.equal(one.core.W_h_l0, other.core.W_h_l0)
    assert torch.equal(one.core.W_x_l0[:50], narrow.core.W_x_l0[:50])


def test_changes_are_the_models_arguments():
    narrow = LeveredLM(11, 5, 2, norm=True, dropout=0.1, generator=generator(1))
    wide = widened(narrow, 7, dropout=0.4, weight_dropout=0.2)
    assert wide.dropout == 0.4
    assert wide.arguments["weight_dropout"] == 0.2
    for changes in ({"num_layers": 3}, {"norm": False}, {"embedding_size": 4}):
        with pytest.raises(ValueError, match="more than the width"):
            widened(narrow, 7, **changes)


@pytest.mark.parametrize("hidden_size", [5, 3, 0, -1])
def test_a_wider_network_is_wider(hidden_size):
    with pytest.raises(ValueError, match="hidden_size"):
        widened(CharLM(11, 5, 1), hidden_size)
