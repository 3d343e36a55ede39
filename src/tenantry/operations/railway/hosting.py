"""What the operations on a Railway server work with: its settings, its workspace there, and its recipes."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tenantry.errors import Busy, InstanceNotFound
from tenantry.model.address import Address
from tenantry.model.instance import Instance
from tenantry.model.recipe import Recipe
from tenantry.railway.account import Account
from tenantry.railway.projects import Project
from tenantry.settings import ServerSettings


@dataclass(frozen=True)
class Hosting:
    """owner: the mark of this server in the labels of its projects.

    recipe: finds one by its code; raises RecipeNotFound.
    """

    settings: ServerSettings
    account: Account
    owner: str
    recipe: Callable[[str], Recipe]

    @property
    def image(self) -> str:
        return self.settings.image or f"odoo:{self.settings.odoo_series}"

    def address(self, domain: str) -> Address:
        """Railway's domains have HTTPS; those of a stand-in for tests are as its API is."""
        host, _, port = domain.partition(":")
        return Address(self.settings.railway_url.partition(":")[0], host, int(port or 0))

    def ours(self) -> list[Project]:
        return [project for project in self.account.projects() if project.is_of(self.owner)]

    def find(self, name: str) -> Project:
        """Our project of that name. Raises InstanceNotFound."""
        for project in self.account.named(name):
            if project.is_of(self.owner):
                return project
        raise InstanceNotFound(name)

    def describe(self, project: Project) -> Instance:
        assert project.label
        label = project.label
        domain = next(iter(label.hostnames), "")
        return Instance(
            name=project.name,
            state=label.state,
            url=self.address(domain).url if domain else "",
            template=label.template,
            template_version="",
            hostnames=(),
            reference=label.reference,
            project=project.id,
        )

    @contextmanager
    def exclusive(self, name: str) -> Iterator[None]:
        """Hold the lock of one instance, between this installation's processes. Raises Busy."""
        file = self.settings.run_dir / f"{name}.lock"
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with file.open("a") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Busy(f"instance {name}") from error
            yield
