"""Certificates of an authority of the tests' own, for an engine and its clients."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_USES = {"engine": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


def make_certificates(folder: Path) -> None:
    """Write `engine` and `client`, each a folder with `ca.pem`, `cert.pem` and a private `key.pem`."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = _name("authority")
    authority = (
        _begun(name, name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    for who, use in _USES.items():
        key = ec.generate_private_key(ec.SECP256R1())
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            _begun(_name(who), name, key)
            .add_extension(here, critical=False)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        place = folder / who
        place.mkdir(parents=True)
        (place / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
        (place / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        private = place / "key.pem"
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _name(who: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, who)])


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
