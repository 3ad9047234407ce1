"""The networks of Kovacs et al.: the variational autoencoder (Table 1) and the multi-head regressor (Table 2).

Keras semantics throughout: 'same' padding, ELU with alpha 1, Glorot-uniform kernels and zero biases.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

CONVOLUTION_CHANNELS = (16, 32, 64, 128, 256)
HIDDEN = 2048
LATENT = 512
SHARED_WIDTHS = (512, 1024, 512, 256, 128, 64)
HEAD_WIDTHS = (32, 16, 8, 4, 2)
TARGETS = 6
LOG_VARIANCE_BOUND = 10.0  # of a latent; see `Encoder`
SHRINK = 2 ** len(CONVOLUTION_CHANNELS)  # an image edge shrinks by this factor


class _AddedGradient(torch.autograd.Function):
    """Linear layer whose weight gradient is added straight into the gradient's memory.

    The usual way makes a fresh 50 MB buffer per layer and step, and on the CPU mapping its pages costs several times
    the matrix product.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.addmm(bias, x, weight.t())

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, Tensor]:
        (g,) = gradients
        x, weight = ctx.saved_tensors
        weight.grad.addmm_(g.t(), x)
        return g @ weight, None, g.sum(0)


class Dense(nn.Linear):
    """Linear layer; on the CPU, with its gradient's memory in place, it trains without allocating any."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x @ weight.T + bias``."""
        if x.is_cpu and x.requires_grad and self.weight.grad is not None and torch.is_grad_enabled():
            return _AddedGradient.apply(x, self.weight, self.bias)
        return super().forward(x)


class Encoder(nn.Module):
    """Table 1, upper half: images (n, channel, cells, cells) to mean and log-variance, each (n, latent).

    The log-variance bends smoothly towards +-10. Without that, one image of a kind that the network has not met yet can
    get a log-variance of 40; its variance, e^40, then swamps what the optimiser has learnt of all other gradients.
    """

    def __init__(self, cells: int, channels: int) -> None:
        super().__init__()
        edge = _edge(cells)
        widths = (channels, *CONVOLUTION_CHANNELS)
        kernels = (4, 2, 2, 2, 2)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, k, stride=2, padding=(k - 2) // 2)  # with an even edge this is 'same'
            for a, b, k in zip(widths[:-1], widths[1:], kernels, strict=True)
        )
        self.dense = Dense(edge * edge * widths[-1], HIDDEN)
        self.mean = Dense(HIDDEN, LATENT)
        self.log_variance = Dense(HIDDEN, LATENT)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the log-variance of the latent code."""
        x = image
        for convolution in self.convolutions:
            x = functional.elu(convolution(x), inplace=True)
        x = functional.elu(self.dense(x.permute(0, 2, 3, 1).flatten(1)), inplace=True)
        bounded = LOG_VARIANCE_BOUND * torch.tanh(self.log_variance(x) / LOG_VARIANCE_BOUND)
        return self.mean(x), bounded


class Decoder(nn.Module):
    """Table 1, lower half: latent codes (n, latent) to images (n, channel, cells, cells) in [-1, 1]."""

    def __init__(self, cells: int, channels: int) -> None:
        super().__init__()
        self.edge = _edge(cells)
        widths = (*CONVOLUTION_CHANNELS[::-1], channels)
        kernels = (2, 2, 2, 2, 4)
        self.dense_1 = Dense(LATENT, HIDDEN)
        self.dense_2 = Dense(HIDDEN, self.edge * self.edge * widths[0])
        self.convolutions = nn.ModuleList(
            nn.ConvTranspose2d(a, b, k, stride=2, padding=(k - 2) // 2)
            for a, b, k in zip(widths[:-1], widths[1:], kernels, strict=True)
        )

    def forward(self, code: Tensor) -> Tensor:
        """Return the decoded images."""
        x = functional.elu(self.dense_1(code), inplace=True)
        x = functional.elu(self.dense_2(x), inplace=True)
        x = x.unflatten(1, (self.edge, self.edge, -1)).permute(0, 3, 1, 2)
        for convolution in self.convolutions[:-1]:
            x = functional.elu(convolution(x), inplace=True)
        return torch.tanh(self.convolutions[-1](x))


class Autoencoder(nn.Module):
    """Variational autoencoder of grain structures.

    Parameters
    ----------
    cells : int
        Cells along an image edge, a multiple of 32.
    channels : int
        Image channels: 1 for the paper's x-component.
    """

    def __init__(self, cells: int, channels: int) -> None:
        super().__init__()
        self.encoder = Encoder(cells, channels)
        self.decoder = Decoder(cells, channels)

    def forward(self, image: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the decoded images, the mean and the log-variance; `noise` is standard normal, (n, latent)."""
        mean, log_variance = self.encoder(image)
        return self.decoder(mean + noise * torch.exp(0.5 * log_variance)), mean, log_variance


