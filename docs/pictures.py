"""Make the pictures of the documentation small: `python docs/pictures.py FOLDER`, which `make pictures` runs.

FOLDER has the screenshots of `tests/browser/test_pictures.py`. The results are `docs/images/*.png`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).with_name("images")
MOST_BYTES = 150_000
_NAMES = {
    "docs-dashboard-desktop": "dashboard",
    "docs-instances-desktop": "instances",
    "docs-signup-desktop": "signup",
    "docs-signup-phone": "signup-phone",
    "docs-terminal-desktop": "terminal",
}
_WIDEST = 1200


def main(folder: Path) -> int:
    IMAGES.mkdir(exist_ok=True)
    for taken, name in _NAMES.items():
        size_bytes = shrink(folder / f"{taken}.png", IMAGES / f"{name}.png")
        print(f"{name}.png: {size_bytes // 1000} kB")
    return 0


def shrink(source: Path, target: Path) -> int:
    """Write the picture with as many colours as fit into MOST_BYTES; return its size."""
    with Image.open(source) as opened:
        picture = opened.convert("RGB")
    if picture.width > _WIDEST:
        height = round(picture.height * _WIDEST / picture.width)
        picture = picture.resize((_WIDEST, height), Image.Resampling.LANCZOS)
    for colors in (256, 128, 64, 32, 16):
        picture.quantize(colors, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size <= MOST_BYTES:
            break
    return target.stat().st_size


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
