"""A real Docker engine of the tests' own: its containers, networks, rules and files are gone afterwards.

It works in the machine's network, as an operator's does, where the rules of two engines would overwrite each
other. So only one runs at a time, and none beside an engine of the machine's own.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.waiting import eventually, wait_until

_PROGRAMS = {
    "dockerd": "docker.io",
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
}
_PACKAGED = "/usr/sbin:/sbin:/usr/bin:/bin"
"""A program that somebody installed beside Debian's may have another version."""

_LOCK = Path("/run/lock/tenantry-test-docker")
_POOLS = [ipaddress.ip_network(f"10.{number}.0.0/16") for number in range(213, 254)]
_ENGINE = ("dockerd", "containerd", "containerd-shim", "runc")  # as the kernel shortens them
_LINKS = re.compile(r"docker0|br-[0-9a-f]{12}|veth[0-9a-f]{7}")
_CONTAINERD = """\
version = 2
root = "{folder}/data/containerd"
state = "{folder}/c"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{folder}/c.sock"
"""


class Unavailable(Exception):
    """Why there can be no engine, for people."""


class Refused(Exception):
    """The engine's answer to a request, with its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(frozen=True)
class Ended:
    """What became of a container's process."""

    exit_code: int
    output: str
    oom_killed: bool


class DockerEngine:
    """A running engine. `url` is what a client of Docker takes as `DOCKER_HOST`."""

    def __init__(self, folder: Path, pool: ipaddress.IPv4Network) -> None:
        self.folder, self.pool = folder, pool
        self.socket, self.log = folder / "s", folder / "log"
        self.url = f"unix://{self.socket}"
        self.wrapper: tuple[str, ...] = ()
        """Before each program of it, such as `ip netns exec`."""
        self._daemon: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.socket)), base_url="http://docker", timeout=120
        )

    def ask(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """One request of Docker's API, and its decoded answer. Raises Refused."""
        answer = self._http.request(method, path, json=body, params=query)
        if answer.is_error:
            raise Refused(answer.status_code, answer.json().get("message", answer.text))
        kind = answer.headers.get("Content-Type", "")
        return answer.json() if answer.content and kind == "application/json" else answer.text

    def events(self, since: float, **filters: str) -> list[Any]:
        """What happened from a time on until now. filters: of the API, such as the kind of an event."""
        chosen = json.dumps({name: [value] for name, value in filters.items()})
        query = {"since": f"{since:.9f}", "until": f"{time.time():.9f}", "filters": chosen}
        return [json.loads(line) for line in self._http.get("/events", params=query).text.splitlines()]

    @property
    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as tried:
            if tried.connect_ex(str(self.socket)):
                return False  # asked all the same, httpx would leave its socket open
        return bool(self._http.get("/_ping").status_code == 200)

    def boot(self, *options: str) -> None:
        """Start it, and wait until it answers. Raises AssertionError."""
        self._daemon = daemon = _start(self.log, [*self.wrapper, *_command(self), *options])
        if not eventually(lambda: self.answers or daemon.poll() is not None) or not self.answers:
            raise AssertionError(f"the engine did not start:\n{self.log.read_text()[-4000:]}")

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it; only SIGTERM ends its containers, too."""
        if self._daemon:
            self._daemon.send_signal(number)
            self._daemon.wait(30)

    def load(self, archive: Path) -> None:
        """Load an archive as `docker save` writes it. Raises Refused."""
        with archive.open("rb") as stream:
            self._load(stream)

    def load_folder(self, folder: Path) -> None:
        """Load what an archive would contain, without writing one. Raises Refused."""
        command = ["tar", "-c", "-C", folder, "."]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as packing:
            assert packing.stdout
            self._load(iter(lambda: packing.stdout.read(2**20), b""))

    def _load(self, content: Iterable[bytes]) -> None:
        answer = self._http.post(
            "/images/load", content=content, headers={"Content-Type": "application/x-tar"}, timeout=600
        )
        failed = [line for line in answer.text.splitlines() if "error" in json.loads(line)]
        if answer.is_error or failed:
            raise Refused(answer.status_code, answer.text)

    def create(
        self, image: str, *command: str, config: Mapping[str, object] | None = None, **host: object
    ) -> str:
        """Make a container and return its id. host: fields of the API's `HostConfig`. Raises Refused."""
        body = {"Image": image, "HostConfig": host, **(config or {})}
        if command:
            body["Cmd"] = list(command)
        return str(self.ask("POST", "/containers/create", body)["Id"])

    def start(self, image: str, *command: str, **options: Any) -> str:
        """The same, and start it."""
        container = self.create(image, *command, **options)
        self.ask("POST", f"/containers/{container}/start")
        return container

    def run(self, image: str, *command: str, **options: Any) -> Ended:
        """Run a container to its end and remove it. Raises Refused."""
        container = self.start(image, *command, **options)
        try:
            return self.wait(container)
        finally:
            self.remove(container)

    def wait(self, container: str) -> Ended:
        self.ask("POST", f"/containers/{container}/wait")
        state = self.inspect(container)["State"]
        return Ended(state["ExitCode"], self.output(container), state["OOMKilled"])

    def inspect(self, container: str) -> Any:
        return self.ask("GET", f"/containers/{container}/json")

    def output(self, container: str) -> str:
        """What it has written until now to both of its streams."""
        raw = self._http.get(f"/containers/{container}/logs", params={"stdout": "1", "stderr": "1"}).content
        return b"".join(_frames(raw)).decode(errors="replace")

    def execute(self, container: str, *command: str) -> Ended:
        """Run a program in a running container."""
        body = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
        one = self.ask("POST", f"/containers/{container}/exec", body)["Id"]
        raw = self._http.post(f"/exec/{one}/start", json={}).content
        exit_code = self.ask("GET", f"/exec/{one}/json")["ExitCode"]
        return Ended(exit_code, b"".join(_frames(raw)).decode(errors="replace"), oom_killed=False)

    def address(self, container: str) -> str:
        """Its address in its only network."""
        (network,) = self.inspect(container)["NetworkSettings"]["Networks"].values()
        return str(network["IPAddress"])

    def remove(self, container: str) -> None:
        self.ask("DELETE", f"/containers/{container}", force="1", v="1")

    @contextmanager
    def network(self, name: str, **options: object) -> Iterator[str]:
        """A network for a block, in whose end its containers must be gone. options: of the API."""
        one = self.ask("POST", "/networks/create", {"Name": name, "CheckDuplicate": True, **options})["Id"]
        try:
            yield name
        finally:
            self.ask("DELETE", f"/networks/{one}")

    def clear(self) -> None:
        """Remove all containers, networks and volumes; images stay."""
        for container in self.ask("GET", "/containers/json", all="1"):
            self.remove(container["Id"])
        self.ask("POST", "/networks/prune")
        for volume in self.ask("GET", "/volumes")["Volumes"] or []:
            self.ask("DELETE", f"/volumes/{volume['Name']}", force="1")

    def close(self) -> None:
        self._http.close()


def missing() -> str:
    """What an engine lacks here, for people; "" if it can be started."""
    if os.geteuid() != 0:
        return "only root can start a Docker engine"
    packages = [package for program, package in _PROGRAMS.items() if not _program(program)]
    return f"a Docker engine needs: apt install {' '.join(packages)}" if packages else ""


@contextmanager
def running(lock_file: Path = _LOCK) -> Iterator[DockerEngine]:
    """An engine for a block; waits for that of another run of the tests.

    lock_file: another one for a network of one's own.
    Raises Unavailable; AssertionError if it does not start, or if something of it is left in the end.
    """
    if lacks := missing():
        raise Unavailable(lacks)
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _remove_killed(lock)
        _require_no_other()
        folder = Path(tempfile.mkdtemp(prefix="td-", dir="/tmp"))
        folder.chmod(0o711)  # what is mounted into a container is reached by other users
        _write(lock, str(folder))
        before = _Machine.now()
        try:
            yield from _running(folder)
        finally:
            _clean(folder, before)
            _write(lock, "")


def _running(folder: Path) -> Iterator[DockerEngine]:
    engine = DockerEngine(folder, _free_pool())
    (folder / "containerd.toml").write_text(_CONTAINERD.format(folder=folder))
    (folder / "daemon.json").write_text("{}")
    started = [_start(engine.log, ["containerd", "--config", folder / "containerd.toml"])]
    try:
        wait_until((folder / "c.sock").exists, "containerd did not start")
        engine.boot()
        yield engine
        if engine.answers:
            engine.clear()
    finally:
        engine.close()
        with suppress(subprocess.TimeoutExpired):
            engine.end()
        for process in started:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)


