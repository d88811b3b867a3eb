"""A cell that is wrong on purpose: a report's bug under a name, so that its effect is measured."""

from typing import ClassVar

from helpers.recurrent.cells.lstm import LSTM


class SlotBiasLSTM(LSTM):
    """The LSTM of report 001's code: one bias a place in the batch, shared by all hidden units.

    Its gate biases have shape (n,) and are added to arrays of shape (n, B), so that they broadcast
    along the batch. That runs only where B = n. The bias of gate k of the sample in place s is the
    scalar b_k[s].

    Args:
        slots: the batch size, the only one that it can read.
    """

    name = "lstm_slot_bias"
    label = "LSTM, a bias a sample"
    has_fused_kernel = False
    options: ClassVar = {**LSTM.options, "slots": None}
    batch_size_option = "slots"

    def __init__(self, *arguments, slots: int, **options):
        super().__init__(*arguments, **options)
        if slots != self.hidden_size:
            raise ValueError(f"slots must equal hidden_size = {self.hidden_size}, got {slots}")

    def weights(self, layer=0, reverse=False):
        w = super().weights(layer, reverse)
        for gate in self.gates:
            setattr(w, f"b_{gate}", getattr(w, f"b_{gate}")[:, None])  # (B, 1): along the batch
        return w

    def forward(self, x, state=None):
        if x.shape[0] != self.hidden_size:
            raise ValueError(
                f"a bias a place in the batch: B must be {self.hidden_size}, got {x.shape[0]}"
            )
        return super().forward(x, state)
