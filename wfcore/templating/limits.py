"""How much a template may be, and how much one rendering may spend."""

from dataclasses import dataclass
from typing import Final

__all__ = ["TemplateLimits"]

_WORDS_PER_PART: Final = 5


@dataclass(frozen=True, slots=True)
class TemplateLimits:
    """Bounds on templates; those on rendering hold for all templates of one config together.

    The count of operations is the bound that is meant to be met: it is the same on every machine
    and at every attempt. Processor time is the net below it, and is that of the rendering thread,
    so that a busy machine fails no template.
    """

    max_source_bytes: int = 64 * 1024
    """One template, in bytes of UTF-8."""
    max_parts: int = 2_000
    """Names, constants, operators, filters and tags in one template."""
    max_nesting: int = 32
    """Brackets and tags inside one another."""
    max_operations: int = 400_000
    """About one for each part evaluated, each item looped over and each 256 bytes made."""
    max_cpu_seconds: float = 0.3
    max_memory_bytes: int = 32 * 1024 * 1024
    """All texts, lists and objects that one rendering makes, whether or not it keeps them."""
    max_output_bytes: int = 2 * 1024 * 1024
    """The rendered values as JSON; also the most characters that any one text may have."""

    @property
    def max_words(self) -> int:
        """Words, marks and texts that are read before there can be too many parts."""
        return self.max_parts * _WORDS_PER_PART
