from . import access_log, provider, signed
