"""How large and how deep a document may be, and how long the answer to a bad one."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what users send; sizes in bytes of UTF-8, depth in nested lists and objects."""

    max_nodes: int = 100_000
    max_edges: int = 1_000_000
    max_document_bytes: int = 32 * 1024 * 1024
    max_values: int = 3_000_000
    """Values in a document, keys not counted."""
    max_depth: int = 64
    max_template_bytes: int = 64 * 1024
    max_output_bytes: int = 1024 * 1024
    max_schema_bytes: int = 256 * 1024
    max_problems: int = 100
    """At most so many problems are told; one more says how many there were."""