def _command(engine: DockerEngine) -> list[object]:
    folder, (first, *_others) = engine.folder, engine.pool.subnets(new_prefix=24)
    return [
        *("dockerd", f"--host={engine.url}", f"--config-file={folder / 'daemon.json'}"),
        *(f"--data-root={folder / 'data' / 'docker'}", f"--exec-root={folder / 'x'}"),
        *(f"--pidfile={folder / 'pid'}", f"--containerd={folder / 'c.sock'}"),
        *(f"--bip={first[1]}/{first.prefixlen}", f"--default-address-pool=base={engine.pool},size=24"),
        *("--ip=127.0.0.1", "--iptables=true", "--ip6tables=false", "--ipv6=false"),
        *("--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent=/{folder.name}"),
        # A machine may refuse the default, which is below zero.
        *("--oom-score-adjust=0", "--shutdown-timeout=5"),
    ]


def _start(log: Path, command: Sequence[object]) -> subprocess.Popen[bytes]:
    program = _program(str(command[0]))
    assert program
    with log.open("ab") as stream:
        return subprocess.Popen(
            [program, *map(str, command[1:])],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={"PATH": _PACKAGED, "HOME": "/nonexistent"},
            start_new_session=True,
        )


@dataclass(frozen=True)
class _Machine:
    """What an engine changes on the machine."""

    rules: frozenset[tuple[str, str]]
    links: frozenset[str]
    forwards: str

    @classmethod
    def now(cls) -> _Machine:
        rules = frozenset((table, rule) for table in ("filter", "nat") for rule in _rules(table))
        links = frozenset(name for _number, name in socket.if_nameindex())
        return cls(rules, links, Path("/proc/sys/net/ipv4/ip_forward").read_text())

    def new_links(self, before: _Machine) -> list[str]:
        """Bridges of Docker that were not there, and what is connected to them."""
        return sorted(name for name in self.links - before.links if _LINKS.fullmatch(name))