class Heads(nn.Module):
    """Dense layers side by side, one stack for each target, computed as batched products."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(zip(widths[:-1], widths[1:], strict=True))
        self.weight = nn.ParameterList(nn.Parameter(torch.empty(TARGETS, a, b)) for a, b in pairs)
        self.bias = nn.ParameterList(nn.Parameter(torch.empty(TARGETS, 1, b)) for _, b in pairs)

    def forward(self, x: Tensor) -> Tensor:
        """Return one value for each target, (n, 6)."""
        y = x.expand(TARGETS, -1, -1)
        last = len(self.weight) - 1
        for i, (weight, bias) in enumerate(zip(self.weight, self.bias, strict=True)):
            y = torch.baddbmm(bias, y, weight)
            y = functional.elu(y) if i < last else y
        return y[:, :, 0].t()


class Regressor(nn.Module):
    """Table 2: latent codes (n, latent) to the six anchor points (n, 6), one head for each."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for a, b in zip((LATENT, *SHARED_WIDTHS[:-1]), SHARED_WIDTHS, strict=True):
            layers += [nn.Linear(a, b), nn.ELU()]
        self.shared = nn.Sequential(*layers)
        self.heads = Heads((SHARED_WIDTHS[-1], *HEAD_WIDTHS, 1))

    def forward(self, code: Tensor) -> Tensor:
        """Return the predicted targets."""
        return self.heads(self.shared(code))


class ImageRegressor(nn.Module):
    """A convolutional network without autoencoder: images to the six anchor points, the sceptic's baseline.

    Five stride-2 convolutions, then the mean and the standard deviation of every feature over the image, since the
    anchor points are averages over grains, and one hidden layer.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, 16, 32, 64, 64, 128)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.hidden = nn.Linear(2 * widths[-1], 128)
        self.target = nn.Linear(128, TARGETS)

    def forward(self, image: Tensor) -> Tensor:
        """Return the predicted targets (n, 6)."""
        x = image
        for convolution in self.convolutions:
            x = functional.elu(convolution(x))
        x = x.flatten(2)
        x = torch.cat([x.mean(2), x.var(2, unbiased=False).add(1e-6).sqrt()], dim=1)
        return self.target(functional.elu(self.hidden(x)))


def _edge(cells: int) -> int:
    if cells <= 0 or cells % SHRINK:
        raise ValueError(f"cells: found {cells}, allowed are multiples of {SHRINK}")
    return cells // SHRINK


BUILDERS = {"autoencoder": Autoencoder, "regressor": Regressor, "image_regressor": ImageRegressor}


def build(name: str, arguments: Mapping[str, Any], rng: np.random.Generator | None = None) -> nn.Module:
    """Build a network by name; with `rng`, initialise it as Keras does (Glorot uniform, zero biases).

    Without `rng` the parameters are left unset, to be filled by `set_flat`.
    """
    if name not in BUILDERS:
        raise ValueError(f"network: found {name!r}, allowed are {sorted(BUILDERS)}")
    with torch.device("meta"):  # no time lost on an initialisation that is replaced
        module: nn.Module = BUILDERS[name](**arguments)
    module = module.to_empty(device="cpu")
    if rng is not None:
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                _initialise(name, parameter, generator)
    return module


def build_regressor(rng: np.random.Generator) -> Regressor:
    """Build a new regressor, initialised as by `build`."""
    module = build("regressor", {}, rng)
    assert isinstance(module, Regressor)
    return module


def _initialise(name: str, parameter: Tensor, generator: torch.Generator) -> None:
    """Fill one parameter: zero for a bias, Glorot-uniform otherwise."""
    if "bias" in name:
        parameter.zero_()
    elif parameter.ndim == 3:  # stacked heads, (target, inputs, outputs)
        bound = (6.0 / (parameter.shape[1] + parameter.shape[2])) ** 0.5
        parameter.uniform_(-bound, bound, generator=generator)
    else:
        nn.init.xavier_uniform_(parameter, generator=generator)


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(p.numel() for p in module.parameters())


def get_flat(module: nn.Module) -> np.ndarray:
    """Return all parameters as one float32 vector in the order of `shapes`."""
    return torch.cat([p.detach().float().cpu().contiguous().flatten() for p in module.parameters()]).numpy()


def set_flat(module: nn.Module, flat: np.ndarray) -> None:
    """Copy a vector from `get_flat` into the parameters.

    Raises
    ------
    ValueError
        If the length does not fit.
    """
    wanted = parameter_count(module)
    if flat.shape != (wanted,):
        raise ValueError(f"network parameters: found {flat.shape}, the architecture has {wanted}")
    start = 0
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.tensor(flat[start : start + p.numel()]).view(p.shape))
            start += p.numel()


@torch.no_grad()
def fold_scaling(
    regressor: Regressor, code_mean: np.ndarray, code_scale: float, target_mean: np.ndarray, target_scale: np.ndarray
) -> None:
    """Change a regressor of standardised codes and targets into one of raw codes and targets, exactly.

    The first layer takes over ``(code - code_mean) / code_scale``, the last ones ``target_mean + target_scale * y``.
    """
    first = regressor.shared[0]
    assert isinstance(first, nn.Linear)
    weight = first.weight.double() / code_scale
    first.bias.copy_(first.bias.double() - weight @ torch.from_numpy(np.asarray(code_mean, np.float64)))
    first.weight.copy_(weight)
    scale = torch.from_numpy(np.asarray(target_scale, np.float64))[:, None, None]
    shift = torch.from_numpy(np.asarray(target_mean, np.float64))[:, None, None]
    last_weight, last_bias = regressor.heads.weight[-1], regressor.heads.bias[-1]
    last_weight.copy_(last_weight.double() * scale)
    last_bias.copy_(last_bias.double() * scale + shift)


def shapes(module: nn.Module) -> list[tuple[str, list[int]]]:
    """Return the name and shape of every parameter, in state-dict order."""
    return [(name, list(p.shape)) for name, p in module.named_parameters()]
