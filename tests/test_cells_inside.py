"""Parameter counts against the models; traces, probes and the traps of notebook 03."""

import itertools

import pytest
import torch

from helpers.palindromes import probes, trained_networks
from helpers.palindromes.tasks import palindromes
from helpers.recurrent import GRU, LSTM, PeepholeLSTM, SequenceClassifier, VanillaRNN, cell_traps
from helpers.recurrent.parameters import cell_parameters, read_out_parameters


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


def test_errata_of_the_lstm():
    rows = cell_traps.lstm_rows(67_850, 67_840, 67_072)
    assert all(len(row) == 4 and all(row) for row in rows)
    assert cell_traps.unbounded_cell(7)[-1] == 7
    assert cell_traps.slot_bias_ties_samples() > 0.1
    assert cell_traps.sigmoid_candidate_rises() == 1.0
    assert cell_traps.candidate_without_output_gate() > 0.1
    assert cell_traps.largest_state_jacobian() > 10
