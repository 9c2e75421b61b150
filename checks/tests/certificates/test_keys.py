"""Keys: how they are made, and what is refused as one."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from labcheck.certificates import keys
from labcheck.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def private(key: Ed25519PrivateKey | RSAPrivateKey, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


OTHER_KIND = generate_rsa(65537, 2048)
OTHER_PUBLIC = generate_private_key(SECP256R1()).public_key()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """The files of a private key and its public key."""
    file = tmp_path / "class.key"
    return file, keys.make(file)


def test_pair_signs_and_verifies(pair: tuple[Path, Path]) -> None:
    """What the private key signs, the public key accepts: this text, and no other."""
    signer, verifier = keys.private_key(pair[0]), keys.public_key(pair[1])
    signature = signer.sign("text")
    assert len(signature) == 64
    assert verifier.accepts(signature, "text")
    assert not verifier.accepts(signature, "Text")
    assert not verifier.accepts(signature[:-1], "text")
    assert not verifier.accepts(b"", "text")
    assert signer.public == verifier.public
    assert signer.public in pair[1].read_text("ascii")  # so that people can compare them


def test_signature_is_for_certificates_only(pair: tuple[Path, Path]) -> None:
    """The key signs the text with its purpose: nobody takes the signature of another text for that of a certificate."""
    public = load_pem_public_key(pair[1].read_bytes())
    signature = keys.private_key(pair[0]).sign("text")
    public.verify(signature, b"labcheck certificate\ntext")  # type: ignore[union-attr,call-arg]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_private_key_is_private(tmp_path: Path) -> None:
    """Only this user can read it, no matter what the umask is."""
    before = os.umask(0)
    try:
        public = keys.make(tmp_path / "class.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "class.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(public.stat().st_mode) == 0o644


@pytest.mark.parametrize("name", ["class.key", "class.key.pub"])
def test_no_file_is_overwritten(name: str, tmp_path: Path) -> None:
    """If one of the files exists, none is written."""
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=rf"{name} already exists and was not overwritten; give another name"):
        keys.make(tmp_path / "class.key")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["mine"]


def test_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*class\.key: No such file"):
        keys.make(tmp_path / "missing" / "class.key")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not a private key in a PEM file; make one with `labcheck certificate key FILE`"),
        (b"\xff\x00", "not a private key in a PEM file"),
        (private(Ed25519PrivateKey.generate())[:60], "not a private key in a PEM file"),
        (private(Ed25519PrivateKey.generate(), b"secret"), "encrypted; labcheck reads only keys without a passphrase"),
        (private(OTHER_KIND), "a key of another kind, not Ed25519"),
        (
            Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "a public key, which cannot sign",
        ),
    ],
    ids=["empty", "no text", "cut", "encrypted", "RSA", "public"],
)
def test_no_private_key(text: bytes, words: str, tmp_path: Path) -> None:
    """The error names the file, in one line, and says what to do."""
    file = tmp_path / "x.key"
    file.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        keys.private_key(file)
    assert str(caught.value).startswith(f"{file} is {words}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not a public key in a PEM file; give the one that the course publishes"),
        (b"ssh-ed25519 AAAA", "not a public key in a PEM file"),
        (OTHER_PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "a key of another kind"),
        (private(Ed25519PrivateKey.generate()), "a private key, which nobody else may have"),
        (private(OTHER_KIND, b"secret"), "a private key, which nobody else may have"),
    ],
    ids=["empty", "of OpenSSH", "elliptic curve", "private", "private and encrypted"],
)
def test_no_public_key(text: bytes, words: str, tmp_path: Path) -> None:
    file = tmp_path / "x.pub"
    file.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        keys.public_key(file)
    assert str(caught.value).startswith(f"{file} is {words}")


@pytest.mark.parametrize("read", [keys.private_key, keys.public_key])
def test_file_that_cannot_be_read(read: object, tmp_path: Path, unreadable: object) -> None:
    """A missing file, a folder, and a file of somebody else are three different errors."""
    assert callable(read)
    assert callable(unreadable)
    with pytest.raises(UsageError, match=r"there is no file .*missing; make a pair of keys with"):
        read(tmp_path / "missing")
    with pytest.raises(UsageError, match="cannot read"):
        read(tmp_path)
    (tmp_path / "theirs").touch()
    unreadable("theirs")
    with pytest.raises(UsageError, match=r"cannot read .*theirs: Permission denied"):
        read(tmp_path / "theirs")


@pytest.mark.parametrize("use", [keys.make, keys.private_key, keys.public_key])
def test_without_the_extra(use: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without cryptography, the error says how to install it."""
    assert callable(use)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(UsageError, match=r"signatures need the package cryptography; run: .*certificate"):
        use(tmp_path / "class.key")
