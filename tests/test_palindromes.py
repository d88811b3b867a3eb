"""Palindromes: what they are, which are held out, and that a stream repeats."""

import pytest
import torch

from helpers.palindromes.tasks import palindromes
from helpers.runtime import generator

PINNED_HELD_OUT = [[5, 0, 6, 6, 0, 5], [2, 7, 6, 6, 7, 2], [1, 8, 1, 1, 8, 1]]


@pytest.mark.parametrize("T", [1, 2, 3, 6, 21])
def test_palindromes_read_the_same_backwards(T):
    half = palindromes.draw_half_strings(50, T, generator(0))
    digits = palindromes.mirror(half, T)
    assert digits.shape == (50, T + 1)
    assert torch.equal(digits, digits.flip(1))
    x, y = palindromes.split_target(digits, "raw")
    assert x.shape == (50, T, 1)
    assert torch.equal(y, digits[:, 0])


@pytest.mark.parametrize("T", [5, 6])
def test_training_never_meets_what_is_held_out(T):
    held_out = palindromes.held_out_set(T)
    seen = palindromes.mirror(palindromes.draw_half_strings(20_000, T, generator(1)), T)
    as_numbers = [set(map(tuple, part.tolist())) for part in (held_out, seen)]
    assert not as_numbers[0] & as_numbers[1]
    assert len(as_numbers[0]) == len(held_out)  # each once
    everything = 10 ** palindromes.half_length(T)
    assert len(held_out) == pytest.approx(everything / 10, rel=0.2)
    assert len(as_numbers[0] | as_numbers[1]) == pytest.approx(everything, rel=0.15)


def test_held_out_part_is_pinned():
    """Another hash would let a published model meet its test set."""
    assert palindromes.held_out_set(5)[:3].tolist() == PINNED_HELD_OUT


def test_held_out_set_of_long_palindromes():
    digits = palindromes.held_out_set(41, 1000)
    assert digits.shape == (1000, 42)
    assert len(torch.unique(digits, dim=0)) == 1000
    assert palindromes.is_held_out(digits[:, :21]).all()
    assert torch.equal(digits, palindromes.held_out_set(41, 1000))


def test_shortest_palindromes_have_nothing_held_out():
    assert palindromes.held_out_set(1).tolist() == [[d, d] for d in range(10)]


def test_encodings():
    digits = torch.arange(10)[None]
    assert palindromes.encode(digits, "raw").squeeze().tolist() == list(range(10))
    centred = palindromes.encode(digits, "centred")
    assert centred.mean().item() == pytest.approx(0, abs=1e-6)
    assert centred.square().mean().item() == pytest.approx(1, abs=1e-6)
    assert torch.equal(palindromes.encode(digits, "one_hot")[0], torch.eye(10))
    for encoding in palindromes.ENCODINGS:
        assert palindromes.encode(digits, encoding).shape[2] == palindromes.input_size(encoding)
    with pytest.raises(ValueError, match="encoding must be one of"):
        palindromes.encode(digits, "binary")


def test_streams_repeat_and_differ():
    def first(seed, batches=70):
        stream = palindromes.PALINDROMES.stream(4, 8, generator(seed, "data"), "raw")
        return torch.cat([next(stream)[0] for _ in range(batches)])

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))


@pytest.mark.parametrize("T", [0, -3, 2.5, True, None, "5"])
def test_length_below_one_is_a_sentence(T):
    with pytest.raises(ValueError, match=r"^T(, the number of digits fed in,)? must"):
        palindromes.half_length(T)


def test_typed_palindromes():
    assert palindromes.parse_palindrome(" 1221 ").tolist() == [[1, 2, 2, 1]]
    for text in ("", "1", "12a21", "١٢١", "1 2 1"):
        with pytest.raises(ValueError, match="at least two digits"):
            palindromes.parse_palindrome(text)
    with pytest.raises(ValueError, match="backwards it reads 321"):
        palindromes.parse_palindrome("123")
