-- What a database administrator runs once per PostgreSQL server, before Daypass manages it (PostgreSQL 16 or newer).
-- One statement per line: CREATE DATABASE must run by itself. The password is set apart, so that it is in no file.

-- Makes and drops one login role per grant. Not a superuser; owns nothing but its own database.
CREATE ROLE daypass_provisioner LOGIN CREATEROLE CONNECTION LIMIT 50;
-- Ends the sessions of removed accounts.
GRANT pg_signal_backend TO daypass_provisioner WITH INHERIT TRUE;
-- Where it keeps its tombstones and takes its locks. No account can connect: there it could hold a lock that a removal waits for.
CREATE DATABASE daypass OWNER daypass_provisioner;
REVOKE ALL ON DATABASE daypass FROM PUBLIC;
