"""A supervised autoencoder: what the references of one half of a scene are worth on the other half.

The comparison that the text-prompted model is said to hold its own against. An encoder of pixels, trained on
reference abundances, and a linear decoder of non-negative spectra:

    a = softmax(f(y)),   x = a D,   loss = mean |a - reference|^2 + w (1 - cos(x, y)) / 2

It sees single pixels, as all other methods do. Both halves are tested, each by a network that never saw it, and the
ground next to the seam is tested by none.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from unmixing.classical.active_set import least_squares
from unmixing.errors import UnmixingError
from unmixing.semantic.shots import BUFFER

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_WIDTHS = (128, 64)
_BATCH, _RATE = 256, 2e-3
_RECONSTRUCTION_WEIGHT = 0.1
EPOCHS = 60


@dataclass(frozen=True)
class Half:
    """One side of a scene that was cut in two.

    Attributes:
        name: ``left``, ``right``, ``top`` or ``bottom``.
        trained: (rows, columns) pixels of the other side, which networks for this side are trained on.
        tested: (rows, columns) pixels of this side away from the seam.
    """

    name: str
    trained: Mask
    tested: Mask


def halves(abundances: npt.ArrayLike, seen: Mask | None = None, buffer: int = BUFFER) -> tuple[Half, Half]:
    """Cut a scene in two across the middle, where both sides hold most of each material.

    Of the cut through the rows and that through the columns the one is taken whose smaller share of the material that
    is divided worst is larger: a network cannot learn what its side does not hold.

    Args:
        abundances: (rows, columns, K) references.
        seen: (rows, columns) pixels with data; all by default.
        buffer: rows or columns on each side of the seam that are not tested.

    Raises:
        UnmixingError: the scene is too small to leave anything to test.
    """
    shares = np.asarray(abundances, np.float64)
    rows, columns = shares.shape[:2]
    used = np.ones((rows, columns), bool) if seen is None else np.asarray(seen, bool)
    found = []
    for axis, names in enumerate((("top", "bottom"), ("left", "right"))):
        place = np.arange(shares.shape[axis]) - shares.shape[axis] // 2
        place = np.broadcast_to(place[:, None] if axis == 0 else place[None, :], (rows, columns))
        sides = (place < 0, place >= 0)
        clear = (place < -buffer, place >= buffer)
        held = np.array([(shares * (side & used)[..., None]).sum(axis=(0, 1)) for side in sides])
        balance = float((held.min(axis=0) / np.maximum(held.sum(axis=0), 1e-12)).min())
        cut = tuple(Half(names[n], sides[1 - n] & used, clear[n] & used) for n in (0, 1))
        if all(half.tested.any() and half.trained.any() for half in cut):
            found.append((balance, -axis, cut))
    if not found:
        raise UnmixingError(
            f"a scene of {rows} x {columns} pixels has no halves {buffer} pixels from the seam: skip it"
        )
    first, second = max(found)[2]
    return first, second


class SupervisedAutoencoder(nn.Module):
    """Encoder of standardised pixels to the simplex, linear decoder with non-negative spectra."""

    centre: Tensor
    spread: Tensor

    def __init__(self, pixels: Array, shares: Array, generator: torch.Generator) -> None:
        """Take scale and decoder from the pixels (N, bands) and shares (N, K) that it will be trained on."""
        super().__init__()
        bands, count = pixels.shape[1], shares.shape[1]
        self.register_buffer("centre", torch.as_tensor(pixels.mean(axis=0), dtype=torch.float32))
        self.register_buffer("spread", torch.as_tensor(pixels.std(axis=0) + 1e-6, dtype=torch.float32))
        sizes = (bands, *_WIDTHS, count)
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in itertools.pairwise(sizes))
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)
        # Where the decoder begins: the spectra that mix to these pixels in these shares.
        spectra = least_squares(pixels.T, np.asarray(shares, np.float64).T, sum_to_one=False).T
        self.spectra = nn.Parameter(torch.as_tensor(spectra, dtype=torch.float32))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return shares (N, K) on the simplex and reconstruction (N, bands) of pixels (N, bands)."""
        hidden = (pixels - self.centre) / self.spread
        for layer in self.layers[:-1]:
            hidden = functional.relu(layer(hidden))
        shares = torch.softmax(self.layers[-1](hidden), dim=1)
        return shares, shares @ self.spectra.clamp_min(0.0)


def train_supervised(
    pixels: npt.ArrayLike, shares: npt.ArrayLike, *, rng: np.random.Generator, epochs: int = EPOCHS
) -> SupervisedAutoencoder:
    """Train on pixels with known abundances.

    Args:
        pixels: (N, bands), finite.
        shares: (N, K), rows summing to one, in any convention: the network answers in the same.
        rng: draws initial weights and the order of the pixels.
        epochs: passes over the pixels; the learning rate falls to zero along a cosine.

    Raises:
        UnmixingError: shapes do not fit, a value is not finite, or there are no pixels.
    """
    values, truth = np.asarray(pixels, np.float64), np.asarray(shares, np.float64)
    if values.ndim != 2 or truth.ndim != 2 or len(values) != len(truth) or not len(values):
        raise UnmixingError(f"pixels of shape {values.shape} with shares of shape {truth.shape}: give one row for each")
    if not (np.isfinite(values).all() and np.isfinite(truth).all()):
        raise UnmixingError("pixels or shares are not finite: leave such pixels out")
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    model = SupervisedAutoencoder(values, truth, generator)
    given, wanted = torch.as_tensor(values, dtype=torch.float32), torch.as_tensor(truth, dtype=torch.float32)
    optimiser = torch.optim.Adam(model.parameters(), lr=_RATE)
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = torch.as_tensor(rng.permutation(len(given)))
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            found, rebuilt = model(given[part])
            angle = 1 - functional.cosine_similarity(rebuilt, given[part], dim=1)
            loss = ((found - wanted[part]) ** 2).mean() + _RECONSTRUCTION_WEIGHT * angle.mean() / 2
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
    return model.eval().requires_grad_(False)


def supervised_shares(model: SupervisedAutoencoder, pixels: npt.ArrayLike) -> Array:
    """Return the abundances (N, K) that a trained network gives pixels (N, bands)."""
    given = torch.as_tensor(np.asarray(pixels, np.float64), dtype=torch.float32)
    with torch.no_grad():
        return np.asarray(model(given)[0].double().numpy(), np.float64)


def cross_halves(
    cube: npt.ArrayLike,
    abundances: npt.ArrayLike,
    cut: tuple[Half, Half],
    *,
    rng: np.random.Generator,
    epochs: int = EPOCHS,
) -> Array:
    """Estimate each half of a scene with a network that was trained on the other.

    Args:
        cube: (rows, columns, bands).
        abundances: (rows, columns, K) references.
        cut: of ``halves``.
        rng: see ``train_supervised``.
        epochs: see ``train_supervised``.

    Returns:
        (rows, columns, K) on the simplex where tested, NaN elsewhere.

    Raises:
        UnmixingError: see ``train_supervised``.
    """
    pixels, shares = np.asarray(cube, np.float64), np.asarray(abundances, np.float64)
    result = np.full(shares.shape, np.nan)
    for half in cut:
        model = train_supervised(pixels[half.trained], shares[half.trained], rng=rng, epochs=epochs)
        result[half.tested] = supervised_shares(model, pixels[half.tested])
    return result
