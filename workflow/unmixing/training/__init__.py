"""Training: the reconstruction of a scene, and the cell runner that makes many runs of it."""
