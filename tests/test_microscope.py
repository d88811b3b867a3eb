"""The gradient microscope: what it says against autograd, and a click on its picture."""

import pytest
import torch

from helpers.explorer import Explorer
from helpers.recurrent import gradient_flow, microscope, microscope_widgets
from helpers.recurrent.cells import CELLS
from helpers.recurrent.classifier import SequenceClassifier
from tests.test_explorers import explore  # noqa: F401


@pytest.mark.parametrize("model", ["rnn", "lstm"])
@pytest.mark.parametrize("T", [1, 2, 7])
def test_norms_and_terms_are_those_of_autograd(model, T):
    seen = microscope.prepare(model, 0.9, T, 0.5, seed=3)
    generator = torch.Generator().manual_seed(3)
    options = {"forget_bias": 1.0} if model == "lstm" else {}
    core = CELLS[model].initialised(
        microscope.D, microscope.N, W_h="spectral:0.9", generator=generator, **options
    )
    network = SequenceClassifier(core, microscope.K, generator=generator).double()
    shape = (microscope.B, T, microscope.D)
    x = 0.5 * torch.randn(*shape, generator=generator, dtype=torch.float64)
    y = torch.randint(microscope.K, (microscope.B,), generator=generator)

    # Step by step, so that autograd keeps every state.
    states, state = [], None
    for t in range(T):
        _, state = network.core(x[:, t : t + 1], state)
        hidden = state[0] if model == "lstm" else state
        hidden.retain_grad()
        states.append(hidden)
    logits = states[-1][-1] @ network.W_ph.T + network.b_p
    loss = torch.nn.functional.cross_entropy(logits, y)
    loss.backward()
    for t, hidden in enumerate(states):
        assert seen.hidden[t].item() == pytest.approx(hidden.grad.norm().item(), rel=1e-9)
    whole = torch.cat([p.grad.flatten() for p in core.parameters()])
    assert seen.cosine[-1].item() == pytest.approx(1.0)
    assert seen.shares.sum().item() == pytest.approx(1.0)
    terms = gradient_flow.step_terms(network, x, y)
    assert terms.norm(dim=1).tolist() == pytest.approx(seen.terms.tolist())
    for k in range(1, T + 1):  # the last k terms are the gradient truncated to k steps
        cut = gradient_flow.recurrent_gradient(network, x, y, truncate=k)
        assert torch.allclose(terms[T - k :].sum(0), cut, rtol=1e-9, atol=1e-14)
    assert terms.sum(0).norm().item() == pytest.approx(whole.norm().item(), rel=1e-9)
    assert (seen.cell is None) == (model == "rnn")


def test_a_small_radius_vanishes_and_a_large_one_explodes():
    small = microscope.prepare("rnn", 0.3, 20, 0.1)
    large = microscope.prepare("rnn", 2.0, 20, 0.01)
    assert small.hidden[0] < 1e-6 * small.hidden[-1]
    assert large.hidden[0] > 10 * large.hidden[-1]
    kept = microscope.prepare("lstm", 0.3, 20, 0.1, forget_bias=6.0)
    lost = microscope.prepare("lstm", 0.3, 20, 0.1, forget_bias=-3.0)
    assert kept.cell[0] > 0.5 * kept.cell[-1]
    assert lost.cell[0] < 1e-6 * lost.cell[-1]


def test_the_level_radius_is_level_and_larger_inputs_need_a_larger_one():
    small, large = (microscope.level_radius("rnn", 10, scale) for scale in (0.05, 1.0))
    assert 1 < small[0] < large[0] < 3
    for scale, (radius, ratio) in ((0.05, small), (1.0, large)):
        hidden = microscope.prepare("rnn", radius, 10, scale).hidden
        assert hidden[0] / hidden[-1] == pytest.approx(ratio)
        assert 0.5 < ratio < 2


def test_norms_are_written_short():
    told = [microscope_widgets.short(norm) for norm in (2e-9, 3.4e-4, 0.034, 0.5, 12.3, 1000)]
    assert told == ["2e-9", "3e-4", "0.03", "0.5", "12", "1000"]


def test_wrong_settings_get_a_sentence():
    for wrong in ({"model": "gru"}, {"radius": -1.0}, {"T": 0}, {"input_scale": float("nan")}):
        settings = {"model": "rnn", "radius": 1.0, "T": 5} | wrong
        with pytest.raises(ValueError, match=next(iter(wrong))):
            microscope.prepare(**settings)


def test_a_click_moves_the_step(explore):  # noqa: F811
    draw, controls = explore(microscope_widgets.microscope_explorer)
    explorer = Explorer(draw, controls)
    before = explorer.picture.value
    seen = []
    explorer.picture.observe(lambda change: seen.append(change["new"]), "value")
    # The middle of the curve of norms is about the middle step.
    explorer.hand.stroke = [0, 0.19, 0.6, 0.19, 0.6, 0]
    assert 6 <= controls["step"].value <= 11
    assert len(seen) == 1
    assert seen[0] != before
    assert f"reaches $h_{{{controls['step'].value}}}$" in seen[0]
    # Outside of the axes, or on a picture that is not there, nothing happens.
    explorer.hand.stroke = [0, 0.999, 0.999, 0.999, 0.999, 1]
    explorer.hand.stroke = [4, 0.2, 0.6, 0.2, 0.6, 2]
    assert len(seen) == 1
