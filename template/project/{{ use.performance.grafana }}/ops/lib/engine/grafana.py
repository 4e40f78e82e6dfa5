"""What Grafana keeps: folders, ways to tell people, rules, dashboards; how each is compared and changed."""

from __future__ import annotations

from typing import Any

from .alerts import seconds
from .api import Api
from .calls import CallFailed
from .reconcile import Found, Wanted

#: Seconds from one look at the rules to the next.
INTERVAL = 60
POINTS = "/api/v1/provisioning/contact-points"


class Folders:
    """Where dashboards and rules are."""

    kind = "the folder"

    def __init__(self, api: Api, folder: str) -> None:
        self._api, self._uid = api, folder

    def found(self) -> list[Found]:
        """Give ours."""
        it = _there(self._api, f"/api/folders/{self._uid}")
        return [Found(it["uid"], it["title"], it)] if it else []

    def create(self, wanted: Wanted) -> None:
        """Have ours."""
        self._api.call("POST", "/api/folders", _nothing, {"uid": self._uid, **wanted.fields})

    def change(self, found: Found, wanted: Wanted) -> None:
        """Do nothing: one of another name is not found as ours."""


class ContactPoints:
    """Ways to tell people: those of one name are told together."""

    kind = "the contact point"

    def __init__(self, api: Api) -> None:
        self._api = api

    def found(self) -> list[Found]:
        """Give all, each by what identifies it."""
        return self._api.ask(POINTS, lambda them: [Found(it["uid"], it["uid"], it) for it in them])

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        self._api.call("POST", POINTS, _nothing, self._body(wanted))

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        self._api.call("PUT", f"{POINTS}/{found.id}", _nothing, self._body(wanted), twice=True)

    def _body(self, wanted: Wanted) -> dict[str, Any]:
        settings = {**wanted.fields["settings"], **wanted.hidden}
        return {"uid": wanted.name, **wanted.fields, "settings": settings}


class Groups:
    """Rules that are looked at together."""

    kind = "the alert rules"

    def __init__(self, api: Api, folder: str, name: str) -> None:
        self._api, self._folder = api, folder
        self._path = f"/api/v1/provisioning/folder/{folder}/rule-groups/{name}"

    def found(self) -> list[Found]:
        """Give ours."""
        it = _there(self._api, self._path)
        if not it:
            return []
        rules = {each["title"]: {**each, "for": seconds(each["for"])} for each in it["rules"]}
        return [Found(it["title"], it["title"], {**it, "alerts": list(rules), "rules": rules})]

    def create(self, wanted: Wanted) -> None:
        """Have those of the table, and no others."""
        rules = [{**each, "for": f"{each['for']}s"} for each in wanted.fields["rules"].values()]
        body = {"title": wanted.name, "folderUid": self._folder, "interval": INTERVAL, "rules": rules}
        self._api.call("PUT", self._path, _nothing, body, twice=True)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have them be as they should."""
        del found
        self.create(wanted)


class Dashboards:
    """What people look at."""

    kind = "the dashboard"

    def __init__(self, api: Api, folder: str) -> None:
        self._api, self._uid = api, folder

    def found(self) -> list[Found]:
        """Give ours."""
        it = _there(self._api, f"/api/dashboards/uid/{self._uid}")
        if not it:
            return []
        fields = {**it["dashboard"], "folderUid": it["meta"].get("folderUid")}
        return [Found(self._uid, it["dashboard"]["title"], fields)]

    def create(self, wanted: Wanted) -> None:
        """Have it as it is in the repository."""
        it = {name: value for name, value in wanted.fields.items() if name != "folderUid"}
        body = {"dashboard": it, "folderUid": wanted.fields["folderUid"], "overwrite": True}
        self._api.call("POST", "/api/dashboards/db", _nothing, body, twice=True)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have it be as it should."""
        del found
        self.create(wanted)


def _there(api: Api, path: str) -> dict[str, Any] | None:
    """Ask for something that there may be."""
    try:
        found: dict[str, Any] = api.ask(path, dict)
    except CallFailed as error:
        if error.status == 404:
            return None
        raise
    return found


def _nothing(_: object) -> None:
    """Need nothing of an answer."""
