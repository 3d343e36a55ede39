"""Says in words why a mail server did not take a mail."""

import smtplib
import socket
import ssl

from odoo import api


def reason_of(env: api.Environment, error: BaseException) -> str:
    """One or two sentences: what happened, and what to look at, with the server's own words.

    Odoo wraps what smtplib raises; the original error is found among the causes.
    """
    original = next((it for it in _causes(error) if isinstance(it, _KNOWN)), None)
    sentence = _sentence(env, original) if original else ""
    if sentence:
        return sentence
    return ": ".join(str(part).strip() for part in error.args if part) or type(error).__name__


def _causes(error):
    while error:
        yield error
        wrapped = next((it for it in error.args if isinstance(it, Exception)), None)
        error = error.__cause__ or wrapped or error.__context__


_KNOWN = (smtplib.SMTPException, socket.gaierror, ssl.SSLError, TimeoutError, ConnectionError, OSError)


def _sentence(env, error):  # noqa: PLR0911 - one line per kind of error
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return env._("The mail server refused the user or the password: %s", _words(error))
    if isinstance(error, smtplib.SMTPSenderRefused):
        return env._(
            "The mail server refused the sender %(sender)s: %(words)s",
            sender=error.sender,
            words=_words(error),
        )
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        address, (_code, words) = next(iter(error.recipients.items()))
        return env._(
            "The mail server refused the address %(address)s: %(words)s", address=address, words=_text(words)
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return env._("The mail server does not offer what is set, encryption or a login: %s", error)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return env._(
            "The mail server closed the connection. Another encryption or port may be needed: %s", error
        )
    if isinstance(error, smtplib.SMTPResponseException):
        return env._("The mail server answered: %s", _words(error))
    if isinstance(error, socket.gaierror):
        return env._("The mail server's name is not known: check its spelling.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return env._("The mail server's certificate is not valid for its name: %s", error.verify_message)
    if isinstance(error, ssl.SSLError):
        return env._(
            "Encryption failed. Another encryption or port may be needed: %s",
            getattr(error, "reason", None) or error,
        )
    if isinstance(error, TimeoutError):
        return env._("The mail server did not answer in time. A firewall may block the port.")
    if isinstance(error, ConnectionRefusedError):
        return env._("The connection was refused: no mail server listens at that host and port.")
    return ""


def _words(error):
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(words):
    return " ".join((words.decode(errors="replace") if isinstance(words, bytes) else str(words)).split())
