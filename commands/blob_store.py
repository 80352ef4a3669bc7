"""The port of the bytes of photos and files: named by the hash of what they are, so that no name can lie."""

from typing import Protocol


class BlobStore(Protocol):
    """Bytes by their SHA-256. Implemented by `infra.blobs.DiskBlobStore` and `infra.blobs.MemoryBlobStore`."""

    def put(self, content: bytes) -> str:
        """Keep these bytes and return their SHA-256 in lower-case hexadecimal; keeping them again changes nothing.

        When it returns, the bytes outlive a crash.
        """
        ...

    def get(self, sha256: str) -> bytes | None:
        """The bytes of this hash, or None where nobody kept them; raises BlobDamaged where they are not what they were.

        ValueError for a text that is not a hash.
        """
        ...

    def has(self, sha256: str) -> bool:
        """Whether bytes of this hash are kept; ValueError for a text that is not a hash."""
        ...


class BlobDamaged(RuntimeError):
    """What is kept under a hash does not have that hash."""
