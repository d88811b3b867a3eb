"""Explorers of recurrent networks, each with its static twin."""

import ipywidgets as widgets

from helpers import figures
from helpers.live import live
from helpers.recurrent import cell_plots, gradient_plots, palindromes, probes, study_plots
from helpers.recurrent.cells import SequenceClassifier
from helpers.recurrent.gradient_flow import jacobian_singular_values
from helpers.recurrent.publication import PublishedStudy


def vanishing_explorer(seed: int = 0) -> None:
    """Singular values of dh_T/dh_t over spectral radius, length and scale of the input."""

    def draw(radius: float, length: int, input_scale: float) -> None:
        values, sigma_max = jacobian_singular_values(radius, length, input_scale, seed=seed)
        title = f"radius {radius:.2f}, inputs × {input_scale:.2f}: "
        title += f"largest value {values[-1, 0]:.1e} after {length} steps"
        figures.show(gradient_plots.vanishing_panels([(title, values, sigma_max)]))

    live(
        draw,
        static=[{"radius": 1.5, "input_scale": 0.05}, {"radius": 1.5, "input_scale": 1.5}],
        radius=widgets.FloatSlider(
            1.0, min=0.1, max=3.0, step=0.05, description="spectral radius", continuous_update=False
        ),
        length=widgets.IntSlider(
            60, min=2, max=150, description="length T", continuous_update=False
        ),
        input_scale=widgets.FloatSlider(
            0.3, min=0.0, max=3.0, step=0.05, description="input scale", continuous_update=False
        ),
    )


def opened_cell_explorer(
    model: SequenceClassifier, T: int, encoding: str, palindrome: str, units: int = 32
) -> None:
    """A text box for a palindrome; gates, cell and answer of a trained LSTM while it reads it."""
    shown = probes.memory_units(model, T, encoding)[:units]

    def draw(palindrome: str) -> None:
        try:
            digits = palindromes.parse_palindrome(palindrome)
        except ValueError as error:  # what a reader typed
            print(error)
            return
        found = probes.traces(model, digits[:, :-1], encoding)
        figures.show(cell_plots.opened_cell(found, digits[0, :-1].tolist(), shown))
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
    live(draw, palindrome=box)


def curves_explorer(study: PublishedStudy) -> None:
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
        figures.show(study_plots.explored(study, protocol, model, chosen, metric, window))

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
        window=widgets.IntSlider(
            10, min=1, max=50, description="smoothing, × 10 steps", continuous_update=False
        ),
    )
