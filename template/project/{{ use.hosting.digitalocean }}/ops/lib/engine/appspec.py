"""App specs, as App Platform calls what it wants of an app: JSON in, JSON out."""

from __future__ import annotations

from typing import Any

from .platform import Change, digest

#: A part of one, as JSON has it.
Part = dict[str, Any]
#: Where App Platform can pull from.
REGISTRIES = {"ghcr.io": "GHCR", "docker.io": "DOCKER_HUB", "registry.digitalocean.com": "DOCR"}


def over(has: Any, file: Any) -> Any:  # noqa: ANN401 (JSON)
    """Lay what a file says over what an app has: what is in a list goes by its name, the rest stays, and secrets do."""
    if isinstance(has, dict) and isinstance(file, dict):
        if secret(has) and not secret(file):
            return has
        return {**has, **{key: over(has.get(key), value) for key, value in file.items()}}
    if isinstance(has, list) and isinstance(file, list) and all(_name(each) for each in file):
        said = {_name(each): each for each in file}
        kept = [over(each, said.pop(_name(each), each)) for each in has]
        return [*kept, *said.values()]
    return file


def _name(part: Any) -> str:  # noqa: ANN401 (JSON)
    return str(part.get("name") or part.get("key") or "") if isinstance(part, dict) else ""


def secret(part: Part) -> bool:
    """Say whether it is a variable that is encrypted."""
    return part.get("type") == "SECRET"


def variables(spec: Part, service: str) -> list[Part]:
    """Give the variables of a service."""
    found = [each.get("envs") or [] for each in spec.get("services") or [] if each["name"] == service]
    return found[0] if found else []


def telling(spec: Part, service: str, change: Change) -> Part:
    """Give a spec whose service is told something else: secrets, which it has once it runs."""
    known = {*change.sets, *change.unsets}
    sets = [{"key": key, "scope": "RUN_TIME", "type": "SECRET", "value": it} for key, it in change.sets.items()]
    kept = [each for each in variables(spec, service) if each["key"] not in known]
    return _with(spec, service, {"envs": [*kept, *sets]})


def confided(spec: Part, now: Part) -> Part:
    """Give a spec with the secrets that another has: settings do not go back with what failed."""
    names = {each["name"] for each in now.get("services") or []}
    for service in (each["name"] for each in spec.get("services") or [] if each["name"] in names):
        then, today = variables(spec, service), variables(now, service)
        secrets = {each["key"] for each in (*then, *today) if secret(each)}
        wanted = {each["key"]: each for each in today if each["key"] in secrets}
        if secrets:
            kept = [each for each in then if each["key"] in wanted or each["key"] not in secrets]
            envs = [wanted.pop(each["key"], each) for each in kept]
            spec = _with(spec, service, {"envs": [*envs, *wanted.values()]})
    return spec


def _with(spec: Part, service: str, parts: Part) -> Part:
    services = [{**each, **parts} if each["name"] == service else each for each in spec["services"]]
    return {**spec, "services": services}


def source(spec: Part, service: str) -> Part | None:
    """Give the image that a service runs, if it runs one."""
    found = [each.get("image") for each in spec.get("services") or [] if each["name"] == service]
    return found[0] if len(found) == 1 else None


def pointed(spec: Part, service: str, image: Part, login: str = "") -> Part:
    """Give a spec whose service runs another image, pulled with the login of its registry, or a first one."""
    has, kind = source(spec, service) or {}, image.get("registry_type")
    known = has.get("registry_credentials") if has.get("registry_type") == kind else None
    login = known or image.get("registry_credentials") or ("" if kind == "DOCR" else login)
    image = {**image, "registry_credentials": login} if login else image
    return _with(spec, service, {"image": image})


def pulled(image: str) -> Part:
    """Say where HOST/REGISTRY/REPOSITORY@DIGEST is pulled from."""
    host, registry, repository = image.partition("@")[0].split("/", 2)
    kind = REGISTRIES[host]
    where = {"registry_type": kind, "registry": registry, "repository": repository, "digest": digest(image)}
    if kind == "DOCR":
        del where["registry"]
    return where


def named(image: Part) -> str:
    """Give the name of an image by its digest, or the empty string if it has none."""
    if not image.get("digest"):
        return ""
    hosts = {kind: host for host, kind in REGISTRIES.items()}
    parts = (hosts.get(image.get("registry_type", "")), image.get("registry"), image.get("repository"))
    return f"{'/'.join(filter(None, parts))}@{image['digest']}"
