"""CNNAEU, the convolutional autoencoder of both phases of the contrastive study (paper section 2.3)."""

from collections.abc import Callable

import torch
from torch import nn

from unmixing.ops import same_convolution

FILTERS = 48
DECODER_KERNEL = 13
LEAKY_SLOPE = 0.02
DROPOUT = 0.2
SOFTMAX_SCALE = 3.0
INITIAL_DEVIATION = 0.3
# Keras' defaults, which the released code runs with: its momentum of .99 is torch's .01.
BATCH_NORM_EPSILON = 1e-3
BATCH_NORM_MOMENTUM = 0.01
ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"leaky_relu": lambda: nn.LeakyReLU(LEAKY_SLOPE), "relu": nn.ReLU}
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class SpatialDropout(nn.Module):
    """Drops whole channels of an image, with a mask from a generator of its own.

    torch's dropout takes its mask from the global stream; this one takes it from the run's dropout stream, so
    that a run repeats whatever else draws random numbers.
    """

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        """Keep the rate and the stream."""
        super().__init__()
        self.rate = rate
        self.generator = generator

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return ``images`` (N, channels, rows, columns) with channels zeroed and the rest scaled up."""
        if not self.training or self.rate == 0:
            return images
        shape = (*images.shape[:2], 1, 1)
        draws = torch.rand(shape, generator=self.generator, device=self.generator.device)
        keep = (draws >= self.rate).to(device=images.device, dtype=images.dtype)
        dropped: torch.Tensor = images * (keep / (1 - self.rate))
        return dropped


class UntrackedBatchNorm(nn.Module):
    """Batch normalisation as the released code ran it (audit item C2).

    Its layers were built anew inside each call: scale 1 and shift 0 are never trained, and prediction uses the
    statistics of a fresh layer, mean 0 and variance 1.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return ``images`` (N, channels, rows, columns) normalised by the batch, or hardly changed in prediction."""
        if self.training:
            return nn.functional.batch_norm(images, None, None, training=True, eps=BATCH_NORM_EPSILON)
        return images.div((1 + BATCH_NORM_EPSILON) ** 0.5)


class CNNAEU(nn.Module):
    """Encoder to abundance maps on the simplex, linear decoder with non-negative kernel.

    Encoder: 3x3 convolution to 48 channels, 1x1 convolution to K channels, each with leaky ReLU, batch
    normalisation and spatial dropout; softmax of three times the result. Decoder: one 13x13 convolution to the
    bands. No biases. Both convolutions see zeros outside the patch.
    """

    def __init__(
        self,
        bands: int,
        endmembers: int,
        initialisation: torch.Generator | None = None,
        dropout: torch.Generator | None = None,
        batch_norm: str = "tracked",
        activation: str = "leaky_relu",
        softmax_scale: float = SOFTMAX_SCALE,
        precision: str = "float32",
    ) -> None:
        """Build the network with weights drawn from N(0, .3).

        Args:
            bands: number of bands.
            endmembers: number of endmembers, K.
            initialisation: CPU stream of the initial weights; a fixed one if None.
            dropout: stream of the dropout masks, on the device of the training; a fixed one if None.
            batch_norm: ``tracked`` or ``untracked`` (``BaselineProtocol.batch_norm``).
            activation: ``leaky_relu`` with slope .02, or ``relu`` (``BaselineProtocol.activation``).
            softmax_scale: what the softmax's argument is multiplied by.
            precision: ``float32``, or ``bfloat16`` for the two large convolutions; weights, statistics and what
                goes in and out stay float32.

        Raises:
            ValueError: ``bands`` or ``endmembers`` is below 1, or another argument is not one of those named.
        """
        super().__init__()
        if bands < 1 or endmembers < 1:
            raise ValueError(f"CNNAEU needs at least one band and one endmember, not {bands} and {endmembers}")
        if batch_norm not in ("tracked", "untracked"):
            raise ValueError(f"batch_norm is tracked or untracked, not {batch_norm!r}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is {' or '.join(ACTIVATIONS)}, not {activation!r}")
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {' or '.join(PRECISIONS)}, not {precision!r}")
        initialisation = initialisation or torch.Generator().manual_seed(0)
        dropout = dropout or torch.Generator().manual_seed(0)
        self.spatial = nn.Conv2d(bands, FILTERS, 3, padding="same", bias=False)
        self.pointwise = nn.Conv2d(FILTERS, endmembers, 1, bias=False)
        self.decoder = nn.Conv2d(endmembers, bands, DECODER_KERNEL, padding="same", bias=False)
        self.activation = ACTIVATIONS[activation]()
        self.softmax_scale = softmax_scale
        self.precision = PRECISIONS[precision]
        self.norms = nn.ModuleList(
            UntrackedBatchNorm()
            if batch_norm == "untracked"
            else nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, momentum=BATCH_NORM_MOMENTUM)
            for channels in (FILTERS, endmembers)
        )
        self.dropout = SpatialDropout(DROPOUT, dropout)
        with torch.no_grad():
            for layer in (self.spatial, self.pointwise, self.decoder):
                layer.weight.normal_(0, INITIAL_DEVIATION, generator=initialisation)
        self.to(memory_format=torch.channels_last)

    def encode(self, patches: torch.Tensor) -> torch.Tensor:
        """Return abundances (N, K, rows, columns) of patches (N, bands, rows, columns); they sum to one over K."""
        hidden = nn.functional.conv2d(
            patches.to(self.precision), self.spatial.weight.to(self.precision), padding="same"
        ).float()
        hidden = self.dropout(self.norms[0](self.activation(hidden)))
        hidden = self.dropout(self.norms[1](self.activation(self.pointwise(hidden))))
        return torch.softmax(self.softmax_scale * hidden, dim=1)

    def decode(self, abundances: torch.Tensor) -> torch.Tensor:
        """Return the reconstruction (N, bands, rows, columns) of abundances (N, K, rows, columns)."""
        kernel = self.decoder.weight.to(self.precision)
        return same_convolution(abundances.to(self.precision), kernel).float()

    def forward(self, patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the reconstruction and the abundances of patches.

        Args:
            patches: (N, bands, rows, columns), relative reflectance.

        Returns:
            Reconstruction (N, bands, rows, columns) and abundances (N, K, rows, columns) within [0, 1].
        """
        abundances = self.encode(patches)
        return self.decode(abundances), abundances

    @torch.no_grad()
    def project(self) -> None:
        """Set the decoder's negative weights to zero: done after each update."""
        self.decoder.weight.clamp_(min=0)

    @torch.no_grad()
    def endmembers(self) -> torch.Tensor:
        """Return the endmembers (K, bands): the spatial mean of the decoder's kernel.

        Their scale is arbitrary, because a spectral angle does not see it.
        """
        return self.decoder.weight.mean(dim=(2, 3)).T.contiguous()
