"""The semantic prior: what the similarity of a pixel to each prompt says before the spectra are compared.

Similarities s_k in [-1, 1] become the soft assignment p = softmax(s / t) over the prompts, and the weights w_k of the
L1 term, of mean one over the prompts of a pixel, falling in s_k. Under sum-to-one with brightness fixed, a weighted L1
term is linear in the abundances, a tilt of the simplex: equal weights do nothing, and as data lose weight the tilt
chooses one corner. The divergence to p is the alternative whose limit is p itself.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

#: The largest number that similarities are multiplied with.
LARGEST_SCALE = 100.0
#: Number of prompts that the weights take as one.
_PROMPTS = 8.0
_SMALLEST_LOG = -10.0


def soft_assignment(similarity: Tensor, scale: Tensor | float, allowed: Tensor) -> Tensor:
    """Return p = softmax of the scaled similarities over the allowed prompts.

    Args:
        similarity: (N, K) in [-1, 1].
        scale: 1 / t, at most ``LARGEST_SCALE``.
        allowed: (N, K) bool.

    Returns:
        (N, K), positive where allowed, zero elsewhere, sum one.
    """
    return torch.softmax(torch.where(allowed, similarity * scale, -torch.inf), dim=1)


def features(similarity: Tensor, assignment: Tensor, allowed: Tensor) -> Tensor:
    """Return what the weights are computed from, (N, K, 5), the first four of which fall in the own similarity.

    They are -s_k, the gap to the largest similarity, -p_k, -log p_k (cut at 10, in tenths) and K / 8.
    """
    best = torch.where(allowed, similarity, -2.0).amax(1, keepdim=True)
    logarithm = torch.log(torch.where(allowed, assignment, 1.0).clamp_min(1e-9)).clamp_min(_SMALLEST_LOG)
    count = allowed.sum(1, keepdim=True).to(similarity.dtype).expand_as(similarity) / _PROMPTS
    parts = [-similarity, best - similarity, -assignment, logarithm / _SMALLEST_LOG, count]
    return torch.where(allowed[:, :, None], torch.stack(parts, 2), 0.0)


def mean_one(raw: Tensor, allowed: Tensor) -> Tensor:
    """Make weights positive (softplus) and of mean one over the allowed prompts; zero elsewhere."""
    positive = torch.where(allowed, functional.softplus(raw) + 1e-4, 0.0)
    return positive * allowed.sum(1, keepdim=True) / positive.sum(1, keepdim=True)


class MonotoneWeights(nn.Module):
    """Weights that fall in the own similarity by construction: all paths from it have positive weights."""

    def __init__(self, width: int = 32) -> None:
        """Make two hidden layers of a width."""
        super().__init__()
        self.first = nn.Parameter(torch.full((width, 4), -1.0))
        self.count = nn.Linear(1, width)
        self.second = nn.Parameter(torch.full((width, width), -3.0))
        self.bias = nn.Parameter(torch.zeros(width))
        self.last = nn.Parameter(torch.full((width,), -2.0))
        self.shift = nn.Parameter(torch.zeros(()))

    def reset(self, generator: torch.Generator) -> None:
        """Draw the initial parameters anew."""
        with torch.no_grad():
            for tensor, centre in ((self.first, -1.0), (self.second, -3.0), (self.last, -2.0)):
                tensor.copy_(centre + 0.5 * torch.randn(tensor.shape, generator=generator))
            self.bias.copy_(torch.randn(self.bias.shape, generator=generator))

    def forward(self, similarity: Tensor, assignment: Tensor, allowed: Tensor, anchors: Tensor) -> Tensor:
        """Return weights (N, K) of mean one over the allowed prompts; the anchors play no part."""
        given = features(similarity, assignment, allowed)
        hidden = torch.tanh(given[..., :4] @ functional.softplus(self.first).T + self.count(given[..., 4:]))
        hidden = torch.tanh(hidden @ functional.softplus(self.second).T + self.bias)
        return mean_one(hidden @ functional.softplus(self.last) + self.shift, allowed)


class TokenWeights(nn.Module):
    """Weights from a transformer over the prompts (size L); not monotone by construction."""

    def __init__(self, dimension: int, width: int = 256, layers: int = 2) -> None:
        """Make a transformer for anchors of a dimension."""
        super().__init__()
        self.features = nn.Linear(5, width)
        self.anchors = nn.Linear(dimension, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.last = nn.Linear(width, 1)

    def forward(self, similarity: Tensor, assignment: Tensor, allowed: Tensor, anchors: Tensor) -> Tensor:
        """Return weights (N, K) of mean one over the allowed prompts.

        Args:
            similarity: (N, K).
            assignment: (N, K).
            allowed: (N, K) bool.
            anchors: (N, K, d) or (K, d) of the prompts.
        """
        tokens = self.features(features(similarity, assignment, allowed)) + self.anchors(anchors)
        hidden = self.layers(tokens, src_key_padding_mask=~allowed)
        return mean_one(self.last(hidden)[..., 0], allowed)
