"""Experiments of the second study, one module each: options, scenes and libraries in, tidy rows out."""