def _rules(table: str) -> list[str]:
    return _output("iptables", "-w", "-t", table, "-S").splitlines()


def _clean(folder: Path, before: _Machine) -> None:
    """End and remove all that an engine with that folder made. Raises AssertionError if something resists."""
    _end(folder)
    for place in sorted(_mounts(folder), reverse=True):
        subprocess.run(["umount", "-l", place], check=False)
    links = _Machine.now().new_links(before)
    _restore(before, links)
    for link in links:
        subprocess.run([str(_program("ip")), "link", "delete", link], check=False)
    _remove_cgroups(folder.name)
    now = _Machine.now()
    left = [*map(str, _processes(folder)), *_mounts(folder), *now.new_links(before), *_cgroups(folder.name)]
    left += sorted(rule for _table, rule in now.rules - before.rules if _is_ours(rule, links))
    shutil.rmtree(folder, ignore_errors=True)
    left += [str(folder)] * folder.exists()
    assert not left, f"left by the Docker engine: {left}"


def _end(folder: Path) -> None:
    """First the engine, which ends its containers; then, with patience, whatever else works for it."""
    for program in ("dockerd", "containerd", ""):
        processes = [it for it in _processes(folder) if program in ("", it.name())]
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM if program else signal.SIGKILL)
        _gone, alive = psutil.wait_procs(processes, timeout=20)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=10)


def _processes(folder: Path) -> list[psutil.Process]:
    """Those of the engine name the folder; those of its containers stand in its cgroup."""
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            named = process.name().startswith(_ENGINE) and str(folder) in " ".join(process.cmdline())
            if named or f"/{folder.name}/" in Path(f"/proc/{process.pid}/cgroup").read_text():
                found.add(process)
    return sorted(found, key=lambda process: process.pid)


def _mounts(folder: Path) -> list[str]:
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [place for place in places if place.startswith(f"{folder}/")]


