"""Calls signed as a tablet signs them (RFC 9421), and ways to get that wrong."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from typing import Any

from flask.testing import FlaskClient
from nacl.signing import SigningKey
from werkzeug.test import TestResponse

CREATED = 1_795_250_000


@dataclass(frozen=True)
class Signing:
    """Posts JSON signed by `key` as device `device_id`."""

    client: FlaskClient
    device_id: str
    key: SigningKey

    def post(self, path: str, body: dict[str, Any], **changed: str) -> TestResponse:
        """`changed` replaces headers after they were made, by name with _ for -; an empty one is left out."""
        data = dumps(body).encode()
        headers = self.headers(path, data) | {name.replace("_", "-"): value for name, value in changed.items()}
        return self.client.post(
            path, data=data, content_type="application/json", headers={k: v for k, v in headers.items() if v}
        )

    def headers(self, path: str, data: bytes) -> dict[str, str]:
        digest = f"sha-256=:{b64encode(sha256(data).digest()).decode()}:"
        parameters = f'("@method" "@path" "content-digest");created={CREATED};keyid="{self.device_id}";alg="ed25519"'
        base = f'"@method": POST\n"@path": {path}\n"content-digest": {digest}\n"@signature-params": {parameters}'
        signature = b64encode(self.key.sign(base.encode()).signature).decode()
        return {
            "Content-Digest": digest,
            "Signature-Input": f"device={parameters}",
            "Signature": f"device=:{signature}:",
        }
