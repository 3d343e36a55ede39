"""What the API's models refuse, by its cause, and the status and code it is answered with."""

from .errors import ApiError


class Refused(ApiError):
    """A model raises one of its kinds. sentence, details: as `ApiError` has them."""

    status, code = 422, "VALIDATION_ERROR"

    def __init__(self, sentence, **details):
        super().__init__(self.status, self.code, sentence, **details)


class WrongValue(Refused):
    """There is no such thing, or it is not to be had."""


class WrongForm(Refused):
    """It cannot be read as what it should be."""

    code = "INVALID_FORMAT"


class MissingValue(Refused):
    """It is needed and was not sent."""

    code = "MISSING_FIELDS"


class DeadLink(Refused):
    """A link of a mail that is wrong or too old."""

    status, code = 403, "FORBIDDEN"


class NoSuchInstance(Refused):
    status, code = 404, "INSTANCE_NOT_FOUND"


class NoSuchRequest(Refused):
    status, code = 404, "REQUEST_NOT_FOUND"


class TooMany(Refused):
    """More than the limit of this hour. details: `retry_after`, in seconds."""

    status, code = 429, "RATE_LIMITED"


class TooBusy(Refused):
    """Not done, for it could not be done at this moment."""

    status, code = 503, "INTERNAL_ERROR"
