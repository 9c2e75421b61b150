"""The keys that sign certificates: Ed25519 (RFC 8032), in PEM files.

They need `cryptography`, the extra `certificate`.
"""

from __future__ import annotations

import base64
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labcheck.errors import UsageError
from labcheck.workbook import extras

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PUBLIC = ".pub"  # the end of the name of a public key's file
MAKE = "`labcheck certificate key FILE`"
LARGEST = 100_000  # bytes of a key's file
CONTEXT = b"labcheck certificate\n"  # comes before what is signed: the key may sign other things, too


@dataclass(frozen=True)
class Signer:
    """A private key: it signs."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public key in Base64, as it is on the page."""
        return _in_base64(self.key.public_key())

    def sign(self, text: str) -> bytes:
        """Return the signature of a text, 64 bytes."""
        return self.key.sign(CONTEXT + text.encode())


@dataclass(frozen=True)
class Verifier:
    """A public key: it verifies."""

    key: Ed25519PublicKey

    @property
    def public(self) -> str:
        """The key in Base64, as it is on the page."""
        return _in_base64(self.key)

    def accepts(self, signature: bytes, text: str) -> bool:
        """Return whether the signature is that of the text."""
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, CONTEXT + text.encode())
        except InvalidSignature:
            return False
        return True


def make(file: Path) -> Path:
    """Write a new private key, which only this user can read, and its public key. Return the file of the public one.

    Raises UsageError if a file exists or cannot be written.
    """
    expect_extra()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    public = file.with_name(file.name + PUBLIC)
    texts = {
        file: (key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600),
        public: (key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644),
    }
    for each in texts:
        if os.path.lexists(each):
            raise UsageError(f"{each} already exists and was not overwritten; give another name")
    written: list[Path] = []
    try:
        for each, (text, mode) in texts.items():
            with os.fdopen(os.open(each, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                written.append(each)
                stream.write(text)
    except OSError as error:
        for each in written:
            with contextlib.suppress(OSError):
                each.unlink()
        raise UsageError(f"cannot write {each}: {error.strerror}") from error
    return public


def private_key(file: Path) -> Signer:
    """Read a private key. Raises UsageError if it cannot be used."""
    expect_extra()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = _read(file)
    if b"-----BEGIN PUBLIC KEY-----" in text:
        raise UsageError(f"{file} is a public key, which cannot sign; give the private key that belongs to it")
    try:
        key = load_pem_private_key(text, None)
    except TypeError as error:
        raise UsageError(
            f"{file} is encrypted; labcheck reads only keys without a passphrase, such as those of "
            "`labcheck certificate key FILE`"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{file} is not a private key in a PEM file; make one with {MAKE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{file} is a key of another kind, not Ed25519; make one with {MAKE}")
    return Signer(key)


def public_key(file: Path) -> Verifier:
    """Read a public key. Raises UsageError if it cannot be used."""
    expect_extra()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    text = _read(file)
    if b"PRIVATE KEY-----" in text:
        raise UsageError(f"{file} is a private key, which nobody else may have; give the public one, {file}{PUBLIC}")
    try:
        key = load_pem_public_key(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{file} is not a public key in a PEM file; give the one that the course publishes") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{file} is a key of another kind, not Ed25519; give the one that the course publishes")
    return Verifier(key)


def expect_extra() -> None:
    """Raise UsageError if `cryptography` is not installed."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise UsageError(f"signatures need the package cryptography; run: {extras.command('certificate')}") from error


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST)
    except FileNotFoundError:
        raise UsageError(f"there is no file {file}; make a pair of keys with {MAKE}") from None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error


def _in_base64(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode()
