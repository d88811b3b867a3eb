"""The decoder: right probabilities, the model's own logits, no dependence on the batch."""

import string

import pytest
import torch
from scipy import stats

from helpers.text import CharLM, Vocabulary
from helpers.text import sampling as s

VOCAB = Vocabulary(string.ascii_lowercase + " .")


@pytest.fixture(scope="module", params=[None, 7], ids=["one-hot", "embedding"])
def model(request):
    """A network with large weights, so that its distributions are far from uniform."""
    torch.manual_seed(1)
    model = CharLM(len(VOCAB), 20, 2, embedding_size=request.param, dropout=0.5)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(4)
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


def test_decoder_equals_the_module(model):
    text = "the cat sat on a mat."
    model.eval()
    decoder = s.Decoder(model, VOCAB)
    logits, state = decoder.prime_all([text[:3], text[:5]])
    with torch.no_grad():
        for t in range(3, len(text)):
            expected = model(VOCAB.encode(text[:t])[None])[0][0, -1]
            torch.testing.assert_close(logits[0], expected, rtol=0, atol=1e-5)
            logits = decoder.step(VOCAB.encode(text[t] + "x"), state)


def test_a_text_never_depends_on_its_batch(model):
    prompts = ["a", "the cat", ".", "zebra", "on and on", "b", "c c", "d", "the", "a", "q"]
    together = s.generate_batch(model, VOCAB, prompts, 200, seed=11)
    assert together == [s.generate(model, VOCAB, p, 200, seed=11) for p in prompts]
    some = s.generate_batch(model, VOCAB, prompts[3:7], 200, seed=11)
    assert some == together[3:7]
    seeds = list(range(len(prompts)))
    apart = s.generate_batch(model, VOCAB, prompts, 50, seed=seeds)
    assert apart == [
        s.generate(model, VOCAB, p, 50, seed=k) for p, k in zip(prompts, seeds, strict=True)
    ]


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
