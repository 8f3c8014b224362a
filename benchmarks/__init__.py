"""Measures the engine through its public door: `python -m benchmarks`."""
