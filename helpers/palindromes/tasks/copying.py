"""The copy task (Hochreiter and Schmidhuber 1997; as posed by Arjovsky, Shah and Bengio 2016).

Ten symbols of eight kinds, then T blanks of which the last is the sign to begin, then ten blanks
more: after each of those the network says the next of the ten symbols, and a blank at every step
before. A network without memory says blanks and guesses the symbols; its loss is 10 ln 8 / (T + 20)
nats a step. The score counts the ten symbols alone, so guessing is right in one of eight.
"""

import torch
import torch.nn.functional as F

from helpers.recurrent.task import Task

SYMBOLS = 8
LENGTH = 10
BLANK, BEGIN = SYMBOLS, SYMBOLS + 1


class Copying(Task):
    """Ten symbols, to be said again after ``T`` steps.

    Examples ``(N, 10)`` with the length: the symbols, and T in a last column ``(N, 11)``.
    """

    name = "copying"
    label = "copy task"
    read_out = "every"
    outputs = SYMBOLS + 1
    encodings = ("one_hot",)
    chance = 1 / SYMBOLS

    def draw(self, n, T, source):
        symbols = torch.randint(SYMBOLS, (n, LENGTH), generator=source)
        return torch.cat([symbols, torch.full((n, 1), T)], dim=1)

    def split(self, examples, encoding):
        symbols, T = examples[:, :LENGTH], int(examples[0, LENGTH])
        read = torch.full((len(symbols), T + 2 * LENGTH), BLANK)
        read[:, :LENGTH] = symbols
        read[:, LENGTH + T - 1] = BEGIN
        said = torch.full_like(read, BLANK)
        said[:, -LENGTH:] = symbols
        return F.one_hot(read, SYMBOLS + 2).to(torch.get_default_dtype()), said

    def input_size(self, encoding):
        return SYMBOLS + 2

    def counted(self, out, y):
        return out[:, -LENGTH:], y[:, -LENGTH:]

    def disturbed(self, examples):
        changed = examples.clone()
        changed[:, 0] = (changed[:, 0] + 1 + torch.arange(len(changed)) % (SYMBOLS - 1)) % SYMBOLS
        return changed
