"""Explorers of the optimizers, each with its static twin."""

import ipywidgets as widgets

from helpers import figures
from helpers.live import live
from helpers.optimizers import plots
from helpers.optimizers.algorithms import ALGORITHMS
from helpers.optimizers.landscapes import quadratic, rosenbrock, walk

VALLEY, ROSENBROCK = "valley", "Rosenbrock's function"
#: What is shown of each landscape, and where its minimum lies.
SEEN = {
    VALLEY: {"x_range": (-5, 5), "y_range": (-2.6, 2.6), "minimum": (0, 0)},
    ROSENBROCK: {"x_range": (-2, 2), "y_range": (-1, 3), "minimum": (1, 1)},
}
GUIDE = (
    "Move the rates and the momentum; click into a panel to begin there. Which method is the first "
    "to diverge when the rate grows? At which momentum does the path stop swinging?"
)


def valley_explorer(steps: int = 60) -> None:
    """Five methods in a valley or on Rosenbrock's function, over rates, momentum and start."""

    def draw(
        landscape: str,
        rate: float,
        adaptive: float,
        momentum: float,
        condition: float,
        start_1: float,
        start_2: float,
    ) -> None:
        f = quadratic(condition) if landscape == VALLEY else rosenbrock
        given = {
            "SGD": {"lr": rate},
            "momentum": {"lr": rate, "momentum": momentum},
            "Nesterov": {"lr": rate, "momentum": momentum},
            "RMSprop": {"lr": adaptive},
            "Adam": {"lr": adaptive, "beta_1": momentum},
        }
        walks = {
            name: walk(f, (start_1, start_2), steps, ALGORITHMS[name], **settings)
            for name, settings in given.items()
        }
        fig, panels = plots.comparison(f, walks, **SEEN[landscape])
        where = f"condition number {condition:.0f}" if landscape == VALLEY else landscape
        settings = f"{where}, rate {rate:.3g} ({adaptive:.3g} for RMSprop and Adam), "
        settings += f"momentum {momentum:.2f}"
        lost = [name for name, path in walks.items() if plots.diverged(f(path))]
        ends = ", ".join(
            f"{f(path[-1]).item():.1e} ({name})" for name, path in walks.items() if name not in lost
        )
        told = f"after {steps} steps $f$ is {ends}" if ends else ""
        told += (" and " if ends else "") * bool(lost)
        told += f"{', '.join(lost)} {'diverge' if len(lost) > 1 else 'diverges'}" if lost else ""
        figures.show(
            fig,
            caption=f"{settings[0].upper()}{settings[1:]}: {told}.",
            alt=f"Paths of five methods over contours, a panel each; {settings}. Beside them f "
            f"against the step: {told.replace('$', '')}.",
            clicks={panel: ("start_1", "start_2") for panel in panels},
        )

    live(
        draw,
        static=[{"rate": 0.02, "adaptive": 0.1}, {"rate": 0.055, "adaptive": 0.1}],
        guide=GUIDE,
        frames={
            "rate": [0.005, 0.01, 0.02, 0.03, 0.04, 0.048, 0.052, 0.06],
            "momentum": [0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.99],
        },
        landscape=widgets.Dropdown(options=list(SEEN), description="function"),
        rate=widgets.FloatLogSlider(0.02, base=10, min=-4, max=0, step=0.05, description="rate"),
        adaptive=widgets.FloatLogSlider(
            0.1, base=10, min=-4, max=0, step=0.05, description="rate of RMSprop, Adam"
        ),
        momentum=widgets.FloatSlider(0.9, min=0, max=0.99, step=0.01, description="momentum"),
        condition=widgets.FloatLogSlider(
            40, base=10, min=0, max=3, step=0.1, description="condition number"
        ),
        start_1=widgets.FloatSlider(-4.0, min=-5, max=5, step=0.1, description="start, 1st"),
        start_2=widgets.FloatSlider(1.6, min=-2.6, max=3, step=0.1, description="start, 2nd"),
    )
