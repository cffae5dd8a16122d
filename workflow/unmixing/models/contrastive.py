"""The contrastive autoencoder: CNNAEU with a projection head on its mean abundances (section 2.3, Figure 2)."""

from typing import Literal, NamedTuple, get_args

import torch
from torch import nn
from torch.nn import functional

from unmixing.losses.contrastive import unit_vectors
from unmixing.models.cnnaeu import (
    BATCH_NORM_EPSILON,
    BATCH_NORM_MOMENTUM,
    DECODER_KERNEL,
    DROPOUT,
    FILTERS,
    LEAKY_SLOPE,
    SOFTMAX_SCALE,
    SpatialDropout,
)
from unmixing.models.heads import Head, Variant, projection_head
from unmixing.ops import same_convolution

INITIAL_DEVIATION = 0.03
RELEASED_BATCH_NORM_EPSILON = 1e-5
RELEASED_BATCH_NORM_MOMENTUM = 0.1

Decoder = Literal["linear", "raw_relu"]
Initialisation = Literal["normal", "kaiming"]
AbundanceGain = Literal[1, "batch_size"]
Activation = Literal["leaky_relu", "relu"]
Latent = Literal["without_dropout", "with_dropout"]


class View(NamedTuple):
    """What the network makes of N views.

    Attributes:
        reconstruction: (N, bands, rows, columns).
        abundances: (N, K, rows, columns) on the simplex, with dropout in training, without gain.
        embedding: (N, D), unit vectors; zero vectors stay zero.
    """

    reconstruction: torch.Tensor
    abundances: torch.Tensor
    embedding: torch.Tensor


