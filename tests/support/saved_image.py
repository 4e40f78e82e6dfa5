"""A small image that carries a commit, where no engine can make one.

python saved_image.py FILE COMMIT
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path


def save_image(path: Path, commit: str, content: bytes = b"hello\n") -> None:
    """Write it in the form of `docker save`."""
    layer = _tar({"greeting": content})
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["APP_ENV=live", f"GIT_COMMIT={commit}"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"],
            },
        }
    ).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [f"my-service:{commit}"], "Layers": ["layer.tar"]}]
    files = {name: config, "layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(_tar(files))


def _tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


if __name__ == "__main__":
    save_image(Path(sys.argv[1]), sys.argv[2])
