"""SGD to AdamW, each from its equations, as ``torch.optim.Optimizer``.

g is the gradient, eta the learning rate ``lr``; all operations are elementwise. Each equals
torch.optim's step by step. State starts at zero and t counts from 1.
"""

from collections.abc import Callable, Iterable

import torch
from torch.optim import Optimizer

from helpers.checks import number, shown

# Hyperparameter -> (smallest, largest) value that is accepted.
_RANGES = {
    "lr": (0.0, None),
    "momentum": (0.0, 1.0),
    "alpha": (0.0, 1.0),
    "beta_1": (0.0, 1.0),
    "beta_2": (0.0, 1.0),
    "eps": (0.0, None),
    "weight_decay": (0.0, None),
}


class _Elementwise(Optimizer):
    """What all share: checked hyperparameters, a loop over parameters, one :meth:`update` each.

    Raises:
        ValueError: a hyperparameter out of its range.
    """

    def __init__(self, params, **hyperparameters: float):
        for name, value in hyperparameters.items():
            number(name, value, *_RANGES[name])
            if name.startswith("beta") and value == 1:
                raise ValueError(f"{name} must be below 1: 1 - {name}^t is a divisor, got {value}")
        super().__init__(_parameters(params), hyperparameters)

    @torch.no_grad()
    def step(self, closure: Callable | None = None):
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.update(p, p.grad, self.state[p], group)
        return loss

    def update(self, theta: torch.Tensor, g: torch.Tensor, state: dict, h: dict) -> None:
        """Change ``theta`` in place, given its gradient, its state and the hyperparameters."""
        raise NotImplementedError


def _parameters(params) -> list:
    """What is to be changed, as torch's optimizers take it: tensors, or groups of them.

    Raises:
        ValueError: something else, or nothing.
    """
    if isinstance(params, str | bytes | torch.Tensor) or not isinstance(params, Iterable):
        raise ValueError(f"params must be a list of tensors, got {shown(params)}")
    params = list(params)
    for p in params:
        if not isinstance(p, dict | tuple) and not (isinstance(p, torch.Tensor) and p.is_leaf):
            raise ValueError(f"params must be tensors that are leaves, one of them is {shown(p)}")
    if not params:
        raise ValueError("params must hold at least one tensor, got an empty list")
    return params


def _zeros(state: dict, name: str, like: torch.Tensor) -> torch.Tensor:
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]


class SGD(_Elementwise):
    """Stochastic gradient descent (Robbins and Monro 1951).

    theta <- theta - eta g
    """

    def __init__(self, params, lr: float):
        super().__init__(params, lr=lr)

    def update(self, theta, g, state, h):
        # theta <- theta - eta g
        theta.sub_(h["lr"] * g)


class Momentum(_Elementwise):
    """Heavy-ball momentum (Polyak 1964), in torch's form, where eta scales the whole velocity.

    v_t = mu v_{t-1} + g_t
    theta <- theta - eta v_t
    """

    def __init__(self, params, lr: float, momentum: float = 0.9):
        super().__init__(params, lr=lr, momentum=momentum)

    def update(self, theta, g, state, h):
        v = _zeros(state, "v", theta)
        # v_t = mu v_{t-1} + g_t
        v.mul_(h["momentum"]).add_(g)
        # theta <- theta - eta v_t
        theta.sub_(h["lr"] * v)


class Nesterov(_Elementwise):
    """Nesterov's momentum (Nesterov 1983), rewritten for the gradient at theta itself (Sutskever
    et al. 2013).

    v_t = mu v_{t-1} + g_t
    theta <- theta - eta (g_t + mu v_t)
    """

    def __init__(self, params, lr: float, momentum: float = 0.9):
        super().__init__(params, lr=lr, momentum=momentum)

    def update(self, theta, g, state, h):
        v = _zeros(state, "v", theta)
        # v_t = mu v_{t-1} + g_t
        v.mul_(h["momentum"]).add_(g)
        # theta <- theta - eta (g_t + mu v_t)
        theta.sub_(h["lr"] * (g + h["momentum"] * v))


