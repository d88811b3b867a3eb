"""The adding problem (Hochreiter and Schmidhuber 1997, section 5.4): remember two numbers.

A sequence of T pairs: a number, uniform between 0 and 1, and a mark that is 1 at two places and 0
elsewhere, one place in the first half and one in the second. After the last step the network says
the sum of the two marked numbers. Always answering 1 costs 1/6, the variance of that sum. An answer
is right if it is off by less than 0.04, as in that paper; by answering 1 one is right in 2 · 0.04 −
0.04² of all cases, as the sum has a triangular density.
"""

import torch

from helpers.recurrent.task import Task

TOLERANCE = 0.04


class Adding(Task):
    """The sum of the two marked numbers among ``T``.

    Examples ``(N, T, 2)`` are the inputs themselves: number and mark.
    """

    name = "adding"
    label = "adding problem"
    read_out = "number"
    outputs = 1
    encodings = ("raw",)
    chance = 2 * TOLERANCE - TOLERANCE**2
    shortest = 2
    tolerance = TOLERANCE

    def draw(self, n, T, source):
        first = torch.randint(T // 2, (n,), generator=source)
        second = torch.randint(T // 2, T, (n,), generator=source)
        examples = torch.zeros(n, T, 2)
        examples[..., 0] = torch.rand(n, T, generator=source)
        rows = torch.arange(n)
        examples[rows, first, 1] = examples[rows, second, 1] = 1.0
        return examples

    def split(self, examples, encoding):
        return examples, (examples[..., 0] * examples[..., 1]).sum(1)

    def input_size(self, encoding):
        return 2

    def disturbed(self, examples):
        changed = examples.clone()
        first = changed[..., 1].argmax(1)  # the first of the two largest
        rows = torch.arange(len(changed))
        changed[rows, first, 0] = (changed[rows, first, 0] + 0.5) % 1
        return changed
