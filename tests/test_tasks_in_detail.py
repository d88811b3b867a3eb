"""What tasks draw, hold out, score and refuse, in detail."""

import re

import pytest
import torch
import torch.nn.functional as F

from helpers.palindromes.tasks import adding, copying, palindromes
from helpers.palindromes.tasks.palindromes import PALINDROMES
from helpers.recurrent.task import TASKS, Task, find_task
from helpers.runtime import generator

ADDING, COPYING = TASKS["adding"], TASKS["copying"]


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def refused(sentence, call, *arguments, **options):
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        call(*arguments, **options)


# Shared -----------------------------------------------------------------------------------------


def test_tasks_are_found_by_name():
    assert find_task("adding") is ADDING
    names = ", ".join(map(repr, TASKS))
    refused(f"task must be one of {names}; got 'subtracting'", find_task, "subtracting")
    assert {"adding", "copying", "palindromes"} <= set(TASKS)


def test_one_name_is_one_task():
    known = f"{type(ADDING)} and "
    with pytest.raises(ValueError, match=f"^two tasks are called 'adding': {re.escape(known)}"):
        type("Other", (Task,), {"name": "adding"})
    assert TASKS["adding"] is ADDING
    names = {"name": "adding", "__module__": adding.__name__, "__qualname__": "Adding"}
    again = type("Adding", (adding.Adding,), names)
    try:
        assert type(TASKS["adding"]) is again  # the module was imported anew
    finally:
        TASKS["adding"] = ADDING
    before = set(TASKS)
    type("Nameless", (Task,), {})
    assert set(TASKS) == before


