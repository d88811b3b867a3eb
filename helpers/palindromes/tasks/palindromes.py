"""Palindromes of digits as tensors, a tenth of them held out.

``T`` counts the digits that are fed in. The palindrome has ``T + 1`` digits and the target is its
last one, which equals the first: the task is to carry one digit over ``T - 1`` steps.

A palindrome is fixed by its first ``ceil((T + 1) / 2)`` digits, its half-string. Palindromes are
held out by a hash of the half-string, so no held-out palindrome is ever trained on, however many
are drawn. For T = 5 there are only 1000 in all; for T = 1 only ten, a class each, so that nothing
can be held out and the held-out set is all ten.

Data flow::

    half_strings (N, K) -> mirror -> palindromes (N, T + 1) -> split off the last digit
                                                            -> encode -> x (N, T, d), y (N,)
"""

import torch
import torch.nn.functional as F

from helpers.checks import choice, integer
from helpers.recurrent.task import Task

DIGITS = 10
#: Accuracy of a network that guesses.
CHANCE = 1 / DIGITS
ENCODINGS = ("raw", "centred", "one_hot")

#: One half-string in this many is held out.
HELD_OUT_ONE_IN = 10
_PRIME = 2_147_483_647  # 2^31 - 1: products of two residues fit into an int64


def half_length(T: int) -> int:
    """How many digits fix a palindrome of ``T + 1`` digits.

    Raises:
        ValueError: ``T`` below 1.
    """
    return (integer("T, the number of digits fed in,", T, minimum=1) + 2) // 2


def mirror(half: torch.Tensor, T: int) -> torch.Tensor:
    """Palindromes of ``T + 1`` digits from their half-strings.

    Shapes:
        half ``(N, ceil((T + 1) / 2))`` -> ``(N, T + 1)``
    """
    return torch.cat([half, half[:, : T + 1 - half.shape[1]].flip(1)], dim=1)


def is_held_out(half: torch.Tensor) -> torch.Tensor:
    """Which half-strings are held out: a hash of the digits, one residue class in ten.

    Shapes:
        half ``(N, K)`` -> bool ``(N,)``
    """
    if half.shape[1] == 1:
        return torch.zeros(len(half), dtype=torch.bool)
    h = torch.full((len(half),), 12_582_917, dtype=torch.int64)
    for column in half.unbind(1):
        h = (h + column + 1) * 48_271 % _PRIME
        h = (h ^ (h >> 13)) * 16_807 % _PRIME  # without the shift the hash is linear in the digits
    return (h >> 5) % HELD_OUT_ONE_IN == 0


def draw_half_strings(
    n: int, T: int, generator: torch.Generator, *, held_out: bool = False
) -> torch.Tensor:
    """``n`` random half-strings from the training part or from the held-out part, ``(n, K)``."""
    K = half_length(T)
    share = 1 / HELD_OUT_ONE_IN if held_out else 1 - 1 / HELD_OUT_ONE_IN
    found = torch.empty(0, K, dtype=torch.int64)
    while len(found) < n:
        drawn = torch.randint(
            DIGITS, (int((n - len(found)) / share * 1.1) + 16, K), generator=generator
        )
        found = torch.cat([found, drawn[is_held_out(drawn) == held_out]])
    return found[:n]


def encode(digits: torch.Tensor, encoding: str = "raw") -> torch.Tensor:
    """Digits as the input of a recurrent network.

    ``"raw"`` is the digit as a float, as both reports did it; ``"centred"`` shifts and scales the
    digits to mean 0 and variance 1; ``"one_hot"`` has one feature a digit.

    Shapes:
        digits ``(N, T)`` -> ``(N, T, d)`` with d = 1 or 10

    Raises:
        ValueError: another encoding, or what is no digit.
    """
    choice("encoding", encoding, ENCODINGS)
    whole = not digits.is_floating_point() and digits.dtype != torch.bool
    if not whole or (digits.numel() and not 0 <= digits.min() <= digits.max() < DIGITS):
        raise ValueError(f"digits must be whole numbers from 0 to {DIGITS - 1}")
    if encoding == "one_hot":
        return F.one_hot(digits, DIGITS).to(torch.get_default_dtype())
    x = digits.to(torch.get_default_dtype()).unsqueeze(-1)
    if encoding == "centred":
        # Mean and standard deviation of a uniform digit: 4.5 and sqrt((10^2 - 1) / 12).
        x = (x - (DIGITS - 1) / 2) / ((DIGITS**2 - 1) / 12) ** 0.5
    return x


def input_size(encoding: str) -> int:
    """The number of input features ``d`` of an encoding."""
    return DIGITS if choice("encoding", encoding, ENCODINGS) == "one_hot" else 1


def split_target(palindromes: torch.Tensor, encoding: str) -> tuple[torch.Tensor, torch.Tensor]:
    """``(N, T + 1)`` palindromes as inputs ``(N, T, d)`` and targets ``(N,)``."""
    return encode(palindromes[:, :-1], encoding), palindromes[:, -1]


def held_out_set(T: int, n: int = 10_000, *, seed: int = 0) -> torch.Tensor:
    """``n`` distinct held-out palindromes, or all of them where there are fewer: ``(N, T + 1)``."""
    K = half_length(T)
    if K == 1:
        return mirror(torch.arange(DIGITS).unsqueeze(1), T)
    if 100 * n >= DIGITS**K:
        index = torch.arange(DIGITS**K)
        powers = DIGITS ** torch.arange(K - 1, -1, -1)
        half = index.unsqueeze(1) // powers % DIGITS
        half = half[is_held_out(half)]
        generator = torch.Generator().manual_seed(seed)
        half = half[torch.randperm(len(half), generator=generator)[:n]]
    else:
        generator = torch.Generator().manual_seed(seed)
        # So many exist that doubles are rare: draw a few more, drop them.
        half = torch.unique(draw_half_strings(n + n // 10, T, generator, held_out=True), dim=0)
        half = half[torch.randperm(len(half), generator=generator)[:n]]
    return mirror(half, T)


def parse_palindrome(text: str) -> torch.Tensor:
    """The digits of a palindrome that a reader typed, ``(1, T + 1)``.

    Raises:
        ValueError: not digits, fewer than two, or not a palindrome.
    """
    digits = text.strip()
    if len(digits) < 2 or not digits.isascii() or not digits.isdigit():
        raise ValueError(f"a palindrome here is at least two digits, such as 12321; got {text!r}")
    if digits != digits[::-1]:
        raise ValueError(f"{digits} is not a palindrome: backwards it reads {digits[::-1]}")
    return torch.tensor([[int(d) for d in digits]])


class Palindromes(Task):
    """Name the last digit of a palindrome after reading the others: it equals the first."""

    name = "palindromes"
    label = "palindromes"
    read_out = "last"
    outputs = DIGITS
    encodings = ENCODINGS
    chance = CHANCE

    def check_length(self, T):
        half_length(T)
        return int(T)

    def draw(self, n, T, source):
        return mirror(draw_half_strings(n, T, source), T)

    def held_out_set(self, T, n=10_000):
        return held_out_set(T, n)

    def split(self, examples, encoding):
        return split_target(examples, encoding)

    def input_size(self, encoding):
        return input_size(encoding)

    def disturbed(self, examples):
        changed = examples.clone()
        changed[:, 0] = (changed[:, 0] + 1 + torch.arange(len(changed)) % 9) % DIGITS
        return changed


PALINDROMES = Palindromes()