class AdaGrad(_Elementwise):
    """AdaGrad (Duchi, Hazan and Singer 2011): the sum of all squared gradients only grows.

    G_t = G_{t-1} + g_t^2
    theta <- theta - eta g_t / (sqrt(G_t) + eps)
    """

    def __init__(self, params, lr: float, eps: float = 1e-10):
        super().__init__(params, lr=lr, eps=eps)

    def update(self, theta, g, state, h):
        G = _zeros(state, "G", theta)
        # G_t = G_{t-1} + g_t^2
        G.add_(g * g)
        # theta <- theta - eta g_t / (sqrt(G_t) + eps)
        theta.sub_(h["lr"] * g / (G.sqrt() + h["eps"]))


class RMSprop(_Elementwise):
    """RMSprop (Hinton, lecture 6 of "Neural networks for machine learning", 2012).

    s_t = alpha s_{t-1} + (1 - alpha) g_t^2
    theta <- theta - eta g_t / (sqrt(s_t) + eps)

    Without bias correction: the first step is eta / sqrt(1 - alpha), ten times eta at alpha = .99.
    """

    def __init__(self, params, lr: float, alpha: float = 0.99, eps: float = 1e-8):
        super().__init__(params, lr=lr, alpha=alpha, eps=eps)

    def update(self, theta, g, state, h):
        s = _zeros(state, "s", theta)
        # s_t = alpha s_{t-1} + (1 - alpha) g_t^2
        s.mul_(h["alpha"]).add_((1 - h["alpha"]) * g * g)
        # theta <- theta - eta g_t / (sqrt(s_t) + eps)
        theta.sub_(h["lr"] * g / (s.sqrt() + h["eps"]))


class Adam(_Elementwise):
    """Adam (Kingma and Ba 2015, algorithm 1).

    m_t = beta_1 m_{t-1} + (1 - beta_1) g_t          m_hat = m_t / (1 - beta_1^t)
    s_t = beta_2 s_{t-1} + (1 - beta_2) g_t^2        s_hat = s_t / (1 - beta_2^t)
    theta <- theta - eta m_hat / (sqrt(s_hat) + eps)

    The paper writes v for the second moment; here v is the velocity of momentum.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
    ):
        super().__init__(params, lr=lr, beta_1=beta_1, beta_2=beta_2, eps=eps)

    def update(self, theta, g, state, h):
        beta_1, beta_2 = h["beta_1"], h["beta_2"]
        m, s = _zeros(state, "m", theta), _zeros(state, "s", theta)
        t = state["t"] = state.get("t", 0) + 1
        # m_t = beta_1 m_{t-1} + (1 - beta_1) g_t
        m.mul_(beta_1).add_((1 - beta_1) * g)
        # s_t = beta_2 s_{t-1} + (1 - beta_2) g_t^2
        s.mul_(beta_2).add_((1 - beta_2) * g * g)
        # m_hat = m_t / (1 - beta_1^t), s_hat = s_t / (1 - beta_2^t)
        m_hat, s_hat = m / (1 - beta_1**t), s / (1 - beta_2**t)
        # theta <- theta - eta m_hat / (sqrt(s_hat) + eps)
        theta.sub_(h["lr"] * m_hat / (s_hat.sqrt() + h["eps"]))


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    theta <- theta - eta w theta, then Adam's step; w is ``weight_decay``, the paper's lambda
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ):
        _Elementwise.__init__(
            self,
            params,
            lr=lr,
            beta_1=beta_1,
            beta_2=beta_2,
            eps=eps,
            weight_decay=weight_decay,
        )

    def update(self, theta, g, state, h):
        # theta <- theta - eta w theta
        theta.mul_(1 - h["lr"] * h["weight_decay"])
        super().update(theta, g, state, h)


#: Every optimizer of the series by name, in the order in which the notebooks meet them.
ALGORITHMS: dict[str, type[Optimizer]] = {
    "SGD": SGD,
    "momentum": Momentum,
    "Nesterov": Nesterov,
    "AdaGrad": AdaGrad,
    "RMSprop": RMSprop,
    "Adam": Adam,
    "AdamW": AdamW,
}
