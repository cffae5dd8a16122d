"""The decoder: an anchor becomes an endmember, as a departure from the library's mean spectrum of the concept.

    e(L) = sigmoid(logit(mean(L)) + r(L)),   r = 2 tanh(MLP(code(L); FiLM(t, z)) / 2)

with a code of the wavelength, so that it can be asked for on any axis, feature-wise modulation (FiLM: E. Perez et
al., AAAI 2018) by the anchor t and an appearance z. The last layer starts at zero: an untrained decoder gives the
library's mean. z is drawn around what the pixel suggests in training, held near a standard normal by a divergence, and
zero in use.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from unmixing.semantic.encoder import wavelength_code

_LEAST, _MOST = 1e-4, 1 - 1e-4
_LARGEST_SHIFT = 2.0
_LARGEST_APPEARANCE = 3.0


@dataclass(frozen=True)
class DecoderSize:
    """Width and number of layers of the decoder, and length of the appearance z."""

    width: int
    layers: int
    appearance: int


class Decoder(nn.Module):
    """Anchors and library means to endmembers on the common grid."""

    code: Tensor

    def __init__(self, size: DecoderSize, dimension: int) -> None:
        """Make all layers; ``dimension`` is that of the anchors."""
        super().__init__()
        self.appearance = size.appearance
        code = wavelength_code()
        self.first = nn.Linear(code.shape[1], size.width)
        self.layers = nn.ModuleList(nn.Linear(size.width, size.width) for _ in range(size.layers - 1))
        self.films = nn.ModuleList(nn.Linear(dimension + size.appearance, 2 * size.width) for _ in range(size.layers))
        self.last = nn.Linear(size.width, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.inference = nn.Linear(2 * dimension, 2 * size.appearance)
        self.register_buffer("code", code, persistent=False)

    def shift(self, anchors: Tensor, appearance: Tensor | None = None) -> Tensor:
        """Return the departures r, (K, grid), on the scale of the logit, within +-2.

        Args:
            anchors: (K, d) of length one.
            appearance: (K, z); zero by default.
        """
        if appearance is None:
            appearance = anchors.new_zeros(len(anchors), self.appearance)
        # A unit vector of many numbers has small ones; the layers expect numbers of order one.
        condition = torch.cat([anchors * anchors.shape[1] ** 0.5, appearance], dim=1)
        hidden = self.first(self.code)[None].expand(len(anchors), -1, -1)
        for index, film in enumerate(self.films):
            if index:
                hidden = self.layers[index - 1](hidden)
            scale, offset = film(condition)[:, None, :].chunk(2, dim=2)
            hidden = functional.gelu(hidden * (1 + 0.1 * scale) + 0.1 * offset)
        raw = self.last(hidden)[..., 0]
        return _LARGEST_SHIFT * torch.tanh(raw / _LARGEST_SHIFT)

    def forward(self, anchors: Tensor, means: Tensor, appearance: Tensor | None = None) -> Tensor:
        """Return endmembers (K, grid) within (0, 1).

        Args:
            anchors: (K, d) of length one.
            means: (K, grid) of the library, finite.
            appearance: (K, z); zero by default.
        """
        return torch.sigmoid(torch.logit(means.clamp(_LEAST, _MOST)) + self.shift(anchors, appearance))

    def suggest(self, encoded: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean (bounded by 3) and logarithm of the variance of z, (N, z) each, for pixels and anchors (N, d)."""
        scale = encoded.shape[1] ** 0.5
        mean, logarithm = self.inference(torch.cat([encoded, anchors], dim=1) * scale).chunk(2, dim=1)
        return _LARGEST_APPEARANCE * torch.tanh(mean / _LARGEST_APPEARANCE), logarithm.clamp(-6.0, 2.0)
