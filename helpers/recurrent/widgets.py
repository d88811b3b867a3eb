"""Explorers of recurrent networks, each with its static twin."""

import ipywidgets as widgets

from helpers import figures
from helpers.live import live
from helpers.recurrent import gradient_plots
from helpers.recurrent.gradient_flow import jacobian_singular_values


def vanishing_explorer(seed: int = 0) -> None:
    """Singular values of dh_T/dh_t over spectral radius, length and scale of the input."""

    def draw(radius: float, length: int, input_scale: float) -> None:
        values, sigma_max = jacobian_singular_values(radius, length, input_scale, seed=seed)
        title = f"radius {radius:.2f}, inputs × {input_scale:.2f}: "
        title += f"largest value {values[-1, 0]:.1e} after {length} steps"
        figures.show(
            gradient_plots.vanishing_panels([(title, values, sigma_max)]),
            caption="One network of the chosen radius. Dashed the bound (33); the curve is "
            "the largest singular value of the product of Jacobians, the band the middle half.",
            alt=f"Singular values of the product of Jacobians against T - t on a logarithmic axis; "
            f"spectral radius {radius:.2f}, inputs times {input_scale:.2f}; the largest ends at "
            f"{values[-1, 0]:.1e}.",
        )

    live(
        draw,
        guide="Move the radius. Where do gradients neither vanish nor explode? Then make the "
        "inputs larger: what happens to that radius?",
        frames={
            "radius": [0.1, 0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0],
            "input_scale": [0, 0.05, 0.1, 0.3, 0.6, 1.0, 1.5, 3.0],
        },
        static=[{"radius": 1.5, "input_scale": 0.05}, {"radius": 1.5, "input_scale": 1.5}],
        radius=widgets.FloatSlider(1.0, min=0.1, max=3.0, step=0.05, description="spectral radius"),
        length=widgets.IntSlider(60, min=2, max=150, description="length T"),
        input_scale=widgets.FloatSlider(
            0.3, min=0.0, max=3.0, step=0.05, description="input scale"
        ),
    )
