"""Optimizers from their equations, landscapes to walk on, and a race on a real task.

Imports recurrent and palindromes.

algorithms, moments -> landscapes, responses, trials, race
  -> quadratics, rotation, noise, sparse, traps -> plots -> dynamics_plots, trial_plots -> widgets
"""

from helpers.optimizers.algorithms import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop

__all__ = ["SGD", "AdaGrad", "Adam", "AdamW", "Momentum", "Nesterov", "RMSprop"]
