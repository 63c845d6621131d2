"""An authenticator in software: it keeps passkeys, and answers a browser's requests as WebAuthn Level 3 has it."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """Keeps passkeys of one person; what it says can be spoiled by the fields."""

    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    keys: dict[str, tuple[ec.EllipticCurvePrivateKey, str]] = field(default_factory=dict)
    """Credential id → key and user handle."""

    def create(self, options):
        """A new passkey for what `navigator.credentials.create` was asked; JSON."""
        asked = json.loads(options)
        assert asked["authenticatorSelection"]["userVerification"] == "required"
        assert asked["authenticatorSelection"]["residentKey"] == "required"
        key, credential_id = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
        name = bytes_to_base64url(credential_id)
        self.keys[name] = (key, asked["user"]["id"])
        numbers = key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        attested = bytes(16) + len(credential_id).to_bytes(2) + credential_id + cose
        data = self._data(asked["rp"]["id"], ATTESTED) + attested
        statement = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": self._client_data("webauthn.create", asked),
            "attestationObject": bytes_to_base64url(statement),
        }
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def sign(self, options, name=None, **more):
        """An answer to what `navigator.credentials.get` was asked, by one of the passkeys; JSON."""
        asked = json.loads(options)
        assert asked["userVerification"] == "required"
        name = name or next(iter(self.keys))
        key, handle = self.keys[name]
        self.count += 1
        data = self._data(asked["rpId"])
        client = self._client_data("webauthn.get", asked)
        signature = key.sign(data + hashlib.sha256(base64url_to_bytes(client)).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": client,
            "authenticatorData": bytes_to_base64url(data),
            "signature": bytes_to_base64url(signature),
            "userHandle": handle,
            **more,
        }
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def _data(self, rp_id, more=0):
        return hashlib.sha256(rp_id.encode()).digest() + bytes([self.flags | more]) + self.count.to_bytes(4)

    def _client_data(self, kind, asked):
        said = {"type": kind, "challenge": asked["challenge"], "origin": self.origin, "crossOrigin": False}
        return bytes_to_base64url(json.dumps(said).encode())
