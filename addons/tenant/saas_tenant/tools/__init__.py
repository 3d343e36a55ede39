from . import access_log, provider, retries, signed