def _restore(before: _Machine, links: Sequence[str]) -> None:
    """Delete the rules and chains that were not there, and no other."""
    for table in ("filter", "nat"):
        added = [rule for rule in _rules(table) if (table, rule) not in before.rules]
        ours = [rule for rule in added if _is_ours(rule, links)]
        for rule in ours:
            if rule.startswith("-A "):
                _iptables(table, "-D", *rule.split()[1:])
        for rule in ours:
            if rule.startswith("-N "):
                _iptables(table, "-X", *rule.split()[1:])
    for table, rule in before.rules:
        if rule.startswith("-P "):
            _iptables(table, *rule.split())
    Path("/proc/sys/net/ipv4/ip_forward").write_text(before.forwards)


def _is_ours(rule: str, links: Sequence[str]) -> bool:
    return any(name in rule for name in ("DOCKER", *links))


def _iptables(table: str, *words: str) -> None:
    subprocess.run([str(_program("iptables")), "-w", "-t", table, *words], check=False)


def _cgroups(name: str) -> list[str]:
    places = [Path("/sys/fs/cgroup") / name, *Path("/sys/fs/cgroup").glob(f"*/{name}")]
    return [str(place) for place in places if place.is_dir()]


def _remove_cgroups(name: str) -> None:
    def try_it() -> bool:
        for place in map(Path, _cgroups(name)):
            for folder, _folders, _files in os.walk(place, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()
        return not _cgroups(name)

    eventually(try_it, within_s=10)  # the kernel needs a moment after the last process


def _remove_killed(lock: Any) -> None:
    """End the engine of a run that was killed before it could do so."""
    lock.seek(0)
    folder = Path(lock.read().strip() or "/nonexistent")
    if folder.name.startswith("td-") and folder.exists():
        _clean(folder, _without_docker(_Machine.now()))


def _without_docker(machine: _Machine) -> _Machine:
    """Rules as before a killed engine: its own, which name its chains or bridges, were not there."""
    links = frozenset(name for name in machine.links if not _LINKS.fullmatch(name))
    ours = machine.links - links
    rules = {(table, rule) for table, rule in machine.rules if not _is_ours(rule, sorted(ours))}
    # Docker refuses to forward for others; nobody else's wish is known any more.
    policy = {
        (t, r.replace("FORWARD DROP", "FORWARD ACCEPT") if r.startswith("-P ") else r) for t, r in rules
    }
    return _Machine(frozenset(policy), links, machine.forwards)


def _require_no_other() -> None:
    """Starting one flushes the rules of any other in the same network."""
    machine = _Machine.now()
    if "docker0" in machine.links or any("DOCKER" in rule for _table, rule in machine.rules):
        raise Unavailable(
            "another Docker engine works on this machine; two would overwrite each other's rules"
        )


def _free_pool() -> ipaddress.IPv4Network:
    """A range of addresses to which nothing of this machine has a way."""
    lines = Path("/proc/net/route").read_text().splitlines()[1:]
    taken = [_route(line.split()) for line in lines]
    free = [pool for pool in _POOLS if not any(pool.overlaps(it) for it in taken if it.prefixlen)]
    if not free:
        raise Unavailable("this machine has a route to each range of addresses that its networks could have")
    return free[0]


def _route(words: Sequence[str]) -> ipaddress.IPv4Network:
    """The kernel writes numbers in the machine's own order of bytes."""
    address, mask = (int.from_bytes(bytes.fromhex(words[n]), "little") for n in (1, 7))
    return ipaddress.ip_network((address, bin(mask).count("1")))


def _frames(raw: bytes) -> Iterator[bytes]:
    """Docker puts eight bytes before each piece of a stream: which of the two it is, and its size."""
    while len(raw) >= 8:
        size = int.from_bytes(raw[4:8], "big")
        yield raw[8 : 8 + size]
        raw = raw[8 + size :]


def _program(name: str) -> str | None:
    return shutil.which(name, path=_PACKAGED)


def _output(name: str, *words: str) -> str:
    done = subprocess.run([str(_program(name)), *words], check=True, capture_output=True, text=True)
    return done.stdout


def _write(lock: Any, text: str) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(text)
    lock.flush()
