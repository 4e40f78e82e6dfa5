"""What ops/bootstrap sets up beside the platform: one module for each option that has something at a vendor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

from .errors import Failure
from .platform import Context, Plan

#: Their modules, and what people call what they set up, in the order in which one may need the other.
TITLES = {
    "offered": "backups",
    "incidents": "incidents",
    "uptime": "uptime",
    "performance": "performance",
    "tracker": "errors",
}
#: Those of them that are told what runs.
TOLD = ("performance", "tracker")


class Part(Protocol):
    """One of them, a module. It calls nobody before `bootstrap`.

    Args:
        TITLE: What people call the vendor.
        NEEDS: Settings without which nothing is set up there, its token first.
        WHERE: The environments that something is set up for.
    """

    TITLE: str
    NEEDS: Sequence[str]
    WHERE: Sequence[str]

    def check(self, at: Context) -> None:
        """Note what is missing, if it cannot do without."""

    def bootstrap(self, at: Context, plan: Plan) -> None:
        """Tell the plan what to change; `apply` has seen that it may."""

    def deployed(self, at: Context, commit: str) -> None:
        """Be told of a release that passed; only those of `TOLD` are."""


def parts(names: Iterable[str] = TITLES) -> dict[str, Part]:
    """Give those of the chosen options, by what people call it."""
    found = [name for name in names if find_spec(f".{name}", __package__)]
    return {TITLES[name]: cast("Part", import_module(f".{name}", __package__)) for name in found}


def apply(part: Part, at: Context, plan: Plan) -> None:
    """Tell the plan what to change there; that nobody gave a token is no fault, and said."""
    if at.env not in part.WHERE:
        return
    missing = [each for each in part.NEEDS if not at.settings.get(each)]
    if missing:
        plan.without(part.TITLE, missing[0])
    else:
        part.bootstrap(at, plan)


def deployed(at: Context, commit: str) -> None:
    """Have those know who want to that a commit passed; what goes wrong with it is told, and changes nothing."""
    for title, part in parts(TOLD).items():
        try:
            part.deployed(at, commit)
        except Failure as error:
            at.console.confess(error)
            at.console.say(f"{title}: nobody there knows that {at.env} runs {commit}, which changes nothing else")
