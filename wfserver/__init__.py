"""The HTTP API, as a thin process over an engine."""
