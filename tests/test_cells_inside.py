"""Parameter counts against the models; traces, probes and the traps of notebook 03."""

import itertools

import pytest
import torch

from helpers import archive
from helpers.palindromes import gate_lesions, gate_removal, probes, trained_networks
from helpers.palindromes.tasks import palindromes
from helpers.recurrent import (
    GRU,
    LSTM,
    PeepholeLSTM,
    SequenceClassifier,
    VanillaRNN,
    cell_memory,
    cell_traps,
    note_taker,
)
from helpers.recurrent.cells.held import HeldLSTM, hold_gate_
from helpers.recurrent.cells.squashed import SquashedLSTM
from helpers.recurrent.parameters import cell_parameters, parameter_blocks, read_out_parameters
from helpers.recurrent.torch_twins import torch_twin


@pytest.mark.parametrize("cell", [VanillaRNN, GRU, LSTM, PeepholeLSTM])
@pytest.mark.parametrize("both", [False, True])
def test_counts_equal_the_models(cell, both):
    for d, n, c in itertools.product((1, 2, 5, 10), (1, 3, 16), (2, 7)):
        model = SequenceClassifier(cell(d, n, bidirectional=both), c)
        expected = cell_parameters(cell.name, d, n, bidirectional=both)
        assert sum(p.numel() for p in model.core.parameters()) == expected
        read_out = read_out_parameters(n, c, bidirectional=both)
        assert sum(p.numel() for p in model.parameters()) == expected + read_out


def test_the_assignments_numbers():
    assert cell_parameters("lstm", 1, 128) == 66_560
    assert cell_parameters("lstm", 1, 128) + read_out_parameters(128, 10) == 67_850


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("Transformer", 1, 2), "cell must be one of"), (("lstm", 0, 2), "d must be at least 1")],
)
def test_bad_counts_are_sentences(arguments, message):
    with pytest.raises(ValueError, match=message):
        cell_parameters(*arguments)


def test_traces_follow_the_model():
    model = SequenceClassifier(LSTM(1, 6), 10)
    digits = torch.randint(10, (3, 5))
    found = probes.traces(model, digits, "raw")
    x = palindromes.encode(digits, "raw")
    outputs, (_, c) = model.core(x)
    torch.testing.assert_close(found["h"], outputs)
    torch.testing.assert_close(found["c"][:, -1], c[0])
    torch.testing.assert_close(found["answer"][:, -1], model(x).softmax(1))
    recomputed = found["g"] * found["i"]
    recomputed[:, 1:] += found["c"][:, :-1] * found["f"][:, 1:]
    torch.testing.assert_close(recomputed, found["c"])
    torch.testing.assert_close(torch.tanh(found["c"]) * found["o"], found["h"])


def test_explained_variance():
    first = torch.arange(10).repeat(50)
    noise = torch.randn(500)
    values = torch.stack([first.float(), noise, torch.zeros(500), first + 3 * noise], dim=1)
    share = probes.explained_by_first_digit(values, first)
    assert share[0] == pytest.approx(1)
    assert share[1] < 0.1
    assert share[2] == 0
    assert 0.3 < share[3] < 0.7


def test_a_linear_probe_finds_what_is_linear_and_only_that():
    labels = torch.randint(10, (2000,))
    code = torch.randn(10, 12)
    assert probes.linear_probe(code[labels], labels, train=1500) == 1.0
    assert probes.linear_probe(torch.randn(2000, 12), labels, train=1500) < 0.2
    with pytest.raises(ValueError, match="train must be between 1 and 1999"):
        probes.linear_probe(code[labels], labels, train=2000)


def test_the_published_lstm_keeps_the_first_digit():
    run = trained_networks.TRAINED["palindrome_lstm_T19"]
    model = trained_networks.load_network("palindrome_lstm_T19")
    accuracy = probes.probe_over_time(model, run.T, run.encoding, n=2000)
    assert min(accuracy["c"]) > 0.97
    assert len(set(probes.memory_units(model, run.T, run.encoding, n=500).tolist())) == 128


def test_traps_of_the_lstm():
    rows = cell_traps.lstm_rows(67_850, 67_840, 67_072)
    assert all(len(row) == 4 and all(row) for row in rows)
    assert cell_traps.unbounded_cell(7)[-1] == 7
    assert cell_traps.slot_bias_ties_samples() > 0.1
    assert cell_traps.sigmoid_candidate_rises() == 1.0
    assert cell_traps.candidate_without_output_gate() > 0.1
    assert cell_traps.largest_state_jacobian() > 10
    assert 0 < cell_traps.learn_then_forget() < 1e-3
    assert cell_traps.reset_place_matters() > 0.01


# Gates: held, removed, set by hand -------------------------------------------------------------


