"""Outbound HTTP: the small client that handlers are given, and its one pool of connections."""
