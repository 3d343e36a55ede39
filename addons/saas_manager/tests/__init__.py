from . import test_views, test_wizards
