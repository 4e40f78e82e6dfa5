"""A service account of Atlas: its id and its secret get a token, and that is good for an hour."""

from __future__ import annotations

import base64
import json
import time

from .api import Api, said
from .calls import CallFailed
from .http import send
from .variables import Settings

#: Seconds that a token is not used any more before it ends: a call that is tried again may take so long.
SPARE = 600


class Account(Api):
    """Who calls the API of Atlas."""

    def __init__(self, settings: Settings) -> None:
        get = settings.get
        pair = f"{get('MONGODB_ATLAS_CLIENT_ID')}:{get('MONGODB_ATLAS_CLIENT_SECRET')}"
        basic = f"Basic {base64.b64encode(pair.encode()).decode()}"
        address = get("MONGODB_ATLAS_API_URL", "https://cloud.mongodb.com")
        headers = {"Authorization": basic, "Content-Type": "application/x-www-form-urlencoded"}
        super().__init__(address, headers, settings)
        self._settings = settings
        self._token, self._ends = "", 0.0

    def on(self, version: str) -> Api:
        """Give the API by the version of a resource, which is a date."""
        if time.monotonic() >= self._ends:
            self._log_in()
        kind = f"application/vnd.atlas.{version}+json"
        return Api(self._address, {"Authorization": f"Bearer {self._token}", "Accept": kind}, self._settings)

    def _log_in(self) -> None:
        """Get a token, as often as it takes: another one does no harm."""
        url, form, began = f"{self._address}/api/oauth/token", b"grant_type=client_credentials", time.monotonic()
        answer = self._tried(lambda: send("POST", url, self._headers, form, self._timeout), twice=True)
        if not answer.good:
            raise CallFailed(f"POST {url}", answer, said(answer))
        try:
            told = json.loads(answer.body)
            self._token, self._ends = str(told["access_token"]), began + int(told["expires_in"]) - SPARE
        except (ValueError, LookupError, TypeError):
            # Not from the error, which may have the token in it.
            raise CallFailed(f"POST {url}", answer, "its answer is not as described") from None
