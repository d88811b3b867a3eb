"""From scores to text, in detail: ties, edges of top-k and top-p, beams, seeds, sentences."""

import math
import re
import string

import pytest
import torch

from helpers.text import CharLM, Vocabulary
from helpers.text import sampling as s

VOCAB = Vocabulary(string.ascii_lowercase + " .")


@pytest.fixture(scope="module", params=[None, 7], ids=["one-hot", "embedding"])
def model(request):
    torch.manual_seed(1)
    model = CharLM(len(VOCAB), 12, 2, embedding_size=request.param)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(4)
    return model.eval()


def refused(sentence, call, *arguments, **options):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call(*arguments, **options)


# Distributions ----------------------------------------------------------------------------------


def test_ties_are_kept_in_the_order_of_the_vocabulary():
    p = s.next_distribution(torch.zeros(3000), top_k=7)
    assert torch.nonzero(p).flatten().tolist() == list(range(7))
    torch.testing.assert_close(p[:7], torch.full((7,), 1 / 7, dtype=torch.float64))
    p = s.next_distribution(torch.zeros(1000), top_p=0.0125)
    assert torch.nonzero(p).flatten().tolist() == list(range(13))


def test_temperature_divides_and_neither_end_overflows():
    logits = torch.tensor([2.0, 1.0, -1.0, 2.5])
    for temperature in (0.5, 1.0, 3.0):
        weights = [math.exp(z / temperature) for z in logits.tolist()]
        expected = torch.tensor([w / sum(weights) for w in weights], dtype=torch.float64)
        torch.testing.assert_close(s.next_distribution(logits, temperature), expected)
    assert s.next_distribution(logits, 1e-300).tolist() == [0, 0, 0, 1]
    assert s.next_distribution(logits, 0).tolist() == [0, 0, 0, 1]
    flat = s.next_distribution(logits, 1e300)
    torch.testing.assert_close(flat, torch.full((4,), 0.25, dtype=torch.float64))


def test_a_batch_of_distributions_is_its_rows():
    logits = torch.randn(2, 3, 9)
    for settings in ({}, {"top_k": 2}, {"top_p": 0.6}, {"top_k": 4, "top_p": 0.5}):
        whole = s.next_distribution(logits, 0.7, **settings)
        assert whole.dtype == torch.float64
        for i in range(2):
            for j in range(3):
                one = s.next_distribution(logits[i, j], 0.7, **settings)
                torch.testing.assert_close(whole[i, j], one)
                assert one.sum().item() == pytest.approx(1)
    greedy = s.next_distribution(logits, 0)
    assert greedy.dtype == torch.float64
    assert torch.equal(greedy.argmax(-1), logits.argmax(-1))
    assert (greedy.sum(-1) == 1).all()


def test_top_k_and_top_p_together_keep_what_both_keep():
    p = torch.tensor([0.5, 0.3, 0.15, 0.05])
    assert (s.next_distribution(p.log(), top_k=3, top_p=0.6) > 0).tolist() == [1, 1, 0, 0]
    assert (s.next_distribution(p.log(), top_k=1, top_p=0.9) > 0).tolist() == [1, 0, 0, 0]
    # Temperature comes first: flattened, the same share takes more characters.
    assert (s.next_distribution(p.log(), 4.0, top_p=0.6) > 0).tolist() == [1, 1, 1, 0]
    mixed = s.next_distribution(p.flip(0).log(), top_k=2)
    torch.testing.assert_close(mixed, torch.tensor([0, 0, 0.375, 0.625]).double())


def test_settings_out_of_range_are_sentences():
    refused("temperature must be at least 0.0, got -1.0", s.check_sampling, -1.0)
    refused("temperature must be a finite number, got None", s.check_sampling, None)
    refused("top_k must be at least 1, got 0", s.check_sampling, 1.0, 0)
    refused("top_p must be at most 1.0, got 1.01", s.check_sampling, 1.0, None, 1.01)
    refused("top_p must be above 0 and at most 1, got 0", s.check_sampling, 1.0, None, 0)
    refused("top_p must be a finite number, got 'a'", s.check_sampling, 1.0, None, "a")
    s.check_sampling(0.0, 1, 1.0)
    s.check_sampling(0.0, None, 1e-9)
    refused("top_k must be at least 0, got -2", s.next_distribution, torch.zeros(3), 1.0, -2)


# Texts ------------------------------------------------------------------------------------------


def test_a_text_is_drawn_character_by_character_from_its_distribution(model):
    """Every character has a probability above 0 under the settings, and greedy ones the largest."""
    for settings in ({"temperature": 0.5, "top_k": 2}, {"temperature": 1.5, "top_p": 0.4}):
        text = s.generate(model, VOCAB, "ab", 25, seed=3, **settings)
        assert text.startswith("ab")
        assert len(text) == 27
        for t in range(2, 27):
            with torch.no_grad():
                logits = model(VOCAB.encode(text[:t])[None])[0][0, -1]
            p = s.next_distribution(logits, **settings)
            assert p[VOCAB.encode(text[t])].item() > 0


def test_defaults_are_temperature_one_and_everything_kept(model):
    plain = s.generate(model, VOCAB, "the", 30, seed=5)
    assert plain == s.generate(model, VOCAB, "the", 30, 1.0, None, None, seed=5)
    assert plain == s.generate_batch(model, VOCAB, ["the"], 30, seed=5)[0]
    assert plain == "the" + "".join(s.stream(model, VOCAB, "the", 30, seed=5))
    drawn = s.draw_characters(model, VOCAB, ["the"], 30, seed=5)
    assert plain == "the" + "".join(step.characters[0] for step in drawn)
    hot = s.generate(model, VOCAB, "the", 30, 9.0, seed=5)
    assert hot != plain


