"""Packs a bundle of evidence, and puts into it the program that checks it."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra import verify_evidence

_UNDATED: Final = (1980, 1, 1, 0, 0, 0)
"""The same bundle has the same bytes."""


def packed(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files and `verify.py`, which is `infra/verify_evidence.py` and needs nothing but Python."""
    verifier = Path(verify_evidence.__file__).read_bytes()
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as bundled:
        for name, content in {**files, "verify.py": verifier}.items():
            bundled.writestr(zipfile.ZipInfo(name, _UNDATED), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()
