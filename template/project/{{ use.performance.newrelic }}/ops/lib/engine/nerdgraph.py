"""New Relic's API: GraphQL at one address. What is wrong with a call stands in an answer of status 200, too."""

from __future__ import annotations

import json
import re
from typing import Any

from .api import Api
from .errors import Failure
from .http import Answer
from .platform import Context

ADDRESS = "NEW_RELIC_API_URL"
US = "https://api.newrelic.com"
#: Of a call that was understood and not carried out.
REFUSED = 422
#: What questions take beside texts.
KINDS = {"account": "Int!", "guid": "EntityGuid!", "policyId": "ID"}
#: Where operations say what is wrong.
WORDS = ("description", "details", "message", "type")


def address(at: Context) -> str:
    """Give where the API is; accounts in Europe have another."""
    return at.settings.get(ADDRESS, US).rstrip("/") + "/graphql"


def judged(answer: Answer) -> Answer:
    """Give an answer that tells errors the status that says so."""
    try:
        errors = (json.loads(answer.body).get("errors") if answer.good else None) or []
        words = "; ".join(str(each.get("message") or "no reason given") for each in errors)
    except (ValueError, AttributeError, TypeError):
        return answer  # None that is as described; who reads it says so.
    return answer._replace(status=REFUSED, error=f"refused: {' '.join(words.split())[:200]}") if errors else answer


class _Judging(Api):
    def _judged(self, answer: Answer) -> Answer:
        return judged(answer)


class NerdGraph:
    """The API, for one account."""

    def __init__(self, at: Context, key: str, account: str) -> None:
        self._api = _Judging(address(at), {"API-Key": key}, at.settings)
        try:
            self.account = int(account)
        except ValueError:
            raise Failure(f"an account of New Relic is a number, not '{account}'") from None

    def ask(self, document: str, **variables: object) -> dict[str, Any]:
        """Ask for something of the account."""
        query = f"query({_declared(document)}) {{ actor {{ {document} }} }}"
        known = {"account": self.account, **variables} if "$account" in document else variables
        body = {"query": query, "variables": known}
        return self._api.call("POST", "", lambda it: it["data"]["actor"], body, twice=True)

    def do(self, operation: str, types: str, gives: str, /, twice: bool = False, **variables: object) -> dict[str, Any]:
        """Have something done; `types` declares what it takes, as GraphQL has it."""
        takes = ", ".join(f"{name}: ${name}" for name in re.findall(r"\$(\w+)", types))
        document = f"mutation({types}) {{ {operation}({takes}) {{ {gives} }} }}"
        body = {"query": document, "variables": variables}
        done: dict[str, Any] = self._api.call("POST", "", lambda it: it["data"][operation], body, twice=twice)
        wrong = (done.get("errors") or []) + list(filter(None, [done.get("error")]))
        if wrong:
            words = next((str(wrong[0][word]) for word in WORDS if wrong[0].get(word)), "no reason given")
            raise Failure(f"New Relic refused {operation}: {words}")
        return done


def _declared(document: str) -> str:
    """Declare what a question takes; what is not named here is text."""
    names = sorted(set(re.findall(r"\$(\w+)", document)))
    return ", ".join(f"${name}: {KINDS.get(name, 'String')}" for name in names)
