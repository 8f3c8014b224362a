"""Submitting, triggering and running workflows; deciding what follows. Knows no backend."""
