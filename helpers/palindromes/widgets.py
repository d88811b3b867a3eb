"""Explorers of the study's networks and runs, each with its static twin."""

import ipywidgets as widgets

from helpers import figures
from helpers.live import live
from helpers.palindromes import gate_lesions, plots, probe_plots, probes
from helpers.palindromes.archive import PalindromeArchive
from helpers.palindromes.tasks import palindromes
from helpers.recurrent.classifier import SequenceClassifier


def opened_cell_explorer(
    model: SequenceClassifier, T: int, encoding: str, palindrome: str, units: int = 32
) -> None:
    """A text box for a palindrome; gates, cell and answer of a trained LSTM while it reads it.

    One of the gates may be held at a value meanwhile (:func:`.gate_lesions.held`).
    """
    shown = probes.memory_units(model, T, encoding)[:units]

    def draw(palindrome: str, hold: str = "", value: float = 1.0) -> None:
        try:
            digits = palindromes.parse_palindrome(palindrome)
        except ValueError as error:  # what a reader typed
            print(error)
            return
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
        answer = found["answer"][0, -1]
        print(
            f"{palindrome.strip()}: the last digit is {digits[0, -1]}, the network says "
            f"{answer.argmax()} with probability {answer.max():.3f}"
        )

    box = widgets.Text(
        palindrome,
        description="palindrome",
        continuous_update=False,
        layout=widgets.Layout(width="500px"),
    )
    gates = {"none": ""} | {gate_lesions.GATES[gate]: gate for gate in "ifo"}
    live(
        draw,
        palindrome=box,
        hold=widgets.Dropdown(options=gates, description="hold the"),
        value=widgets.FloatSlider(1.0, min=0, max=1, step=0.05, description="at"),
    )


def curves_explorer(study: PalindromeArchive) -> None:
    """The published curves of both protocols over model, lengths, metric and smoothing."""
    parts = {"A (report 000)": "protocol_a", "B (report 001)": "protocol_b"}
    parts = {name: part for name, part in parts.items() if study.has(part)}
    lengths = {
        (part, model): sorted(runs["T"].unique())
        for part in parts.values()
        for model, runs in study.part(part).groupby("model")
    }

    def draw(protocol: str, model: str, T: tuple, metric: str, window: int) -> None:
        known = lengths.get((protocol, model), [])
        chosen = [t for t in T if t in known]
        if not chosen:
            print(f"choose one or more of the lengths {', '.join(map(str, known))}")
            return
        figures.show(plots.explored(study, protocol, model, chosen, metric, window))

    live(
        draw,
        static=[
            {"protocol": part, "model": model, "T": tuple(lengths[part, model][-3:])}
            for part, model in (("protocol_a", "rnn"), ("protocol_b", "lstm"))
            if (part, model) in lengths
        ],
        protocol=widgets.Dropdown(options=parts, description="protocol"),
        model=widgets.ToggleButtons(options={"RNN": "rnn", "LSTM": "lstm"}, description="model"),
        T=widgets.SelectMultiple(
            options=sorted(set().union(*lengths.values())),
            value=lengths[next(iter(lengths))][-3:],
            rows=5,
            description="T",
        ),
        metric=widgets.Dropdown(options=["accuracy", "loss"], description="metric"),
        window=widgets.IntSlider(10, min=1, max=50, description="smoothing, × 10 steps"),
    )
