"""A real S3 server, seaweedfs from PyPI, with a user; a bucket is made when it is written to."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.waiting import eventually

_TRIES = 3
_GRPC = 10_000
"""Each of its servers has a second port, so much above the first."""


@dataclass(frozen=True)
class S3:
    endpoint: str
    access_key: str = "tenantry-test"
    secret_key: str = "only-for-tests"

    @property
    def options(self) -> dict[str, str]:
        """The options for obstore."""
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
        }


@contextmanager
def running(folder: Path) -> Iterator[S3]:
    """Run one that keeps everything in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    server, process = _start(folder)
    try:
        yield server
    finally:
        process.kill()
        process.wait()


def _start(folder: Path) -> tuple[S3, subprocess.Popen[bytes]]:
    """Start it; again with other ports, if somebody took one of them meanwhile and it ended."""
    for _ in range(_TRIES):
        master, volume, filer, s3 = (free_port() for _ in range(4))
        server = S3(f"http://127.0.0.1:{s3}")
        (folder / "s3.json").write_text(json.dumps(_users(server)))
        command = [Path(sys.executable).with_name("weed"), "-logtostderr", "server", "-s3", "-ip=127.0.0.1"]
        command += [f"-dir={folder}", f"-master.port={master}", f"-volume.port={volume}"]
        command += [f"-filer.port={filer}", f"-s3.port={s3}", f"-s3.config={folder / 's3.json'}"]
        command += ["-master.volumeSizeLimitMB=256"]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
        is_up = partial(_has_ended_or_answers, process, s3)
        if eventually(is_up) and process.poll() is None:
            return server, process
        process.kill()
        process.wait()
    raise AssertionError("the S3 server does not answer")


def _has_ended_or_answers(process: subprocess.Popen[bytes], port: int) -> bool:
    return process.poll() is not None or answers(port)


def _users(server: S3) -> dict[str, object]:
    credentials = [{"accessKey": server.access_key, "secretKey": server.secret_key}]
    actions = ["Admin", "Read", "Write", "List"]
    return {"identities": [{"name": "test", "credentials": credentials, "actions": actions}]}


def free_port() -> int:
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            if port + _GRPC > 65535:
                continue
            try:
                second.bind(("127.0.0.1", port + _GRPC))
            except OSError:
                continue
            return port


def answers(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
