"""How noisy a pixel is, estimated from the pixel alone."""

import torch
from torch import Tensor


def residual_variance(
    gram: Tensor, linear: Tensor, power: Tensor, values: Tensor, bands: Tensor, spent: Tensor | None = None
) -> Tensor:
    """Return the variance per band of what endmembers leave of a pixel, corrected for what they were fitted.

    With x the non-negative fit, |y - E' x|^2 / (B - s), s the number of endmembers in use (with at least one band
    left over). It holds the sensor's noise and the misfit of the endmembers alike: what the data term cannot explain.
    It is zero for an exact mixture and grows with the square of a gain.

    Args:
        gram: (N, K, K) mean over bands of products of endmembers.
        linear: (N, K) mean over bands of endmember times pixel.
        power: (N,) mean over bands of the pixel's square.
        values: (N, K) the fit.
        bands: (N,) number of bands.
        spent: (N,) numbers that went into the endmembers, where these were fitted to the pixel too; they count as
            endmembers in use where there are more of them.

    Returns:
        (N,), at least zero.
    """
    fitted = torch.einsum("ni,nij,nj->n", values, gram, values) - 2 * (linear * values).sum(1)
    used = (values > 0).sum(1).to(power.dtype)
    count = bands.to(power.dtype)
    if spent is not None:
        used = torch.maximum(used, spent.to(power.dtype))
    variance = (power + fitted).clamp_min(0.0) * count / (count - used).clamp_min(1.0)
    # Differences of nearly equal numbers: below this share of the power there is nothing but rounding.
    return torch.where(variance < 1e-13 * power, 0.0, variance)
