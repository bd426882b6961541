"""Measurements of each part against its peers. See benchmarks/README.md."""
