"""The first program of Odoo's container on Railway: it prepares the database once, then becomes Odoo.

It travels in a variable and runs with the image's own Python, so it imports nothing of Tenantry. Its wishes
are JSON in another variable, encoded, because Railway would fill in references in a customer's text.
"""

import base64
import json
import os
import pwd
import shutil
import subprocess
import sys
import time

import psycopg2

WISHES, PROGRAM = "TENANTRY_WISHES", "TENANTRY_START"
PREPARED = "tenantry.prepared"
POSTGRES_WITHIN_S = 300

SCRIPT = """
import json, os
wishes = json.loads(os.environ["TENANTRY_WISHES"])
company, admin = env.ref("base.main_company"), env.ref("base.user_admin")
values = {"name": wishes["company"], "email": wishes["login"]}
country = env["res.country"].search([("code", "=", wishes["country"])]) if wishes["country"] else None
if country:
    country.currency_id.active = True
    values.update(country_id=country.id, currency_id=country.currency_id.id)
company.write(values)
person = {"name": wishes["name"], "login": wishes["login"], "email": wishes["login"]}
if wishes["timezone"]:
    person["tz"] = wishes["timezone"]
if wishes["language"]:
    person["lang"] = company.partner_id.lang = wishes["language"]
admin.write({**person, "password": wishes["password"]})
parameters = env["ir.config_parameter"]
parameters.set_param("web.base.url", wishes["url"])
parameters.set_param("tenantry.prepared", "1")
env.cr.commit()
"""


def main():
    wishes = json.loads(base64.b64decode(os.environ.pop(WISHES)))
    os.environ.pop(PROGRAM, None)
    data = wishes["data_dir"]
    drop_root(wishes["user"], data)
    wait_for_postgres(wishes["database"])
    odoo = shutil.which("odoo")
    database = ["--database", wishes["database"], "--data-dir", data]
    if not is_prepared(wishes["database"]):
        prepare(odoo, database, wishes)
    os.execv(odoo, [odoo, *database, *serving(wishes)])


def drop_root(name, data):
    """Become the image's user: Railway mounts the volume as root's, so the container starts as root."""
    if os.geteuid() != 0:
        return
    user = pwd.getpwnam(name)
    os.chown(data, user.pw_uid, user.pw_gid)
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.environ["HOME"] = data


def wait_for_postgres(database):
    """Its service is deployed at the same time, and may need longer."""
    deadline, told = time.monotonic() + POSTGRES_WITHIN_S, ""
    while True:
        try:
            psycopg2.connect(dbname=database, connect_timeout=10).close()
            return
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                raise
            if str(error) != told:
                told = str(error)
                print("Waiting for PostgreSQL:", told.strip(), flush=True)
            time.sleep(1)


def is_prepared(database):
    """Whether an earlier start got to the end."""
    connection = psycopg2.connect(dbname=database)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('ir_config_parameter') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return False
            cursor.execute("SELECT 1 FROM ir_config_parameter WHERE key = %s", [PREPARED])
            return cursor.fetchone() is not None
    finally:
        connection.close()


def prepare(odoo, database, wishes):
    """Install the modules and make the customer the administrator."""
    print("Preparing the database", wishes["database"], flush=True)
    install = ["--init", ",".join(wishes["modules"]), "--load-language", ",".join(wishes["languages"])]
    subprocess.run(
        [odoo, *database, *install, *wishes["options"], "--stop-after-init", "--no-http"], check=True
    )
    subprocess.run(
        [odoo, "shell", *database, "--no-http"],
        input=SCRIPT,
        text=True,
        env={**os.environ, WISHES: json.dumps(wishes)},
        check=True,
    )
    if not is_prepared(wishes["database"]):
        sys.exit("The administrator could not be made; see above.")


def serving(wishes):
    """X4: one database, without a database manager."""
    only = "^" + wishes["database"] + "$"
    return ["--db-filter", only, "--no-database-list", "--proxy-mode", "--http-port", str(wishes["port"])]


if __name__ == "__main__":
    main()
