"""The document: JSON text, models, graph checks and the input's schema."""