def test_settings_reach_every_way_of_drawing(model):
    settings = {"temperature": 1.2, "top_k": 9, "top_p": 0.95}
    one = s.generate(model, VOCAB, "the", 60, seed=2, **settings)
    assert one == s.generate_batch(model, VOCAB, ["the"], 60, seed=2, **settings)[0]
    assert one == "the" + "".join(s.stream(model, VOCAB, "the", 60, seed=2, **settings))
    assert one == s.generate_batch(model, VOCAB, ("the",), 60, seed=[2], **settings)[0]
    for name, other in (("temperature", 3.0), ("top_k", 1), ("top_p", 0.05)):
        changed = {**settings, name: other}
        assert s.generate(model, VOCAB, "the", 60, seed=2, **changed) != one
        assert s.generate_batch(model, VOCAB, ["the"], 60, seed=2, **changed) != [one]


def test_prompts_of_a_batch_have_their_own_texts_and_seeds(model):
    prompts = ["a", "bc", "a"]
    texts = s.generate_batch(model, VOCAB, prompts, 15, seed=[1, 2, 3])
    assert [text[: len(p)] for text, p in zip(texts, prompts, strict=True)] == prompts
    assert [len(text) for text in texts] == [16, 17, 16]
    assert texts[0] != texts[2]
    same = s.generate_batch(model, VOCAB, prompts, 15, seed=4)
    assert same[0] == same[2]
    fresh = s.generate_batch(model, VOCAB, ["a", "a"], 40)
    assert fresh[0] != fresh[1]
    torch.manual_seed(0)
    first = s.generate(model, VOCAB, "a", 40)
    torch.manual_seed(0)
    assert s.generate(model, VOCAB, "a", 40) == first  # a fresh seed comes from torch's own stream


def test_log_probabilities_are_at_temperature_one_whatever_was_asked(model):
    for step in s.draw_characters(model, VOCAB, ["a", "b"], 4, 0.0, seed=1):
        assert len(step.characters) == len(step.log_probabilities) == 2
        assert all(value < 0 for value in step.log_probabilities)
    (one,) = s.draw_characters(model, VOCAB, ["q"], 1, 0.3, top_k=2, seed=1)
    with torch.no_grad():
        logits = model(VOCAB.encode("q")[None])[0][0, -1].double()
    expected = torch.log_softmax(logits, -1)[VOCAB.encode(one.characters[0])].item()
    assert one.log_probabilities[0] == pytest.approx(expected, abs=1e-5)


def test_wrong_requests_are_sentences(model):
    refused("length must be at least 0, got -1", s.generate, model, VOCAB, "a", -1)
    refused("length must be at least 0, got -1", s.beam_search, model, VOCAB, "a", -1)
    refused("beam_width must be at least 1, got 0", s.beam_search, model, VOCAB, "a", 2, 0)
    refused("there must be at least one prompt", s.generate_batch, model, VOCAB, [], 2)
    refused("seed must be at least 0, got -1", s.generate, model, VOCAB, "a", 2, seed=-1)
    refused(
        "seed[0] must be at least 0, got -1", s.generate_batch, model, VOCAB, ["a"], 2, seed=[-1]
    )
    refused(
        "2 prompts need one seed or 2, got 3",
        s.generate_batch, model, VOCAB, ["a", "b"], 2, seed=[1, 2, 3],
    )  # fmt: skip
    refused(
        "the model scores 28 characters, the vocabulary has 3",
        s.generate, model, Vocabulary("abc"), "a", 2,
    )  # fmt: skip
    refused(
        "prompt must be a text of at least one character, got ''", s.generate, model, VOCAB, "", 2
    )


# Beams ------------------------------------------------------------------------------------------


def log_probability(model, prompt, text):
    with torch.no_grad():
        log_p = torch.log_softmax(model(VOCAB.encode(text)[None])[0][0].double(), -1)
    places = range(len(prompt) - 1, len(text) - 1)
    return sum(log_p[t, VOCAB.encode(text[t + 1])].item() for t in places)


@pytest.mark.parametrize("width", [1, 3, 9, 30])
def test_a_beam_search_written_out(model, width):
    """The same search over texts, with the whole model at every step."""
    beams = [("ab", 0.0)]
    for _ in range(4):
        longer = [
            (text + c, log_probability(model, "ab", text + c))
            for text, _ in beams
            for c in VOCAB.characters
        ]
        beams = sorted(longer, key=lambda beam: -beam[1])[:width]
    found = s.beam_search(model, VOCAB, "ab", 4, width)
    assert len(found) == min(width, len(beams))
    for (text, score), (expected, value) in zip(found, beams, strict=True):
        assert score == pytest.approx(value, abs=1e-4)
        assert text == expected
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)


def test_beams_are_five_unless_told_and_fewer_where_there_are_fewer(model):
    assert len(s.beam_search(model, VOCAB, "a", 3)) == 5
    assert len(s.beam_search(model, VOCAB, "a", 1, 100)) == len(VOCAB)
    assert s.beam_search(model, VOCAB, "abc", 0) == [("abc", 0.0)]
    assert all(len(text) == 4 for text, _ in s.beam_search(model, VOCAB, "a", 3))
    assert all(math.isfinite(score) for _, score in s.beam_search(model, VOCAB, "a", 2, 50))
