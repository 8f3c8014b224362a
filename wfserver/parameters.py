"""Query parameters: typed, described, and refused where unknown: a misspelt one changes nothing."""

from pydantic import BaseModel, ConfigDict

__all__ = ["Parameters"]


class Parameters(BaseModel):
    """The query parameters of one operation."""

    model_config = ConfigDict(extra="forbid")
