"""/docs: the OpenAPI document to read, as one page that loads and runs nothing."""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
summary { cursor: pointer; font-family: ui-monospace, monospace; padding: 0.25rem 0 }
pre { overflow-x: auto; padding: 0.75rem; background: #8881; border-radius: 0.25rem }
:root { color-scheme: light dark }
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}


def docs_routes(app: FastAPI) -> APIRouter:
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(_page(app.openapi()), headers=_HEADERS)

    return router


def _page(document: dict[str, Any]) -> str:
    info = document["info"]
    operations = "".join(
        _details(f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    # There is none where no route has a model.
    models = document.get("components", {}).get("schemas", {})
    schemas = "".join(_details(name, schema) for name, schema in models.items())
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(info["title"])}</title>
<style>{_STYLE}</style>
<h1>{escape(info["title"])} {escape(info["version"])}</h1>
<p>{escape(info["description"])}
<p><a href="openapi.json">openapi.json</a>
<h2>Operations</h2>
{operations}<h2>Schemas</h2>
{schemas}</html>
"""


def _details(summary: str, content: Any) -> str:
    text = escape(json.dumps(content, indent=2, ensure_ascii=False))
    return f"<details><summary>{escape(summary)}</summary><pre>{text}</pre></details>\n"
