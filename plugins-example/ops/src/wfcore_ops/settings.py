"""What the operator can set."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

__all__ = ["End", "OpsSettings"]

End = Literal["completed", "failed", "cancelled"]


class OpsSettings(BaseModel):
    """`APP_OPS_...`."""

    webhook_url: SecretStr | None = Field(None, description="Where to post; unset: nowhere.")
    webhook_on: list[End] = Field(["failed", "cancelled"], description="Which ends are told.")
    rates: dict[str, Annotated[float, Field(gt=0)]] = Field(
        {}, description="Calls in a second, by handler, in each process."
    )
