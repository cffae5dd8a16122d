"""Makers of small files in the formats that real data come in."""
