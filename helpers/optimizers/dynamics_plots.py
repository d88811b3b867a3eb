"""Figures of what is solved exactly: rates on a quadratic, averages, corrections."""

import matplotlib.pyplot as plt
import numpy as np
import torch

from helpers.checks import AnyTensor
from helpers.figures import ON_GRID, PALETTE, SEQUENTIAL
from helpers.optimizers import quadratics
from helpers.optimizers.moments import uncorrected_over_corrected
from helpers.optimizers.plots import color_of, ink_of, name_ends


def descent_rates(eigenvalues: list[float], steps: int = 60):
    """Left the factor of a step against the rate; right each direction's error at the best rate."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.3))
    smallest, largest = min(eigenvalues), max(eigenvalues)
    rates = np.linspace(0, 2.3 / largest, 300)
    shades = [PALETTE["graph"], PALETTE["muted"], PALETTE["accent"]]
    for lam, color in zip(eigenvalues, shades, strict=True):
        left.plot(rates, np.abs(1 - rates * lam), color=color, linewidth=1.3)
        left.annotate(
            rf"$\lambda = {lam:g}$", (2.3 / largest, abs(1 - 2.3 / largest * lam)),
            xytext=(4, 0), textcoords="offset points", color=color, fontsize=9, va="center",
        )  # fmt: skip
    worst = np.max([np.abs(1 - rates * lam) for lam in eigenvalues], axis=0)
    left.plot(rates, worst, color=PALETTE["ink"], linewidth=7, alpha=0.25, zorder=1)
    best, rate = quadratics.best_descent(smallest, largest)
    left.plot(best, rate, "o", color=PALETTE["ink"], markersize=6)
    left.annotate(
        "best", (best, rate), xytext=(-2, 8), textcoords="offset points", ha="right", fontsize=9
    )
    left.axvline(2 / largest, color=PALETTE["muted"], linestyle=":", linewidth=1)
    left.text(2 / largest, 0.02, r" $2/\lambda_{\max}$", fontsize=9)
    left.set(xlabel=r"learning rate $\eta$", ylabel=r"$|1 - \eta\lambda|$", ylim=(0, 1.4))
    left.set_title("factor of one step")
    t = np.arange(steps + 1)
    for lam, color in zip(eigenvalues, shades, strict=True):
        z = (1 - best * lam) ** t
        right.plot(t, z, color=color, linewidth=1.3, label=rf"$\lambda = {lam:g}$")
    right.set(xlabel="step", ylabel=r"$z_t / z_0$")
    right.set_title("each direction, at the best rate")
    right.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig


def momentum_map(points: dict[str, tuple[float, float]], steps: int = 40):
    """Left the factor a step over eta lam and mu; right z_t at a few of its points.

    Args:
        points: name -> (eta lam, mu).
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=[1.15, 1])
    x, mu = np.meshgrid(np.linspace(0.002, 4, 240), np.linspace(0, 0.99, 160))
    root = np.sqrt(((1 + mu - x) ** 2 - 4 * mu).astype(complex))
    rate = np.maximum(np.abs(1 + mu - x + root), np.abs(1 + mu - x - root)) / 2
    image = left.imshow(
        rate, origin="lower", extent=(0, 4, 0, 0.99), aspect="auto", cmap=SEQUENTIAL, vmin=0, vmax=1
    )
    fig.colorbar(image, ax=left, label="factor a step, in the long run", extend="max")
    edge = np.linspace(0, 0.99, 100)
    white = {"color": "white", "linewidth": 1.4}
    left.plot((1 - np.sqrt(edge)) ** 2, edge, "--", **white)
    left.plot((1 + np.sqrt(edge)) ** 2, edge, "--", **white)
    left.plot(2 + 2 * edge, edge, "-", color=PALETTE["accent"], linewidth=2)
    left.set(xlabel=r"$\eta\lambda$", ylabel=r"$\mu$", xlim=(0, 4), ylim=(0, 0.99))
    left.set_title("heavy ball on one direction")
    left.grid(False)
    for k, (name, (x0, mu0)) in enumerate(points.items()):
        R = quadratics.momentum_matrix(x0, mu0, 1.0)
        state, z = torch.ones(2, dtype=torch.float64), [1.0]
        for _ in range(steps):
            state = R @ state
            z.append(state[0].item())
        color = [PALETTE["graph"], PALETTE["ink"], PALETTE["accent"]][k]
        right.plot(z, ".-", color=color, markersize=3, linewidth=1.3, label=name)
        left.plot(x0, mu0, "o", color=color, markeredgecolor="white", markersize=8)
    right.set(xlabel="step", ylabel=r"$z_t / z_0$")
    right.set_title("at the three points")
    right.legend(loc="upper right")
    return fig


