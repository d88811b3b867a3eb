"""The temperature at which a model needs the fewest bits."""

import pytest
import torch

from helpers.runtime import generator
from helpers.text import CharLM
from helpers.text.calibration import LEAST, MOST, best_temperature, divide_logits_
from helpers.text.evaluation import evaluate

#: What comes next, by whether the last character's place is even.
SOURCE = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1]])


class Knows(CharLM):
    """A model whose logits are the log-probabilities of a source, times ``sure``."""

    def __init__(self, sure: float):
        super().__init__(4, 3, 1)
        self.sure = sure

    def forward(self, ids, state=None):
        return self.sure * SOURCE.log()[ids % 2], state


def drawn(n):
    """A text in which the next character is drawn as :class:`Knows` knows."""
    ids, source = [0], generator(0)
    for _ in range(n):
        ids.append(torch.multinomial(SOURCE[ids[-1] % 2], 1, generator=source).item())
    return torch.tensor(ids)


@pytest.mark.parametrize("sure", [0.5, 1.0, 3.0])
def test_a_model_that_is_too_sure_is_found_out(sure):
    assert best_temperature(Knows(sure), drawn(20_000)) == pytest.approx(sure, rel=0.05)


def test_no_temperature_beside_it_is_better_and_it_is_one_afterwards():
    model = CharLM(5, 8, 2, generator=generator(1))
    often = torch.tensor([0.5, 0.2, 0.1, 0.1, 0.1])
    with torch.no_grad():
        model.b_p.copy_(3 * often.log())
    ids = torch.multinomial(often, 700, replacement=True, generator=generator(2))
    tau = best_temperature(model, ids)
    found = []
    for beside in (0.98, 1.0, 1.02):
        other = CharLM(5, 8, 2)
        other.load_state_dict(model.state_dict())
        divide_logits_(other, tau * beside)
        found.append(evaluate(other, ids)["bpc"])
    assert found[1] < min(found[0], found[2])
    assert found[1] < evaluate(model, ids)["bpc"]
    divide_logits_(model, tau)
    assert best_temperature(model, ids) == pytest.approx(1, rel=1e-4)


def test_whoever_is_always_right_or_wrong_gets_a_bound():
    model = CharLM(2, 3, 1)
    with torch.no_grad():
        model.W_ph.zero_()
        model.b_p.copy_(torch.tensor([1.0, 0.0]))
    assert best_temperature(model, torch.zeros(50, dtype=torch.long)) == pytest.approx(LEAST)
    assert best_temperature(model, torch.ones(50, dtype=torch.long)) == pytest.approx(MOST)


def test_a_model_in_training_stays_in_training():
    model = CharLM(5, 8, 2, dropout=0.5, generator=generator(1)).train()
    ids = torch.randint(5, (100,), generator=generator(2))
    assert best_temperature(model, ids) == best_temperature(model, ids)
    assert model.training


def test_a_text_of_one_character_is_refused():
    with pytest.raises(ValueError, match="at least 2 characters"):
        best_temperature(CharLM(5, 8, 1), torch.tensor([1]))
