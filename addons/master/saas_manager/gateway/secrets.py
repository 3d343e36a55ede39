"""X5: secrets in columns, encrypted with the installation's key."""

from tenantry.model.secret import Secret, random_password

from .engines import _engine


def seal(text):
    """X5: encrypt a secret for a column; the key is outside the database."""
    return _engine().seal(Secret(text))


def unseal(sealed):
    return _engine().unseal(sealed).reveal()


def new_password():
    """A new password for an administrator, encrypted."""
    return _engine().seal(random_password())