def steps_by_condition(kappas: list[float], steps: dict[str, list[int]], shrink: float):
    """Steps to shrink an error against the condition number, with the formulas' lines."""
    fig, ax = plt.subplots(figsize=(7.5, 3.6))
    log = -np.log(shrink)
    grid = np.geomspace(min(kappas), max(kappas), 50)
    ax.plot(grid, grid / 2 * log, ":", color=PALETTE["muted"])
    ax.plot(grid, np.sqrt(grid) / 2 * log, ":", color=PALETTE["muted"])
    ax.text(grid[25], grid[25] / 2 * log * 1.35, r"$\frac{1}{2}\kappa\,\ln(1/\delta)$", ha="right")
    low = np.sqrt(grid[25]) / 2 * log / 1.9
    ax.text(grid[25], low, r"$\frac{1}{2}\sqrt{\kappa}\,\ln(1/\delta)$", ha="left")
    ends = {}
    for (name, values), marker in zip(steps.items(), "osD", strict=True):
        ax.plot(kappas, values, marker + "-", color=color_of(name), markersize=5, linewidth=1.2)
        ends[name] = (kappas[-1], values[-1])
    ax.set(xscale="log", yscale="log", xlabel=r"condition number $\kappa$")
    ax.set_ylabel(rf"steps until the error is {shrink:g} of its size")
    name_ends(ax, ends)
    return fig


def responses(sizes: dict[str, tuple[float, float]]):
    """Sizes of the steady step, in learning rates, for a constant and an alternating gradient.

    Args:
        sizes: optimizer -> (constant, alternating).
    """
    fig, ax = plt.subplots(figsize=(8, 3))
    for k, (name, (constant, alternating)) in enumerate(sizes.items()):
        ax.plot([alternating, constant], [k, k], color=PALETTE["grid"], linewidth=4, zorder=1)
        ax.plot(constant, k, "o", color=color_of(name), markersize=11, markerfacecolor="none")
        ax.plot(alternating, k, "X", color=color_of(name), markersize=9)
        ax.annotate(
            f"{constant:.2g} and {alternating:.2g}", (max(constant, alternating), k),
            xytext=(12, 0), textcoords="offset points", va="center", fontsize=9,
            bbox=ON_GRID,
        )  # fmt: skip
    ax.set_yticks(range(len(sizes)), list(sizes))
    ax.set(
        xscale="log", xlabel="size of the step, in learning rates", ylim=(len(sizes) - 0.5, -0.5)
    )
    ax.set_xlim(right=80)
    return fig


def after_a_burst(steps: dict[str, list[float]], burst: int):
    """Steps of optimizers on a gradient that is large for ``burst`` steps and 1 afterwards."""
    fig, ax = plt.subplots(figsize=(8, 3.2))
    ends = {}
    for name, values in steps.items():
        ax.plot(range(1, len(values) + 1), values, color=color_of(name), linewidth=1.6)
        ends[name] = (len(values), values[-1])
    ax.axvspan(0.9, burst + 0.5, color=PALETTE["grid"], zorder=0)
    ax.text(burst + 1, ax.get_ylim()[1], " ← steep until here", fontsize=9, va="top")
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="size of the step, in learning rates")
    ax.set_xlim(0.9, len(values))
    name_ends(ax, ends)
    return fig


def corrections(steps: int = 5000):
    """How many times as long a step is without bias correction, against its number."""
    t = torch.unique(torch.logspace(0, np.log10(steps), 300, dtype=torch.float64).round())
    curves = {
        "Adam": uncorrected_over_corrected(t),
        "Adam, its mean alone": 1 - 0.9**t,
        "RMSprop": uncorrected_over_corrected(t, 0.0, 0.99),
    }
    fig, ax = plt.subplots(figsize=(8, 3.3))
    for (name, values), style in zip(curves.items(), ("-", "--", "-"), strict=True):
        ax.plot(t, values, style, color=color_of(name))
    ax.axhline(1, color=PALETTE["muted"], linewidth=0.8)
    ax.set(xscale="log", yscale="log", xlabel="step $t$", ylabel="uncorrected / corrected step")
    ax.set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    for x, y, text, name in (
        (40, 6.3, "Adam: both moments", "Adam"),
        (1.25, 11, "RMSprop", "RMSprop"),
        (4, 0.2, "Adam: the mean's part alone", "Adam"),
    ):
        ax.text(x, y, text, fontsize=9, color=ink_of(name))
    return fig


def decays(curves: dict[str, AnyTensor], scales: list[float]):
    """Weights under noise of several scales and weight decay, a panel a method.

    Args:
        curves: name -> ``(steps + 1, scales)``.
    """
    fig, axes = plt.subplots(1, len(curves), figsize=(9, 3), sharey=True)
    styles = [(PALETTE["graph"], "-"), (PALETTE["accent"], "--"), (PALETTE["ink"], ":")]
    for ax, (name, means) in zip(axes, curves.items(), strict=True):
        for column, (scale, (color, style)) in enumerate(zip(scales, styles, strict=True)):
            ax.plot(means[:, column], style, color=color, label=f"gradient's noise {scale:g}")
        ax.set_title(name)
        ax.set(xlabel="step", ylim=(0, 1.05))
    axes[0].set_ylabel("mean weight")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return fig
