"""Handlers in processes of their own: which ones, how they get there, and what they say."""
