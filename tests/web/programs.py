"""Programs that call the API, and what they may expect of an error."""

from collections.abc import Mapping
from itertools import count
from json import loads
from types import MappingProxyType
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from redeem.web.problems import KINDS

ATTEMPTS = count(1)


class Program:
    """Calls /v1 with one key. Each POST and PATCH is a new attempt, unless `attempt` says which one it is."""

    def __init__(self, client: FlaskClient, key: str) -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(f"/v1{path}", query_string=query or None, headers=self.headers)

    def post(self, path: str, body: Any = None, attempt: str | None = None) -> TestResponse:
        return self._send("POST", path, body, attempt)

    def patch(self, path: str, body: Any, attempt: str | None = None, tag: str = "*") -> TestResponse:
        return self._send("PATCH", path, body, attempt, {"If-Match": tag})

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(f"/v1{path}", headers={**self.headers, "Idempotency-Key": new_attempt()})

    def redeem(self, token: str, attempt: str | None = None) -> TestResponse:
        return self.post("/redemptions", {"token": token}, attempt)

    def verify(self, token: str) -> str:
        return str(loads(self.post("/verifications", {"token": token}).data)["verdict"])

    def _send(
        self, method: str, path: str, body: Any, attempt: str | None, more: Mapping[str, str] = MappingProxyType({})
    ) -> TestResponse:
        headers = {**self.headers, "Idempotency-Key": attempt or new_attempt(), **more}
        return self.client.open(f"/v1{path}", method=method, json=body, headers=headers)


def new_attempt() -> str:
    return f"attempt-{next(ATTEMPTS)}"


def replayed(response: TestResponse) -> bool:
    return response.headers.get("Idempotent-Replayed") == "true"


def assert_problem(response: TestResponse, code: str, **members: Any) -> dict[str, Any]:
    """The response is a problem of this code, complete, and with these members."""
    problem: dict[str, Any] = loads(response.data)
    assert response.mimetype == "application/problem+json"
    assert (problem["code"], response.status_code) == (code, KINDS[code].status)
    assert problem["title"] == KINDS[code].title
    assert problem["status"] == response.status_code
    assert problem["type"].endswith(f"/v1/errors#{code}")
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert problem["detail"]
    assert {name: problem.get(name) for name in members} == members
    return problem