class ContrastiveAutoencoder(nn.Module):
    """CNNAEU whose mean abundances are projected to an embedding in which views are compared.

    With the default fields encoder and decoder are those of ``CNNAEU`` with weights from N(0, .03): no biases, a
    linear decoder that ``project`` keeps non-negative. ``kaiming`` stands for the released encoder as a whole: Kaiming
    uniform weights, biases from zero, and torch's batch normalisation (epsilon 1e-5, momentum .1). ``raw_relu`` is
    the released decoder: the rectified kernel of raw weights, a bias, and a ReLU on the output. Its negative raw
    weights get no gradient from the loss; a weight decay within Adam revives them (audit item A13).
    """

    def __init__(
        self,
        bands: int,
        endmembers: int,
        head: Head = "baseline",
        variant: Variant = "equation",
        decoder: Decoder = "linear",
        initialisation: Initialisation = "normal",
        abundance_gain: AbundanceGain = 1,
        activation: Activation = "leaky_relu",
        latent: Latent = "without_dropout",
        weights: torch.Generator | None = None,
        dropout: torch.Generator | None = None,
    ) -> None:
        """Build the network.

        All weights are drawn in one order whatever the fields say, the head's last: switching a field leaves the
        others as they were. ``normal`` weights are a tenth of those that ``CNNAEU`` draws from the same stream.

        Args:
            bands: number of bands.
            endmembers: number of endmembers, K.
            head: architecture of the projection head (``heads.projection_head``).
            variant: the protocol's field ``head``: ``equation`` or ``code``.
            decoder: ``linear`` or ``raw_relu``.
            initialisation: ``normal`` or ``kaiming``.
            abundance_gain: factor on the abundances before the decoder: 1, or ``batch_size``, the number of patches
                in the call (audit item A4).
            activation: of the encoder: ``leaky_relu`` with slope .02, or ``relu`` (A21).
            latent: whether the embedding sees abundances without or with dropout (A16).
            weights: CPU stream of the initial weights; a fixed one if None.
            dropout: stream of the dropout masks, on the device of the training; a fixed one if None.

        Raises:
            ValueError: ``bands`` or ``endmembers`` is below 1, or a field has an unknown value.
        """
        super().__init__()
        if bands < 1 or endmembers < 1:
            raise ValueError(f"the network needs at least one band and one endmember, not {bands} and {endmembers}")
        for name, value, allowed in (
            ("decoder", decoder, get_args(Decoder)),
            ("initialisation", initialisation, get_args(Initialisation)),
            ("abundance_gain", abundance_gain, get_args(AbundanceGain)),
            ("activation", activation, get_args(Activation)),
            ("latent", latent, get_args(Latent)),
        ):
            if value not in allowed:
                raise ValueError(f"{name} is {' or '.join(map(str, allowed))}, not {value!r}")
        weights = weights or torch.Generator().manual_seed(0)
        dropout = dropout or torch.Generator().manual_seed(0)
        released_encoder = initialisation == "kaiming"
        self.linear = decoder == "linear"
        self.abundance_gain = abundance_gain
        self.latent = latent
        self.spatial = nn.Conv2d(bands, FILTERS, 3, padding="same", bias=released_encoder)
        self.pointwise = nn.Conv2d(FILTERS, endmembers, 1, bias=released_encoder)
        self.decoder = nn.Conv2d(endmembers, bands, DECODER_KERNEL, padding="same", bias=not self.linear)
        self.activation = nn.LeakyReLU(LEAKY_SLOPE) if activation == "leaky_relu" else nn.ReLU()
        epsilon = RELEASED_BATCH_NORM_EPSILON if released_encoder else BATCH_NORM_EPSILON
        momentum = RELEASED_BATCH_NORM_MOMENTUM if released_encoder else BATCH_NORM_MOMENTUM
        self.spatial_norm = nn.BatchNorm2d(FILTERS, epsilon, momentum)
        self.pointwise_norm = nn.BatchNorm2d(endmembers, epsilon, momentum)
        self.dropout = SpatialDropout(DROPOUT, dropout)
        self._draw(weights, released_encoder)
        self.head = projection_head(head, endmembers, variant, weights)
        self.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def _draw(self, weights: torch.Generator, released_encoder: bool) -> None:
        for layer in (self.spatial, self.pointwise, self.decoder):
            layer.weight.normal_(0, INITIAL_DEVIATION, generator=weights)
        bias = torch.empty(self.decoder.out_channels).normal_(0, INITIAL_DEVIATION, generator=weights)
        if self.decoder.bias is not None:
            self.decoder.bias.copy_(bias)
        for layer in (self.spatial, self.pointwise):
            drawn = torch.empty_like(layer.weight)
            nn.init.kaiming_uniform_(drawn, nonlinearity="relu", generator=weights)
            if released_encoder:
                layer.weight.copy_(drawn)
            if layer.bias is not None:
                layer.bias.zero_()

    def _hidden(self, patches: torch.Tensor) -> torch.Tensor:
        hidden: torch.Tensor = self.spatial_norm(self.activation(self.spatial(patches)))
        return hidden

    def _abundances(self, hidden: torch.Tensor) -> torch.Tensor:
        hidden = self.pointwise_norm(self.activation(self.pointwise(self.dropout(hidden))))
        return torch.softmax(SOFTMAX_SCALE * self.dropout(hidden), dim=1)

    def _abundances_without_dropout(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return abundances for the embedding; in training the batch's statistics serve and are not recorded.

        Recorded they would enter the running statistics twice for each view.
        """
        norm = self.pointwise_norm
        hidden = self.activation(self.pointwise(hidden))
        if self.training:
            hidden = functional.batch_norm(hidden, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
        else:
            hidden = norm(hidden)
        return torch.softmax(SOFTMAX_SCALE * hidden, dim=1)

    def _kernel(self) -> torch.Tensor:
        return self.decoder.weight if self.linear else torch.relu(self.decoder.weight)

    def _decode(self, abundances: torch.Tensor, batch: int) -> torch.Tensor:
        scaled = abundances * batch if self.abundance_gain == "batch_size" else abundances
        decoded = same_convolution(scaled, self._kernel())
        if self.decoder.bias is None:
            return decoded
        return torch.relu(decoded + self.decoder.bias[:, None, None])

    def encode(self, patches: torch.Tensor) -> torch.Tensor:
        """Return abundances (N, K, rows, columns) of patches (N, bands, rows, columns); they sum to one over K."""
        return self._abundances(self._hidden(patches))

    def forward(self, patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the reconstruction and the abundances of patches.

        Args:
            patches: (N, bands, rows, columns), relative reflectance.

        Returns:
            Reconstruction (N, bands, rows, columns) and abundances (N, K, rows, columns) within [0, 1]; a gain is in
            the first alone.
        """
        abundances = self.encode(patches)
        return self._decode(abundances, len(patches)), abundances

    def embed(self, abundances: torch.Tensor) -> torch.Tensor:
        """Return unit embeddings (N, D) of abundances (N, K, rows, columns): their mean over pixels, projected.

        A head whose last ReLU lets nothing through gives a zero vector (``losses.count_zero_embeddings``).
        """
        return unit_vectors(self.head(abundances.mean(dim=(2, 3))))

    def embed_patches(self, patches: torch.Tensor) -> torch.Tensor:
        """Return unit embeddings (N, D) of patches (N, bands, rows, columns), as the losses see them."""
        hidden = self._hidden(patches)
        without = self.latent == "without_dropout"
        return self.embed(self._abundances_without_dropout(hidden) if without else self._abundances(hidden))

    def view(self, patches: torch.Tensor) -> View:
        """Return reconstruction, abundances and embedding of patches in one pass.

        The first convolution, nearly all of the encoder's work, is shared between the abundances that are decoded and
        those, without dropout, that are embedded.

        Args:
            patches: (N, bands, rows, columns), relative reflectance.
        """
        return self._view(patches, len(patches))

    def _view(self, patches: torch.Tensor, batch: int) -> View:
        hidden = self._hidden(patches)
        abundances = self._abundances(hidden)
        embedded = abundances
        if self.training and self.latent == "without_dropout":
            embedded = self._abundances_without_dropout(hidden)
        return View(self._decode(abundances, batch), abundances, self.embed(embedded))

    def views(self, first: torch.Tensor, second: torch.Tensor) -> tuple[View, View]:
        """Return what the network makes of both views of the same patches.

        In training each view passes alone, as released, because batch normalisation would mix their statistics; in
        evaluation both pass together.

        Args:
            first: (N, bands, rows, columns).
            second: the same shape.

        Raises:
            ValueError: the shapes differ.
        """
        if first.shape != second.shape:
            raise ValueError(f"both views need one shape, not {tuple(first.shape)} and {tuple(second.shape)}")
        if self.training:
            return self.view(first), self.view(second)
        both = self._view(torch.cat([first, second]), len(first))
        count = len(first)
        return View(*(part[:count] for part in both)), View(*(part[count:] for part in both))

    @torch.no_grad()
    def project(self) -> None:
        """Set a linear decoder's negative weights to zero: done after each update. Raw weights are left alone."""
        if self.linear:
            self.decoder.weight.clamp_(min=0)

    @torch.no_grad()
    def endmembers(self) -> torch.Tensor:
        """Return the endmembers (K, bands): the spatial mean of the decoder's kernel, rectified where it is raw.

        Their scale is arbitrary, because a spectral angle does not see it.
        """
        return self._kernel().mean(dim=(2, 3)).T.contiguous()

    def parameter_counts(self) -> dict[str, int]:
        """Return the number of trained parameters of each part: ``encoder``, ``decoder`` and ``head``."""
        parts = {
            "encoder": (self.spatial, self.spatial_norm, self.pointwise, self.pointwise_norm),
            "decoder": (self.decoder,),
            "head": (self.head,),
        }
        return {
            name: sum(parameter.numel() for module in modules for parameter in module.parameters())
            for name, modules in parts.items()
        }
