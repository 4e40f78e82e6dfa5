"""Netlify: a new deploy is published by itself, unless the site is locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote

from vendors.base import SECRET
from vendors.site import SiteVendor, sha1_of

if TYPE_CHECKING:
    from conftest import Call


@dataclass
class Netlify(SiteVendor):
    """A site."""

    hosting: ClassVar[str] = "netlify"
    title: ClassVar[str] = "Netlify"
    deploys: ClassVar[str] = "POST /api/v1/sites/s1/deploys"
    locked: bool = False
    #: Whether a deploy is ready by the time that somebody cancels it.
    too_late: bool = False
    #: The sites that there are, by name.
    sites: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "NETLIFY_AUTH_TOKEN": SECRET,
            "NETLIFY_SITE_ID": "s1",
            "NETLIFY_API_URL": f"{self.url}/api/v1",
        }

    def answer(self, call: Call) -> tuple[int, Any]:  # noqa: C901, PLR0911 (one a call)
        """Answer a call of the API."""
        query = self.query(call)
        match call.method, unquote(call.path).removeprefix("/api/v1/").split("/"):
            case "GET", ["sites"]:
                return 200, [{"name": name, "id": "s1"} for name in self.sites]
            case "POST", ["sites"]:
                self.sites = (*self.sites, call.json["name"])
                return 201, {"id": "s1", "name": call.json["name"]}
            case "GET", ["sites", "s1"]:
                published = self._shown(self.current) if self.current else None
                return 200, {"name": self.name, "ssl_url": self.url, "published_deploy": published}
            case "GET", ["sites", "s1", "deploys"]:
                assert query["production"] == "true"
                wanted = query.get("state")
                shown = [d for d in self.uploads if wanted in (None, d["state"])]
                return 200, [self._shown(deploy) for deploy in shown]
            case "POST", ["sites", "s1", "deploys"]:
                named = call.json["files"]
                files = {name.removeprefix("/"): named[name] for name in named}
                required = sorted(set(files.values()) - set(self.blobs))
                made = {"title": query["title"], "files": files, "state": "uploading"}
                return 200, self._shown(self.start({**made, "required": required}))
            case "PUT", ["deploys", known, "files", *name]:
                deploy, sha1 = self.find(known), sha1_of(call.body)
                assert deploy["files"]["/".join(name)] == sha1
                if sha1 in deploy["required"]:
                    deploy["required"].remove(sha1)
                self.blobs[sha1] = call.body
                return 200, {}
            case "GET", ["deploys", known]:
                self._advance(self.find(known))
                return 200, {**self._shown(self.find(known)), "error_message": "no luck"}
            case "POST", ["deploys", known, "cancel"]:
                return self._cancel(self.find(known))
            case "POST", ["sites", "s1", "deploys", known, "restore"]:
                self.current = self.find(known)
                self.locked = False
                return 201, self._shown(self.current)
            case "POST", ["deploys", known, "lock"]:
                assert self.current is self.find(known)
                self.locked = True
                return 200, self._shown(self.find(known))
        return 404, {}

    def lapse(self) -> None:
        """Take all that has its files to its end."""
        for deploy in list(self.uploads):
            self._advance(deploy)
            self._advance(deploy)

    def _shown(self, deploy: dict[str, Any]) -> dict[str, Any]:
        told = {key: deploy[key] for key in ("id", "title", "state", "required")}
        created = f"2026-11-{deploy['number']:02}T00:00:00Z"
        return {**told, "created_at": created, "commit_ref": None, "locked": self.locked}

    def _cancel(self, deploy: dict[str, Any]) -> tuple[int, Any]:
        """End a deploy that has not come to its end yet."""
        if self.too_late:
            self._advance(deploy)
            self._advance(deploy)
        if deploy["state"] == "ready":
            return 422, {"message": "it is ready"}
        deploy["state"] = "error"
        return 201, self._shown(deploy)

    def _advance(self, deploy: dict[str, Any]) -> None:
        """Take a deploy on once all its files are there."""
        if deploy["state"] == "uploading" and not deploy["required"]:
            deploy["state"] = "processing"
        elif deploy["state"] == "processing":
            deploy["state"] = "error" if deploy["title"] in self.doomed else "ready"
            if deploy["state"] == "ready" and not self.locked:
                self.current = deploy
