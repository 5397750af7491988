"""`python -m resources.packaging`: the packages for the system that this runs on, under dist/."""

import argparse
import sys
from pathlib import Path

from resources.packaging.freeze import ROOT, freeze, size_of, source_time


def main() -> int:
    """Build everything and print the sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the packages go")
    parser.add_argument("--work", type=Path, default=ROOT / "build/package", help="what they need")
    options = parser.parse_args()
    dist, work = options.dist.resolve(), options.work.resolve()
    dist.mkdir(parents=True, exist_ok=True)
    frozen = freeze(dist, work)
    packages = []
    if sys.platform == "linux":
        from resources.packaging.linux.appimage import build_appimage
        from resources.packaging.linux.deb import build_deb

        arguments = (frozen, work / "icons", dist, work, source_time())
        packages = [build_deb(*arguments), build_appimage(*arguments)]
    model = size_of(frozen / "_internal/resources/models")
    print(f"{'the application, unpacked':40} {size_of(frozen) / 1e6:8.1f} MB")
    print(f"{'  of that the model':40} {model / 1e6:8.1f} MB")
    for package in packages:
        print(f"{package.name:40} {package.stat().st_size / 1e6:8.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
