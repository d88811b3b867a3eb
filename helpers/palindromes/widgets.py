"""Explorers of the study's networks and runs, each with its static twin."""

import ipywidgets as widgets

from helpers import figures
from helpers.live import live
from helpers.palindromes import gate_lesions, plots, probe_plots, probes
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.tasks import palindromes
from helpers.recurrent.classifier import SequenceClassifier

#: Digits that the explorer reads at most: every one is a step of the network and a column.
MOST_DIGITS = 120


def opened_cell_explorer(
    model: SequenceClassifier, T: int, encoding: str, palindrome: str, units: int = 32
) -> None:
    """A text box for a palindrome; gates, cell and answer of a trained LSTM while it reads it.

    One of the gates may be held at a value meanwhile (:func:`.gate_lesions.held`).
    """
    shown = probes.memory_units(model, T, encoding)[:units]

    def draw(palindrome: str, hold: str = "", value: float = 1.0) -> None:
        if len(palindrome) > MOST_DIGITS:
            raise ValueError(
                f"this explorer reads at most {MOST_DIGITS} digits, got {len(palindrome)}"
            )
        digits = palindromes.parse_palindrome(palindrome)
        network = gate_lesions.held(model, hold, value) if hold else model
        found = probes.traces(network, digits[:, :-1], encoding)
        figures.show(
            probe_plots.opened_cell(found, digits[0, :-1].tolist(), shown),
            caption="""From left to right the digits as they are read. Above, what each unit holds,
            red positive, blue negative: a row that keeps its colour keeps a note. In the middle,
            how far its gates are open. Below, which digit would be named if one asked now.""",
            alt="""Three panels over the digits of a palindrome: a map of cell states, a row a unit;
            mean forget, input and output gate as curves; a map of each digit's probability.""",
        )
        answer, read = found["answer"][0, -1], digits.shape[1] - 1
        print(
            f"{palindrome.strip()}: the last digit is {digits[0, -1]}, the network says "
            f"{answer.argmax()} with probability {answer.max():.3f}"
        )
        if read != T:
            print(f"It was trained on {T} digits and has read {read} here.")

    box = widgets.Text(palindrome, description="palindrome", continuous_update=False)
    gates = {"none": ""} | {gate_lesions.GATES[gate]: gate for gate in "ifo"}
    live(
        draw,
        guide="Hold a gate, or write a palindrome of your own. Which gate may be held open without "
        "harm, and which digit is then named?",
        frames={"hold": list(gates.values()), "value": [0, 0.25, 0.5, 0.75, 1]},
        palindrome=box,
        hold=widgets.Dropdown(options=gates, description="hold the"),
        value=widgets.FloatSlider(1.0, min=0, max=1, step=0.05, description="at"),
    )


def curves_explorer(study: PalindromeArchive) -> None:
    """The published curves of both protocols over model, lengths, metric and smoothing."""
    parts = {"A (report 000)": "protocol_a", "B (report 001)": "protocol_b"}
    parts = {name: part for name, part in parts.items() if study.has(part)}
    lengths = {
        (part, model): sorted(runs["T"].unique().tolist())
        for part in parts.values()
        for model, runs in study.part(part).groupby("model")
    }

    offering: list[bool] = []

    def draw(protocol: str, model: str, T: tuple, metric: str, window: int) -> None:
        if offering:  # the lengths are being changed
            return
        if not T:
            raise ValueError("choose at least one length T")
        known = lengths.get((protocol, model), [])
        chosen = [t for t in T if t in known] or known[-3:]
        figures.show(plots.explored(study, protocol, model, chosen, metric, window))

    first, most = next(iter(lengths)), max(map(len, lengths.values()))
    choice = widgets.SelectMultiple(
        options=lengths[first], value=lengths[first][-3:], rows=most, description="T"
    )
    protocol = widgets.Dropdown(options=parts, description="protocol")
    model = widgets.Dropdown(options={"RNN": "rnn", "LSTM": "lstm"}, description="model")

    def offer(_) -> None:
        """Only lengths that these runs have; the longest three at first."""
        known = lengths.get((protocol.value, model.value), [])
        if list(choice.options) != known:
            offering.append(True)
            choice.value = ()  # a front-end cannot hold places beyond the end of a shorter list
            choice.options = known
            choice.value = known[-3:]
            offering.pop()

    protocol.observe(offer, "value")
    model.observe(offer, "value")
    live(
        draw,
        static=[
            {"protocol": part, "model": model, "T": tuple(lengths[part, model][-3:])}
            for part, model in (("protocol_a", "rnn"), ("protocol_b", "lstm"))
            if (part, model) in lengths
        ],
        guide="Choose a protocol and a model, then lengths (several with Ctrl or Shift). At which "
        "length does one seed learn and another not?",
        frames={"protocol": list(parts.values()), "model": ["rnn", "lstm"]},
        protocol=protocol,
        model=model,
        T=choice,
        metric=widgets.Dropdown(options=["accuracy", "loss"], description="metric"),
        window=widgets.IntSlider(10, min=1, max=50, description="smoothing, × 10 steps"),
    )
