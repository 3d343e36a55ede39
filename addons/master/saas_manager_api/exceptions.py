"""Errors of the API's models, one class per cause, with the status and the code of the answer."""

from .errors import ApiError


class Refused(ApiError):
    """The base of the errors below. sentence, details: as in `ApiError`."""

    status, code = 422, "VALIDATION_ERROR"

    def __init__(self, sentence, **details):
        super().__init__(self.status, self.code, sentence, **details)


class WrongValue(Refused):
    """The value does not exist, or is not available."""


class WrongForm(Refused):
    """The value does not have the right form."""

    code = "INVALID_FORMAT"


class MissingValue(Refused):
    """A required value is missing."""

    code = "MISSING_FIELDS"


class DeadLink(Refused):
    """The link of a mail is wrong or too old."""

    status, code = 403, "FORBIDDEN"


class NoSuchInstance(Refused):
    status, code = 404, "INSTANCE_NOT_FOUND"


class NoSuchRequest(Refused):
    status, code = 404, "REQUEST_NOT_FOUND"


class TooMany(Refused):
    """The limit of this hour is exceeded. details: `retry_after`, in seconds."""

    status, code = 429, "RATE_LIMITED"


class TooBusy(Refused):
    """The request could not be handled at this moment."""

    status, code = 503, "INTERNAL_ERROR"
