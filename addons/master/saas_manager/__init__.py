from . import controllers, job_runner, models, wizards
