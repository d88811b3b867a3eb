"""The decoder: right probabilities, the model's own logits, alone, in a batch and in eight bits."""

import copy
import string
import warnings

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.runtime import numpy_on_one_thread
from helpers.text import CharLM, Vocabulary, decoder, int8
from helpers.text import sampling as s
from helpers.text.evaluation import cost_of_int8
from helpers.text.levered import LeveredLM

VOCAB = Vocabulary(string.ascii_lowercase + " .")


NETWORKS = {
    "one-hot": (CharLM, {}),
    "embedding": (CharLM, {"embedding_size": 7}),
    "normalised": (LeveredLM, {"embedding_size": 7, "norm": True, "weight_dropout": 0.5}),
}


@pytest.fixture(scope="module", params=NETWORKS)
def model(request):
    """A network with large weights, so that its distributions are far from uniform."""
    torch.manual_seed(1)
    kind, options = NETWORKS[request.param]
    model = kind(len(VOCAB), 20, 2, dropout=0.5, **options)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(4)
        for norm in model.norms or ():
            norm.weight.normal_()
            norm.bias.normal_()
    return model


LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0])


def test_temperature_divides_the_logits():
    for temperature in (0.5, 1, 2):
        expected = torch.softmax(LOGITS.double() / temperature, 0)
        torch.testing.assert_close(s.next_distribution(LOGITS, temperature), expected)
    assert s.next_distribution(LOGITS, 0).tolist() == [1, 0, 0, 0]
    assert s.next_distribution(LOGITS, 1e-300).tolist() == [1, 0, 0, 0]
    torch.testing.assert_close(
        s.next_distribution(LOGITS, 1e300), torch.full((4,), 0.25, dtype=torch.float64)
    )


def test_top_k_and_top_p_keep_the_likeliest_and_renormalise():
    p = torch.softmax(LOGITS.double(), 0)
    two = s.next_distribution(LOGITS, top_k=2)
    torch.testing.assert_close(two[:2], p[:2] / p[:2].sum())
    assert (two[2:] == 0).all()
    assert torch.equal(s.next_distribution(LOGITS, top_k=9), s.next_distribution(LOGITS, top_k=4))
    # .64 + .24 reach .7, .64 alone reaches .6
    assert (s.next_distribution(LOGITS, top_p=0.7) > 0).tolist() == [True, True, False, False]
    assert (s.next_distribution(LOGITS, top_p=0.6) > 0).tolist() == [True, False, False, False]
    assert (s.next_distribution(LOGITS, top_p=1.0) > 0).all()
    ties = s.next_distribution(torch.zeros(4), top_k=1)
    assert ties.tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    "settings",
    [{"temperature": 1.0}, {"temperature": 0.5}, {"temperature": 2.0, "top_k": 5}, {"top_p": 0.8}],
)
def test_sampled_frequencies_match(model, settings):
    """Chi-square: 20,000 draws of one next character against the intended distribution."""
    draws = 20_000
    texts = s.generate_batch(model, VOCAB, ["th"] * draws, 1, **settings, seed=range(draws))
    logits, *_ = s.Decoder(model, VOCAB).prime("th")
    p = s.next_distribution(logits, **settings).numpy()
    observed = [sum(t[2] == c for t in texts) for c in VOCAB.characters]
    kept = p * draws >= 5
    assert sum(o for o, q in zip(observed, p, strict=True) if q == 0) == 0
    expected = [*(p[kept] * draws), (1 - p[kept].sum()) * draws]
    seen = [o for o, k in zip(observed, kept, strict=True) if k]
    seen.append(draws - sum(seen))
    if expected[-1] < 5:
        expected[-2:], seen[-2:] = [sum(expected[-2:])], [sum(seen[-2:])]
    assert stats.chisquare(seen, expected).pvalue > 1e-3


