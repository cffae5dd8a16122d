"""Unmixing by name: spectral libraries sorted by concept, and what models of language and spectra learn from them."""