def test_a_task_that_says_nothing_can_do_nothing():
    bare = Task()
    for call in (
        lambda: bare.draw(1, 1, source()),
        lambda: bare.split(torch.zeros(1), "raw"),
        lambda: bare.input_size("raw"),
        lambda: bare.disturbed(torch.zeros(1)),
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_lengths_are_checked():
    assert ADDING.check_length(2) == 2
    refused("T must be at least 2, got 1", ADDING.check_length, 1)
    assert COPYING.check_length(1) == 1
    refused("T must be at least 1, got 0", COPYING.check_length, 0)
    refused("T must be a whole number, got 2.5", COPYING.check_length, 2.5)
    assert PALINDROMES.check_length(1) == 1
    refused(
        "T, the number of digits fed in, must be at least 1, got 0", PALINDROMES.check_length, 0
    )


@pytest.mark.parametrize("task", [ADDING, COPYING], ids=["adding", "copying"])
def test_what_is_held_out_has_a_stream_of_its_own(task):
    held_out = task.held_out_set(6, 50)
    expected = task.draw(50, 6, generator("held out", task.name, 6))
    torch.testing.assert_close(held_out, expected)
    assert len(task.held_out_set(6)) == 10_000
    batches = list(task.held_out(6, 50, task.encodings[0], 20))
    assert [len(x) for x, _ in batches] == [20, 20, 10]
    x, y = task.split(held_out, task.encodings[0])
    torch.testing.assert_close(torch.cat([batch[0] for batch in batches]), x)
    torch.testing.assert_close(torch.cat([batch[1] for batch in batches]), y)


def test_a_stream_draws_many_batches_at_a_time():
    stream = ADDING.stream(6, 3, source(4), "raw")
    found = [next(stream) for _ in range(70)]
    assert all(x.shape == (3, 6, 2) and y.shape == (3,) for x, y in found)
    again = source(4)
    drawn = torch.cat([ADDING.draw(64 * 3, 6, again), ADDING.draw(64 * 3, 6, again)])
    torch.testing.assert_close(torch.cat([x for x, _ in found]), drawn[: 70 * 3])
    with pytest.raises(ValueError, match=r"^batch_size must be at least 1, got 0$"):
        next(ADDING.stream(6, 0, source(), "raw"))
    x, _ = next(PALINDROMES.stream(5, 1, source(), "one_hot"))
    assert x.shape == (1, 5, 10)


def test_losses_and_scores():
    out, y = torch.tensor([0.5, 0.97, 1.0, 2.0]), torch.tensor([0.5, 1.0, 1.5, 1.961])
    assert ADDING.loss(out, y).item() == pytest.approx(((out - y) ** 2).mean().item())
    squares = ADDING.loss(out, y, "none")
    torch.testing.assert_close(squares, (out - y) ** 2)
    assert ADDING.loss(out, y, reduction="sum").item() == pytest.approx(squares.sum().item())
    assert ADDING.right(out, y) == (3, 4)
    far = torch.tensor([0.0, 0.0]), torch.tensor([0.0399, 0.0401])
    assert ADDING.right(*far) == (1, 2)

    out, y = torch.randn(3, 10), torch.tensor([1, 2, 3])
    expected = F.cross_entropy(out, y, reduction="none")
    torch.testing.assert_close(PALINDROMES.loss(out, y, "none"), expected)
    assert PALINDROMES.loss(out, y).item() == pytest.approx(expected.mean().item())
    out = F.one_hot(torch.tensor([1, 2, 4]), 10).float()
    assert PALINDROMES.right(out, y) == (2, 3)

    out, y = torch.randn(2, 25, 9), torch.randint(9, (2, 25))
    one_by_one = [F.cross_entropy(out[b, t], y[b, t]) for b in range(2) for t in range(25)]
    assert COPYING.loss(out, y).item() == pytest.approx(torch.stack(one_by_one).mean().item())
    said = F.one_hot(y, 9).float()
    said[:, :15] = 0  # blanks do not count
    assert COPYING.right(said, y) == (20, 20)
    said[0, -10] = said[0, -10].roll(1)
    assert COPYING.right(said, y) == (19, 20)
    counted = COPYING.counted(out, y)
    torch.testing.assert_close(counted[0], out[:, 15:])
    torch.testing.assert_close(counted[1], y[:, 15:])
    assert ADDING.counted(out, y) == (out, y)


# Adding -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [2, 3, 7, 10])
def test_adding_marks_one_number_in_each_half(T):
    examples = ADDING.draw(3000, T, source(1))
    assert examples.shape == (3000, T, 2)
    numbers, marks = examples.unbind(-1)
    assert set(marks.unique().tolist()) <= {0, 1}
    first, second = marks[:, : T // 2], marks[:, T // 2 :]
    assert (first.sum(1) == 1).all()
    assert (second.sum(1) == 1).all()
    assert (marks.sum(0) > 0).all()  # every place is marked some time
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean().item() == pytest.approx(0.5, abs=0.02)
    assert numbers.std().item() == pytest.approx(12**-0.5, abs=0.02)
    x, y = ADDING.split(examples, "raw")
    assert x is examples
    torch.testing.assert_close(y, (numbers * marks).sum(1))
    assert ADDING.input_size("raw") == 2


def test_adding_disturbs_its_first_number_by_a_half():
    examples = ADDING.draw(200, 8, source(2))
    kept = examples.clone()
    changed = ADDING.disturbed(examples)
    torch.testing.assert_close(examples, kept)
    torch.testing.assert_close(changed[..., 1], examples[..., 1])
    rows, places = torch.nonzero(changed[..., 0] != examples[..., 0], as_tuple=True)
    assert rows.tolist() == list(range(200))
    first = examples[..., 1].argmax(1)
    assert places.tolist() == first.tolist()
    assert (places < 4).all()
    moved = changed[rows, places, 0] - examples[rows, places, 0]
    torch.testing.assert_close(moved.abs(), torch.full((200,), 0.5))
    assert (changed[..., 0] < 1).all()
    assert (changed[..., 0] >= 0).all()


# Copying ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("T", [1, 2, 7])
def test_copying_reads_symbols_blanks_and_the_sign(T):
    examples = COPYING.draw(400, T, source(1))
    assert examples.shape == (400, 11)
    assert (examples[:, 10] == T).all()
    assert set(examples[:, :10].flatten().tolist()) == set(range(8))
    x, y = COPYING.split(examples, "one_hot")
    assert x.shape == (400, T + 20, 10)
    assert x.dtype == torch.float32
    assert COPYING.input_size("one_hot") == 10
    assert (x.sum(-1) == 1).all()
    read = x.argmax(-1)
    assert torch.equal(read[:, :10], examples[:, :10])
    assert (read[:, 9 + T] == 9).all()
    assert (read[:, 10 : 9 + T] == 8).all()
    assert (read[:, 10 + T :] == 8).all()
    assert torch.equal(y[:, -10:], examples[:, :10])
    assert (y[:, :-10] == 8).all()


def test_copying_disturbs_its_first_symbol_in_every_way():
    examples = COPYING.draw(70, 3, source(2))
    changed = COPYING.disturbed(examples)
    assert torch.equal(changed[:, 1:], examples[:, 1:])
    step = (changed[:, 0] - examples[:, 0]) % 8
    assert step.tolist() == [1 + k % 7 for k in range(70)]
    assert changed[:, 0].max() < 8
    assert changed[:, 0].min() >= 0


# Palindromes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("T", "K"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (99, 50)])
def test_half_strings_and_their_mirrors(T, K):
    assert palindromes.half_length(T) == K
    half = torch.randint(10, (4, K))
    whole = palindromes.mirror(half, T)
    assert whole.shape == (4, T + 1)
    assert torch.equal(whole, whole.flip(1))
    assert torch.equal(whole[:, :K], half)


def hash_by_hand(digits):
    """The hash with Python's own whole numbers, which do not overflow."""
    prime = 2**31 - 1
    h = 12_582_917
    for digit in digits:
        h = (h + digit + 1) * 48_271 % prime
        h = (h ^ (h // 2**13)) * 16_807 % prime
    return h // 2**5 % 10 == 0


def test_what_is_held_out_is_decided_by_the_hash():
    half = torch.randint(10, (2000, 5), generator=source(1))
    found = palindromes.is_held_out(half)
    assert found.dtype == torch.bool
    assert found.tolist() == [hash_by_hand(row) for row in half.tolist()]
    assert 120 < found.sum() < 280
    assert palindromes.is_held_out(torch.arange(10)[:, None]).tolist() == [False] * 10
    assert palindromes.is_held_out(torch.zeros(3, 2, dtype=torch.int64)).shape == (3,)


@pytest.mark.parametrize("held_out", [False, True])
def test_half_strings_are_drawn_from_their_part(held_out):
    drawn = palindromes.draw_half_strings(500, 9, source(3), held_out=held_out)
    assert drawn.shape == (500, 5)
    assert drawn.dtype == torch.int64
    assert (palindromes.is_held_out(drawn) == held_out).all()
    assert set(drawn.flatten().tolist()) == set(range(10))
    assert len(torch.unique(drawn, dim=0)) > 450
    again = palindromes.draw_half_strings(500, 9, source(3), held_out=held_out)
    assert torch.equal(drawn, again)
    assert palindromes.draw_half_strings(0, 9, source(3)).shape == (0, 5)
    plain = palindromes.draw_half_strings(50, 9, source(3))
    assert not palindromes.is_held_out(plain).any()


def test_one_draw_suffices_nearly_always(monkeypatch):
    """A tenth more is drawn than the share makes likely, and 16; so a loop is the exception."""
    asked = []
    randint = torch.randint

    def counting(high, size, **options):
        asked.append(size)
        return randint(high, size, **options)

    monkeypatch.setattr(torch, "randint", counting)
    palindromes.draw_half_strings(900, 9, source(0))
    assert asked == [(int(900 / 0.9 * 1.1) + 16, 5)]
    asked.clear()
    palindromes.draw_half_strings(100, 9, source(0), held_out=True)
    assert asked[0] == (int(100 / 0.1 * 1.1) + 16, 5)


def test_digits_are_encoded():
    digits = torch.tensor([[0, 9, 4]])
    raw = palindromes.encode(digits)
    assert raw.tolist() == [[[0.0], [9.0], [4.0]]]
    assert raw.dtype == torch.float32
    centred = palindromes.encode(torch.arange(10)[None], "centred")
    assert centred.mean().item() == pytest.approx(0, abs=1e-6)
    assert centred.var(correction=0).item() == pytest.approx(1, rel=1e-6)
    assert centred[0, 9, 0] > centred[0, 0, 0]
    one_hot = palindromes.encode(digits, "one_hot")
    assert one_hot.shape == (1, 3, 10)
    assert one_hot.dtype == torch.float32
    assert one_hot.argmax(-1).tolist() == digits.tolist()
    sizes = {name: palindromes.input_size(name) for name in palindromes.ENCODINGS}
    assert sizes == {"raw": 1, "centred": 1, "one_hot": 10}
    sentence = "encoding must be one of 'raw', 'centred', 'one_hot'; got 'ascii'"
    refused(sentence, palindromes.encode, digits, "ascii")
    refused(sentence, palindromes.input_size, "ascii")
    x, y = palindromes.split_target(torch.tensor([[1, 2, 1]]), "raw")
    assert (x.tolist(), y.tolist()) == ([[[1.0], [2.0]]], [1])


def test_the_held_out_set_is_all_where_few_exist():
    for T in (1, 3, 5):
        found = palindromes.held_out_set(T)
        K = palindromes.half_length(T)
        every = torch.cartesian_prod(*[torch.arange(10)] * K).reshape(-1, K)
        wanted = every if K == 1 else every[palindromes.is_held_out(every)]
        assert sorted(found.tolist()) == sorted(palindromes.mirror(wanted, T).tolist())
    few = palindromes.held_out_set(5, 20)
    assert len(few) == 20
    whole = palindromes.held_out_set(5).tolist()
    assert all(row in whole for row in few.tolist())
    assert whole != sorted(whole)  # in random order
    assert torch.equal(few, palindromes.held_out_set(5, 20, seed=0))
    assert not torch.equal(few, palindromes.held_out_set(5, 20, seed=1))


def test_the_held_out_set_is_drawn_where_many_exist():
    found = palindromes.held_out_set(21, 300)
    assert found.shape == (300, 22)
    assert torch.equal(found, found.flip(1))
    assert palindromes.is_held_out(found[:, :11]).all()
    assert len(torch.unique(found, dim=0)) == 300
    assert found.tolist() != sorted(found.tolist())
    assert torch.equal(found, palindromes.held_out_set(21, 300, seed=0))
    assert not torch.equal(found, palindromes.held_out_set(21, 300, seed=1))
    assert torch.equal(found, PALINDROMES.held_out_set(21, 300))
    assert len(PALINDROMES.held_out_set(21)) == 10_000


def test_all_are_listed_up_to_a_hundred_times_as_many_as_asked(monkeypatch):
    drawn = []
    draw = palindromes.draw_half_strings

    def watched(*arguments, **options):
        drawn.append(arguments[0])
        return draw(*arguments, **options)

    monkeypatch.setattr(palindromes, "draw_half_strings", watched)
    palindromes.held_out_set(7, 100)  # 10^4 half-strings
    assert drawn == []
    palindromes.held_out_set(7, 99)
    assert drawn == [99 + 9]


def test_what_a_reader_types():
    assert palindromes.parse_palindrome(" 12321\n").tolist() == [[1, 2, 3, 2, 1]]
    assert palindromes.parse_palindrome("00").tolist() == [[0, 0]]
    for text in ("", "7", " ", "1a1", "٣٣", "1.1"):
        refused(
            f"a palindrome here is at least two digits, such as 12321; got {text!r}",
            palindromes.parse_palindrome, text,
        )  # fmt: skip
    refused(
        "1234 is not a palindrome: backwards it reads 4321", palindromes.parse_palindrome, "1234"
    )


def test_a_palindrome_is_disturbed_in_its_first_digit_alone():
    examples = PALINDROMES.draw(30, 6, source(5))
    assert torch.equal(examples, examples.flip(1))
    assert not palindromes.is_held_out(examples[:, :4]).any()
    kept = examples.clone()
    changed = PALINDROMES.disturbed(examples)
    assert torch.equal(examples, kept)
    assert torch.equal(changed[:, 1:], examples[:, 1:])
    step = (changed[:, 0] - examples[:, 0]) % 10
    assert step.tolist() == [1 + k % 9 for k in range(30)]
    assert changed.max() <= 9
    x, y = PALINDROMES.split(examples, "one_hot")
    assert torch.equal(x.argmax(-1), examples[:, :-1])
    assert torch.equal(y, examples[:, -1])
    assert PALINDROMES.input_size("one_hot") == 10


def test_constants_of_the_tasks():
    assert adding.TOLERANCE == ADDING.tolerance == 0.04
    assert (copying.SYMBOLS, copying.LENGTH) == (8, 10)
    assert palindromes.CHANCE == 0.1
