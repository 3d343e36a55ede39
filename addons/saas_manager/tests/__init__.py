from . import test_mail_credentials
from . import test_mail_texts
from . import test_mails
