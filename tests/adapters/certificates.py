"""Certificates for tests of TLS, made with openssl: an authority, and what it signs for 127.0.0.1."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@dataclass
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2)
        extension = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        _openssl(*new, "-subj", "/CN=authority", *extension, "-keyout", self._key, "-out", self.certificate)

    @property
    def certificate(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def _key(self) -> Path:
        return self.folder / "ca.key"

    def signed(self, name: str, address: str = "127.0.0.1") -> tuple[Path, Path]:
        """The files of a certificate for an address, and of its key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2)
        extensions = ("-addext", f"subjectAltName=IP:{address}", "-addext", "basicConstraints=critical,CA:FALSE")
        signer = ("-CA", self.certificate, "-CAkey", self._key)
        _openssl(*new, "-subj", f"/CN={name}", *extensions, *signer, "-keyout", key, "-out", certificate)
        return certificate, key
