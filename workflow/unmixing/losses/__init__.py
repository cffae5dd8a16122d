"""Training losses of the contrastive study: spectral angles (equation 18) and contrastive terms (6, 8, 20)."""

from unmixing.losses.angles import elementwise_arccos_loss, sad_loss
from unmixing.losses.contrastive import (
    count_zero_embeddings,
    epoch_equal_similarity_value,
    equal_similarity_value,
    generalized_nt_xent,
    generalized_target,
    info_nce,
    metadata_aware_info_nce,
    nt_xent,
    target_entropy,
    unit_vectors,
)

__all__ = [
    "count_zero_embeddings",
    "elementwise_arccos_loss",
    "epoch_equal_similarity_value",
    "equal_similarity_value",
    "generalized_nt_xent",
    "generalized_target",
    "info_nce",
    "metadata_aware_info_nce",
    "nt_xent",
    "sad_loss",
    "target_entropy",
    "unit_vectors",
]