def random_lstm(n=5, d=3, **options):
    core = LSTM(d, n, generator=torch.Generator().manual_seed(1), **options).double()
    for p in core.parameters():
        torch.nn.init.normal_(p, std=0.5, generator=torch.Generator().manual_seed(p.numel()))
    return core, torch.randn(2, 7, d, dtype=torch.float64)


@pytest.mark.parametrize("gate", ["i", "f", "o", "g"])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_a_held_gate_has_its_value_whatever_is_read(gate, value):
    core, x = random_lstm()
    hold_gate_(core, gate, value)
    model = SequenceClassifier(core, 10).double()
    found = traces_of(model, x)
    torch.testing.assert_close(found[gate], torch.full_like(found[gate], value))
    with pytest.raises(ValueError, match="takes values from"):
        hold_gate_(core, gate, 1.5)
    with pytest.raises(ValueError, match="gate must be one of"):
        hold_gate_(core, "z", 0.5)


def traces_of(model, x):
    """Gates of a one-layer LSTM by its equations, sample by sample."""
    w = model.core.weights()
    h = c = torch.zeros(len(x), model.core.hidden_size, dtype=x.dtype)
    found = {k: [] for k in "gifo"}
    for x_t in x.unbind(1):
        for k, values in found.items():
            a = x_t @ getattr(w, f"W_{k}x").T + h @ getattr(w, f"W_{k}h").T + getattr(w, f"b_{k}")
            values.append(torch.tanh(a) if k == "g" else torch.sigmoid(a))
        h, c = model.core.step(x_t, (h, c), w)
    return {k: torch.stack(values, 1) for k, values in found.items()}


def test_training_does_not_move_a_held_gate():
    model = SequenceClassifier(HeldLSTM(3, 4, open_gates="f", shut_gates="o"), 10)
    before = {k: p.clone() for k, p in vars(model.core.weights()).items()}
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        _, (_, c) = model.core(torch.randn(4, 5, 3))  # what is kept: with o = 0 nothing is shown
        c.square().sum().backward()
        optimizer.step()
    assert not torch.equal(model.core.weights().W_gx, before["W_gx"])
    for name, p in vars(model.core.weights()).items():
        if name.split("_")[1][0] in "fo":
            assert torch.equal(p, before[name]), name
    with pytest.raises(ValueError, match="i, f and o"):
        HeldLSTM(3, 4, open_gates="g")
    with pytest.raises(ValueError, match="one layer"):
        HeldLSTM(3, 4, 2, open_gates="f")


def test_open_gates_leave_an_additive_memory():
    core = HeldLSTM(3, 4, open_gates="ifo").double()
    x = torch.randn(2, 6, 3, dtype=torch.float64)
    w, c = core.weights(), torch.zeros(2, 4, dtype=torch.float64)
    for x_t in x.unbind(1):
        c = c + torch.tanh(x_t @ w.W_gx.T + torch.tanh(c) @ w.W_gh.T + w.b_g)
    torch.testing.assert_close(core(x)[1][1][0], c)
    jacobians = cell_memory.additive_jacobians(core, x[0])
    product = torch.eye(4, dtype=torch.float64)
    for J in jacobians:
        product = J @ product
    exact = torch.autograd.functional.jacobian(
        lambda c: core(x[:1], cell_memory.state_of(c))[1][1][0, 0],
        torch.zeros(4, dtype=torch.float64),
    )
    torch.testing.assert_close(product.detach(), exact)


def test_other_squashings_begin_at_the_same_gates():
    f = SquashedLSTM(1, 6, chrono=20.0, gate_squash="tanh").weights().b_f.tanh()
    assert ((f >= 0.5) & (f < 1)).all()
    swapped = SquashedLSTM(1, 6, forget_bias=1.3, gate_squash="tanh")
    usual = LSTM(1, 6, forget_bias=1.3)
    torch.testing.assert_close(swapped.weights().b_f.tanh(), usual.weights().b_f.sigmoid())
    torch.testing.assert_close(swapped.weights().b_i.tanh(), usual.weights().b_i.sigmoid())
    with pytest.raises(ValueError, match="gate_squash"):
        SquashedLSTM(1, 6, gate_squash="relu")


def test_each_gate_of_the_note_taker_mends_one_thing():
    x = note_taker.stream(T=24, seed=3)
    c_wanted, h_wanted = note_taker.wanted(x)
    off = {}
    for name, gates in note_taker.STAGES.items():
        c, h = note_taker.states(note_taker.note_taker(gates), x)
        off[name] = ((c - c_wanted).abs().mean().item(), (h - h_wanted).abs().mean().item())
    additive, inputs, forgets, outputs = off.values()
    assert additive[0] > 1 > inputs[0] > 0.1 > 1e-3 > forgets[0]
    assert forgets[1] > 0.1 > 1e-3 > outputs[1]


