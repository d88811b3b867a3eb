"""Explorers of the optimizers, each with its static twin."""

import ipywidgets as widgets

from helpers import figures
from helpers.live import live
from helpers.optimizers import plots
from helpers.optimizers.algorithms import SGD, Momentum, Nesterov
from helpers.optimizers.landscapes import quadratic, walk

START = (-4.0, 1.6)


def valley_explorer(steps: int = 60) -> None:
    """SGD, momentum, Nesterov in a quadratic valley, over rate, momentum and condition number."""

    def draw(rate: float, momentum: float, condition: float) -> None:
        f = quadratic(condition)
        walks = {
            "SGD": walk(f, START, steps, SGD, lr=rate),
            "momentum": walk(f, START, steps, Momentum, lr=rate, momentum=momentum),
            "Nesterov": walk(f, START, steps, Nesterov, lr=rate, momentum=momentum),
        }
        title = f"rate {rate:.3g}, momentum {momentum:.2f}, condition {condition:.0f}"
        box = {"x_range": (-5, 5), "y_range": (-2.6, 2.6), "minimum": (0, 0)}
        fig = plots.comparison(f, walks, **box, title=title)
        ends = ", ".join(f"{name} {f(path[-1]).item():.1e}" for name, path in walks.items())
        figures.show(
            fig,
            caption=f"{title.capitalize()}: $f$ after {steps} steps is {ends}.",
            alt=f"Paths of SGD, momentum and Nesterov over contours of a valley; {title}; "
            f"beside them f against the step. At the end f is {ends}.",
        )

    live(
        draw,
        static=[
            {"rate": 0.02, "momentum": 0.9, "condition": 40.0},
            {"rate": 0.055, "momentum": 0.9, "condition": 40.0},
        ],
        rate=widgets.FloatLogSlider(0.02, base=10, min=-3, max=0, step=0.05, description="rate"),
        momentum=widgets.FloatSlider(0.9, min=0, max=0.99, step=0.01, description="momentum"),
        condition=widgets.FloatLogSlider(
            40, base=10, min=0, max=3, step=0.1, description="condition"
        ),
    )