@pytest.mark.parametrize("temperature", [0, 1e-300, 0.3, 1.0, 2.0])
@pytest.mark.parametrize(
    "cut", [{}, {"top_k": 1}, {"top_k": 5}, {"top_p": 0.7}, {"top_k": 9, "top_p": 0.4}]
)
def test_draws_invert_the_cumulated_distribution(temperature, cut):
    """The buffers of a step against the definition, which is another program."""
    torch.manual_seed(3)
    logits = torch.randn(40, 13) * 3
    uniforms = np.random.default_rng(0).random(40)
    draw = s.Draw(40, 13, temperature, cut.get("top_k"), cut.get("top_p"))
    draw(logits, uniforms)
    p = s.next_distribution(logits, temperature, **cut).numpy()
    for row, (k, u) in enumerate(zip(draw.ids.tolist(), uniforms, strict=True)):
        below = p[row, :k].sum()
        assert p[row, k] > 0
        assert below <= u + 1e-12
        assert u < below + p[row, k] + 1e-12
    expected = torch.log_softmax(logits.double(), -1)[torch.arange(40), draw.ids]
    torch.testing.assert_close(torch.tensor(draw.log_probabilities()), expected.float())


@pytest.mark.parametrize(
    "settings", [(1.0,), (0.0,), (1e-300,), (0.3, 5), (2.0, None, 0.7), (1.0, 9, 0.4)]
)
def test_one_text_draws_what_it_draws_beside_others(settings):
    torch.manual_seed(4)
    logits, uniforms = torch.randn(30, 13) * 3, np.random.default_rng(1).random(30)
    together = s.Draw(30, 13, *settings)
    together(logits, uniforms)
    alone, expected = s.Draw(1, 13, *settings), together.log_probabilities()
    for row in range(30):
        alone(logits[row : row + 1], uniforms[row : row + 1])
        assert alone.ids.tolist() == [together.ids[row]]
        assert torch.equal(alone.logits()[0], together.logits()[row])
        assert alone.log_probabilities() == pytest.approx([expected[row]])