def test_contributions_sum_to_the_cell():
    core, x = random_lstm()
    found = traces_of(SequenceClassifier(core, 10).double(), x)
    parts = cell_memory.contributions(found["g"][0], found["i"][0], found["f"][0])
    torch.testing.assert_close(parts.sum(0), core(x)[1][1][0, 0])


def test_what_is_kept_along_the_cell_is_the_product_of_forget_gates():
    core, x = random_lstm()
    f = traces_of(SequenceClassifier(core, 10).double(), x)["f"]
    kept = cell_memory.kept_along_the_cell(core, x)
    assert kept[0] == 1
    torch.testing.assert_close(kept[3], f[:, 1:4].prod(1).mean().detach())


@pytest.mark.parametrize("cell", [LSTM, GRU, VanillaRNN])
def test_torchs_twin_computes_the_same(cell):
    core = cell(3, 4).double()
    if cell is GRU:
        torch.nn.init.normal_(core.weights().b_gh)
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    torch.testing.assert_close(torch_twin(core)(x)[0], core(x)[0])
    with pytest.raises(ValueError, match="no twin"):
        torch_twin(PeepholeLSTM(3, 4))


def test_the_reset_gate_moves_through_the_product_only_if_it_is_one_number():
    gru = GRU(3, 4).double()
    w, x = gru.weights(), torch.randn(2, 3, dtype=torch.float64)
    h = torch.randn(2, 4, dtype=torch.float64)
    assert (gru.step(x, h, w) - gru.step_reset_first(x, h, w)).abs().max() > 1e-4
    w.W_rx, w.W_rh, w.b_r = torch.zeros_like(w.W_rx), torch.zeros_like(w.W_rh), w.b_r * 0 + 0.7
    torch.testing.assert_close(gru.step(x, h, w), gru.step_reset_first(x, h, w))


def test_blocks_sum_to_the_model():
    model = SequenceClassifier(LSTM(2, 6), 10)
    blocks = parameter_blocks(model)
    assert blocks["parameters"].sum() == sum(p.numel() for p in model.parameters())
    assert len(blocks) == 14
    assert parameter_blocks(GRU(2, 6))["parameters"].sum() == cell_parameters("gru", 2, 6)


def test_a_probe_is_the_minimum_that_it_says():
    X, Y = torch.randn(30, 4, dtype=torch.float64), torch.randn(30, 3, dtype=torch.float64)
    M = probes.fit_probe(X, Y, 0.1).requires_grad_(True)
    ((X @ M - Y).square().sum() + 0.1 * 30 * M.square().sum()).backward()
    assert M.grad.abs().max() < 1e-10


def test_lesions_of_the_published_lstm():
    run = trained_networks.TRAINED["palindrome_lstm_T19"]
    model = trained_networks.load_network("palindrome_lstm_T19")
    table = gate_lesions.lesions(model, run.T, run.encoding, [run.T], n=100)
    right = table.set_index(["gate", "held at"])["right"]
    assert len(table) == 13
    assert right["none", ""] > 0.97
    assert max(right["i", "0"], right["o", "0"], right["g", "0"]) < 0.3
    assert right["f", "1"] > 0.9 > 0.6 > right["f", "0"]
    assert gate_lesions.share_right(model, run.T, run.encoding, 100) == right["none", ""]  # a copy


def test_the_published_lstm_writes_its_digit_again():
    run = trained_networks.TRAINED["palindrome_lstm_T19"]
    model = trained_networks.load_network("palindrome_lstm_T19")
    left, explained = probes.writes(model, run.T, run.encoding, n=100)
    assert left.sum().item() == pytest.approx(1, abs=1e-5)
    assert left[0] < 0.05 < 0.1 < left[-1]
    assert explained[0] > 0.99  # the first write is a function of the first digit
    assert explained[-1] > 0.9


def test_listening_is_a_share_of_what_has_been_read():
    run = trained_networks.TRAINED["palindrome_lstm_T19"]
    shares = probes.listening(
        trained_networks.load_network("palindrome_lstm_T19"), 19, run.encoding
    )
    torch.testing.assert_close(shares.sum(1), torch.ones(19))
    assert (shares.triu(1) == 0).all()
    assert shares[-1, 0] > 3 * shares[-1, 5]


def test_the_published_runs_without_a_gate_are_those_of_the_study():
    runs = archive.read("gate_removal").part("removed")
    planned = gate_removal.networks_without()
    assert set(runs["setting"]) == set(planned) == set(gate_removal.NETWORKS)
    assert len(runs) == sum(map(len, planned.values()))
