"""Flags in flagd's format, as flags.json has them."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

#: What somebody switched, by names of flags: for everybody, whatever its targeting says.
type Switches = Mapping[str, bool]


class Flag(BaseModel):
    model_config = ConfigDict(frozen=True)

    state: Literal["ENABLED", "DISABLED"]
    variants: Annotated[dict[str, Any], Field(min_length=1)]
    defaultVariant: StrictStr | None = None  # noqa: N815
    targeting: dict[str, Any] = {}
    metadata: dict[str, StrictStr | StrictInt | StrictFloat | StrictBool] = {}

    @model_validator(mode="after")
    def _has_its_default(self) -> Self:
        if self.defaultVariant and self.defaultVariant not in self.variants:
            raise ValueError("its defaultVariant is none of its variants")
        return self

    def switched(self, *, on: bool) -> "Flag":
        variant = next((name for name, value in self.variants.items() if value is on), None)
        if variant is not None:
            change = {"state": "ENABLED", "defaultVariant": variant, "targeting": {}}
            return self.model_copy(update=change)
        # Without such a variant, off is what the code does without the flag.
        return self if on else self.model_copy(update={"state": "DISABLED"})


class FlagFile(BaseModel):
    model_config = ConfigDict(frozen=True)

    flags: dict[str, Flag]
    evaluators: Annotated[dict[str, Any], Field(alias="$evaluators")] = {}


def parse_flags(text: str | bytes) -> FlagFile:
    """Raise a ValueError when it is no such file."""
    try:
        return FlagFile.model_validate_json(text)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors()]
        raise ValueError("; ".join(problems)) from None


def merged(files: Sequence[FlagFile], switches: Switches) -> str:
    """Give the flags of files, of which a later one counts more, and then of switches."""
    flags = {name: flag for file in files for name, flag in file.flags.items()}
    for name, on in switches.items():
        if name in flags:
            flags[name] = flags[name].switched(on=on)
    evaluators = {name: rule for file in files for name, rule in file.evaluators.items()}
    return FlagFile(flags=flags, **{"$evaluators": evaluators}).model_dump_json(by_alias=True)
