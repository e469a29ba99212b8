"""Golden files: approved outputs below ``fixtures/golden``.

``MINICON_UPDATE_GOLDEN=1 pytest …`` rewrites them; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "fixtures" / "golden"


def assert_golden(name: str, text: str, replaced: dict[str, str] | None = None) -> None:
    """Compare a text with a golden file, after replacing what differs between runs."""
    for changing, fixed in (replaced or {}).items():
        text = text.replace(changing, fixed)
    path = FOLDER / name
    if os.environ.get("MINICON_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), f"{path} holds another text"
