"""Reference workflow of hyperspectral unmixing research: the library behind the Snakemake study."""

__version__ = "0.1.0"
