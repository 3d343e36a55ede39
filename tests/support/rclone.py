"""An S3 server that is not quite one: `rclone serve s3` over a folder, whose objects are the files in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.seaweed import S3, answers, free_port
from tests.support.waiting import wait_until


@contextmanager
def running(folder: Path, bucket: str) -> Iterator[S3]:
    """Run one that keeps everything in a folder, and has that bucket."""
    (folder / bucket).mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = S3(f"http://127.0.0.1:{port}")
    command = [Path(sys.executable).with_name("rclone"), "serve", "s3", folder, f"--addr=127.0.0.1:{port}"]
    command += [f"--auth-key={server.access_key},{server.secret_key}", "--config=", "--force-path-style"]
    with (folder.parent / "rclone.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(port), "the S3 server does not answer")
        yield server
    finally:
        process.kill()
        process.wait()