def test_draws_never_leave_the_vocabulary():
    alone = s.Draw(1, 3)
    alone(torch.tensor([[0.0, 0.0, -1e30]]), np.array([np.nextafter(1, 0)]))
    assert alone.ids.tolist() == [1]
    draw = s.Draw(2, 3, 1.0, None, None)
    draw(torch.tensor([[0.0, 0.0, -1e30], [0.0, 0.0, 0.0]]), np.array([np.nextafter(1, 0)] * 2))
    assert draw.ids.tolist() == [1, 2]


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("norm", [False, True])
def test_decoder_equals_the_module(num_layers, norm):
    text = "the cat sat on a mat."
    torch.manual_seed(2)
    sizes = {"hidden_size": 20, "num_layers": num_layers, "embedding_size": 5}
    network = LeveredLM(len(VOCAB), **sizes, dropout=0.5, norm=norm).double()
    with torch.no_grad():
        for p in network.norms.parameters() if norm else ():
            p.normal_()
    decoding = s.Decoder(network, VOCAB).begin([text[:3], text[:5], text[:3]])
    with torch.no_grad():
        network.eval()
        for t in range(3, len(text)):
            ids = VOCAB.encode(text[:t])[None]
            expected, (h, c) = network(ids)
            torch.testing.assert_close(decoding.logits[0].clone(), expected[0, -1])
            torch.testing.assert_close(decoding.logits[2].clone(), expected[0, -1])
            torch.testing.assert_close(decoding.c[:, 0].clone(), c[:, 0])
            torch.testing.assert_close(decoding.h[:, 0].clone(), h[:, 0])
            decoding.step(VOCAB.encode(text[t] + "x" + text[t]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_step_of_one_row_in_numpy_says_what_torch_says(model, dtype, monkeypatch):
    network = copy.deepcopy(model).to(dtype)
    ours = s.Decoder(network, VOCAB).begin(["the"])
    monkeypatch.setattr("helpers.text.decoder.numpy_reads", lambda x: False)
    theirs = s.Decoder(network, VOCAB).begin(["the"])
    tolerance = {"rtol": 0, "atol": 1e-4 if dtype == torch.float32 else 1e-12}
    for k in VOCAB.encode(" cat sat on a mat."):
        for name in ("logits", "h", "c"):
            torch.testing.assert_close(getattr(ours, name), getattr(theirs, name), **tolerance)
        assert ours.step(k[None]) is ours.logits
        theirs.step(k[None])


def test_without_openblas_of_its_own_numpy_leaves_products_to_torch(model, monkeypatch):
    expected = s.generate(model, VOCAB, "the", 30, seed=0)

    def missing(*_):
        raise OSError("no such library")

    monkeypatch.setattr("helpers.runtime._library_of_numpy", missing)
    assert not numpy_on_one_thread()
    monkeypatch.setattr("helpers.text.decoder.FloatWeights._in_numpy", None)
    assert s.generate(model, VOCAB, "the", 30, seed=0) == expected


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_products_of_several_rows_are_the_same_from_numpy_and_torch(model, rows, monkeypatch):
    prompts = [VOCAB.characters[k] for k in range(rows)]
    ours = s.Decoder(model, VOCAB).begin(prompts)
    monkeypatch.setattr("helpers.text.decoder.taken_over_by_numpy", lambda x: False)
    theirs = s.Decoder(model, VOCAB).begin(prompts)
    for k in range(6):
        ids = (torch.arange(rows) + k) % len(VOCAB)
        torch.testing.assert_close(ours.step(ids), theirs.step(ids), rtol=0, atol=1e-5)
        order = torch.arange(rows).flip(0)
        ours, theirs = ours.select(order), theirs.select(order)


def test_one_short_prompt_is_read_in_steps_and_a_long_one_by_the_module(model, monkeypatch):
    calls = []
    forward = type(model).forward
    monkeypatch.setattr(type(model), "forward", lambda *a: calls.append(1) or forward(*a))
    made = s.Decoder(model, VOCAB)
    for prompt, expected in (("the cat sat", 0), ("the cat sat on a mat", 1)):
        del calls[:]
        found, together = made.prime(prompt), made.begin([prompt] * 3)
        assert len(calls) == 2 * expected
        with torch.no_grad():
            logits, (h, c) = forward(model.eval(), VOCAB.encode(prompt)[None])
        for ours, theirs in zip(found, (logits[0, -1], h[:, 0], c[:, 0]), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
        torch.testing.assert_close(together.logits[2].clone(), found[0], rtol=0, atol=1e-6)
    found[0].add_(1)  # the caller's own


def test_ways_in_one_batch_draw_what_each_draws_alone():
    torch.manual_seed(5)
    network, prompts = CharLM(len(VOCAB), 9, 1).double(), ["ab", "c"]  # no rounding tells here
    ways = [{}, {"temperature": 0.0}, {"top_k": 3}, {"top_p": 0.5, "temperature": 2.0}]
    together = list(s.draw_in_ways(network, VOCAB, prompts, 30, ways, seed=[4, 5]))
    for k, way in enumerate(ways):
        alone = s.draw_characters(network, VOCAB, prompts, 30, **way, seed=[4, 5])
        for step, drawn in zip(together, alone, strict=True):
            assert step[k].characters == drawn.characters
            assert step[k].log_probabilities == pytest.approx(drawn.log_probabilities)
            torch.testing.assert_close(step[k].logits, drawn.logits)


def test_texts_of_a_decoding_are_gathered_by_index(model):
    prompts = ["a", "the cat", "b"]
    for rows in ([2, 0, 2], [1], [0, 0, 1, 2]):
        chosen = s.Decoder(model, VOCAB).begin(prompts).select(torch.tensor(rows))
        anew = s.Decoder(model, VOCAB).begin([prompts[k] for k in rows])
        for _ in range(3):
            ids = torch.arange(len(rows))
            for name in ("h", "c", "logits"):
                got, expected = getattr(chosen, name).clone(), getattr(anew, name).clone()
                torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)
            chosen.step(ids)
            anew.step(ids)


@pytest.mark.parametrize("quantised", [False, True])
def test_equal_batches_give_equal_texts(model, quantised):
    prompts = ["a", "the cat", ".", "zebra", "on and on", "b", "c c", "d", "the", "a", "q"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        first, second = (
            s.generate_batch(model, VOCAB, prompts, 200, 1.2, seed=11, quantised=quantised)
            for _ in range(2)
        )
    assert first == second
    assert len(set(first)) > 9
    assert all(
        text.startswith(p) and len(text) == len(p) + 200
        for text, p in zip(first, prompts, strict=True)
    )


def test_beside_others_only_rounding_differs(model):
    """In float64, where no rounding reaches a character, a text is what it is alone."""
    precise = copy.deepcopy(model).double()
    prompts = ["a", "the cat", ".", "zebra", "on and on", "b", "c c", "d", "the", "a", "q"]
    together = s.generate_batch(precise, VOCAB, prompts, 200, seed=11)
    assert together == [s.generate(precise, VOCAB, p, 200, seed=11) for p in prompts]
    seeds = list(range(len(prompts)))
    apart = s.generate_batch(precise, VOCAB, prompts, 50, seed=seeds)
    assert apart == [
        s.generate(precise, VOCAB, p, 50, seed=k) for p, k in zip(prompts, seeds, strict=True)
    ]
    assert apart[0][1:] != apart[9][1:]


def _working_engines():
    """Those that this build of torch has and whose sums do not overflow on this processor."""
    found = []
    for engine in int8.ENGINES:
        try:
            if int8.error_of(engine, 64, 4) < int8.MOST_ERROR:
                found.append(engine)
        except (AttributeError, NotImplementedError, RuntimeError):
            continue
    return found


@pytest.mark.parametrize("engine", _working_engines())
@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("size", [1.0, 0.01, 5.0])
def test_products_of_eight_bits(engine, add, size):
    """Of states as they are, and of normalised layers, where they may be small and large."""
    torch.manual_seed(0)
    W, x, out = torch.randn(40, 64), size * (torch.rand(3, 64) * 2 - 1), size * torch.randn(3, 40)
    bias = None if add else size * torch.randn(40)
    numbers, scales = int8.quantise(W)
    assert (W - numbers * scales[:, None]).abs().max() <= scales.max() / 2 + 1e-6
    expected = x @ (numbers * scales[:, None]).T + (out if add else bias)
    engine(W, bias).bind(x, out)()
    assert (out - expected).norm() / expected.norm() < int8.MOST_ERROR


def test_a_row_of_zeros_stays_zero():
    numbers, scales = int8.quantise(torch.zeros(2, 3))
    assert not (numbers * scales[:, None]).any()


@pytest.mark.parametrize("engine", _working_engines())
@pytest.mark.parametrize("norm", [False, True])
def test_eight_bits_are_nearly_the_model(engine, norm, monkeypatch):
    monkeypatch.setattr(decoder, "find_engine", lambda columns, B: engine)
    torch.manual_seed(0)
    network = LeveredLM(len(VOCAB), 64, 2, norm=norm)
    text = s.generate(network, VOCAB, "a", 2000, seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cost = cost_of_int8(network, VOCAB, text, tracks=8)
        assert s.generate(network, VOCAB, "a", 20, seed=0, quantised=True)[0] == "a"
        assert s.beam_search(network, VOCAB, "a", 5, quantised=True)[0][0][0] == "a"
    assert 0 < cost["kl"] < 1e-3
    assert cost["bpc int8"] == pytest.approx(cost["bpc"], abs=1e-2)
    assert cost["characters"] == 8 * (2001 // 8 - 50)


@pytest.mark.parametrize("engine", _working_engines())
def test_a_product_of_nothing_is_the_bias(engine):
    bias, out = torch.randn(40), torch.empty(1, 40)
    engine(torch.randn(40, 64), bias).bind(torch.zeros(1, 64), out)()
    torch.testing.assert_close(out[0], bias)


def test_residual_layers_are_not_decoded():
    network = LeveredLM(len(VOCAB), 8, 2, residual=True)
    with pytest.raises(ValueError, match="residual layers can be trained, but not decoded"):
        s.generate(network, VOCAB, "a", 3)


def test_without_an_engine_quantised_is_float32_and_says_so_once(model, monkeypatch):
    monkeypatch.setattr(decoder, "find_engine", lambda columns, B: None)
    decoder._say_not_quantised.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        texts = [s.generate(model, VOCAB, "a", 60, seed=4, quantised=True) for _ in range(3)]
    assert texts == [s.generate(model, VOCAB, "a", 60, seed=4)] * 3
    (warning,) = caught
    assert "float32 is used" in str(warning.message)


def test_cost_without_an_engine_is_nothing(model, monkeypatch):
    """And its bits are those of the module."""
    monkeypatch.setattr(decoder, "find_engine", lambda columns, B: None)
    monkeypatch.setattr(decoder, "_say_not_quantised", lambda what, device: None)
    text = s.generate(model, VOCAB, "a", 399, seed=0)
    cost = cost_of_int8(model, VOCAB, text, tracks=4)
    assert cost["kl"] == 0
    assert cost["bpc"] == cost["bpc int8"]
    ids = VOCAB.encode(text).view(4, 100)
    model.eval()
    with torch.no_grad():
        log_p = torch.log_softmax(model(ids[:, :-1])[0], -1).gather(2, ids[:, 1:, None])
    assert cost["bpc"] == pytest.approx(-log_p[:, 49:].mean().item() / np.log(2), abs=1e-4)
    with pytest.raises(ValueError, match="no more than the warm-up of 50"):
        cost_of_int8(model, VOCAB, text[:100], tracks=4)


def test_the_engine_is_looked_for_once_and_only_where_it_pays():
    assert int8.find_engine(8, 1) is int8.find_engine(8, 1)
    assert int8.find_engine.cache_info().hits
    found = int8.find_engine(512, 1)
    assert found is None or found in _working_engines()


def test_seeds_reproduce(model):
    assert s.generate(model, VOCAB, "a", 50, seed=1) == s.generate(model, VOCAB, "a", 50, seed=1)
    assert s.generate(model, VOCAB, "a", 50, seed=1) != s.generate(model, VOCAB, "a", 50, seed=2)
    assert s.generate(model, VOCAB, "a", 50) != s.generate(model, VOCAB, "a", 50)


def test_stream_is_generate_character_by_character(model):
    whole = s.generate(model, VOCAB, "the ", 40, 0.7, top_k=9, seed=5)
    characters = list(s.stream(model, VOCAB, "the ", 40, 0.7, top_k=9, seed=5))
    assert all(len(c) == 1 for c in characters)
    assert "the " + "".join(characters) == whole


def test_dropout_is_off_and_the_mode_is_kept(model):
    model.train()
    texts = {s.generate(model, VOCAB, "the cat", 60, 0.0) for _ in range(3)}
    assert len(texts) == 1
    assert model.training


def test_greedy_takes_the_likeliest(model):
    model.eval()
    text = s.generate(model, VOCAB, "a", 12, 0.0)
    with torch.no_grad():
        for t in range(1, len(text)):
            best = model(VOCAB.encode(text[:t])[None])[0][0, -1].argmax().item()
            assert VOCAB.characters[best] == text[t]


def test_log_probabilities_are_the_models(model):
    model.eval()
    steps = list(s.draw_characters(model, VOCAB, ["abc"], 10, 0.5, seed=0))
    text = "abc" + "".join(step.characters[0] for step in steps)
    with torch.no_grad():
        log_p = torch.log_softmax(model(VOCAB.encode(text)[None])[0][0], -1)
    for t, step in enumerate(steps, start=2):
        expected = log_p[t, VOCAB.encode(text[t + 1])].item()
        assert step.log_probabilities[0] == pytest.approx(expected, abs=1e-4)


def test_beam_search_finds_the_best_of_all_short_texts(model):
    model.eval()
    beams = s.beam_search(model, VOCAB, "ab", 2, beam_width=len(VOCAB) ** 2)
    scores = {}
    with torch.no_grad():
        first = torch.log_softmax(model(VOCAB.encode("ab")[None])[0][0, -1].double(), -1)
        for i, c in enumerate(VOCAB.characters):
            second = torch.log_softmax(model(VOCAB.encode("ab" + c)[None])[0][0, -1].double(), -1)
            for j, d in enumerate(VOCAB.characters):
                scores["ab" + c + d] = (first[i] + second[j]).item()
    assert dict(beams) == pytest.approx(scores, abs=1e-4)
    assert [p for _, p in beams] == sorted((p for _, p in beams), reverse=True)
    narrow = s.beam_search(model, VOCAB, "ab", 6, beam_width=1)
    assert narrow[0][0] == s.generate(model, VOCAB, "ab", 6, 0.0)


def test_length_zero(model):
    assert s.generate(model, VOCAB, "abc", 0) == "abc"
    assert s.beam_search(model, VOCAB, "abc", 0) == [("abc", 0.0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature must be at least 0"),
        ({"temperature": float("nan")}, "temperature must be a finite number"),
        ({"temperature": float("inf")}, "temperature must be a finite number"),
        ({"temperature": "hot"}, "temperature must be a finite number"),
        ({"top_k": 0}, "top_k must be at least 1"),
        ({"top_k": 2.5}, "top_k must be a whole number"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.5}, "top_p must be at most 1"),
        ({"length": -1}, "length must be at least 0"),
        ({"seed": -4}, "seed must be at least 0"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"prompt": ""}, "prompt must be a text"),
        ({"prompt": "Ä"}, "the prompt has characters that the model has never seen: 'Ä'"),
        ({"prompt": None}, "prompt must be a text"),
    ],
)
def test_bad_settings_are_sentences(model, options, message):
    arguments = {"prompt": "abc", "length": 3, **options}
    with pytest.raises(ValueError, match=message):
        s.generate(model, VOCAB, **arguments)


def test_bad_batches_are_sentences(model):
    with pytest.raises(ValueError, match="at least one prompt"):
        s.generate_batch(model, VOCAB, [], 3)
    with pytest.raises(ValueError, match="2 prompts need one seed or 2, got 1"):
        s.generate_batch(model, VOCAB, ["a", "b"], 3, seed=[1])
    with pytest.raises(ValueError, match="the vocabulary has 3"):
        s.generate(model, Vocabulary("abc"), "a", 3)
    with pytest.raises(ValueError, match="beam_width must be at least 1"):
        s.beam_search(model, VOCAB, "a", 3, beam_width=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_texts_are_written_where_the_model_lies(model):
    """And where that is changes rounding only."""
    precise = copy.deepcopy(model).double()
    here = s.generate_batch(precise, VOCAB, ["a", "the cat"], 50, seed=1)
    beams = s.beam_search(precise, VOCAB, "a", 8)
    precise.cuda()
    assert s.generate_batch(precise, VOCAB, ["a", "the cat"], 50, seed=1) == here
    assert [text for text, _ in s.beam_search(precise, VOCAB, "a", 8)] == [t for t, _ in beams]
    decoder._say_not_quantised.cache_clear()
    with pytest.warns(UserWarning, match="float32 is used"):
        s.generate(precise.float(), VOCAB, "a", 5, quantised=True)
