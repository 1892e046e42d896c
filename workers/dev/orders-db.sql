-- The example database `orders`: tables with a little data, and one role for each privilege that may be asked for.
-- Runs once, as a superuser, in the database `orders`, after activities/connectors/postgres/provisioner.sql.

-- The setting comes with the connection that runs this file, so that no password is written here.
DO $$
BEGIN
  EXECUTE format(
    'ALTER ROLE daypass_provisioner PASSWORD %L',
    nullif(current_setting('daypass.provisioner_password'), '')
  );
END
$$;

CREATE TABLE customer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  city text NOT NULL
);

CREATE TABLE product (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  title text NOT NULL,
  price_cents integer NOT NULL CHECK (price_cents >= 0)
);

CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customer,
  product_id bigint NOT NULL REFERENCES product,
  quantity integer NOT NULL CHECK (quantity > 0),
  status text NOT NULL DEFAULT 'placed' CHECK (status IN ('placed', 'paid', 'shipped', 'returned')),
  placed_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO customer (name, city) VALUES
  ('Harbour Books', 'Lisbon'), ('Nordlicht', 'Hamburg'), ('Atelier Sept', 'Lyon'), ('Casa Verde', 'Porto');

INSERT INTO product (title, price_cents) VALUES
  ('Notebook', 450), ('Fountain pen', 2900), ('Ink, blue', 790), ('Desk lamp', 5400), ('Paper, 500 sheets', 620);

INSERT INTO orders (customer_id, product_id, quantity, status, placed_at)
SELECT 1 + n % 4, 1 + n % 5, 1 + n % 7, (ARRAY['placed', 'paid', 'shipped', 'returned'])[1 + n % 4], now() - n * interval '3 hours'
FROM generate_series(1, 200) AS n;

-- Nobody comes in who was not let in, and nobody leaves anything behind.
REVOKE ALL ON DATABASE orders FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- Not in the database that comes with the server either, which everybody can connect to.
REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC;

CREATE ROLE orders_reader NOLOGIN;
GRANT CONNECT ON DATABASE orders TO orders_reader;
GRANT USAGE ON SCHEMA public TO orders_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO orders_reader;

CREATE ROLE orders_writer NOLOGIN;
GRANT CONNECT ON DATABASE orders TO orders_writer;
GRANT USAGE ON SCHEMA public TO orders_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO orders_writer;

-- Monitoring, maintenance and all data, but no CREATE. Table by table: pg_maintain and pg_read_all_data include the server's catalogs.
CREATE ROLE orders_admin NOLOGIN;
GRANT CONNECT ON DATABASE orders TO orders_admin;
GRANT USAGE ON SCHEMA public TO orders_admin;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, MAINTAIN ON ALL TABLES IN SCHEMA public TO orders_admin;
GRANT pg_monitor TO orders_admin;

-- The provisioner hands these out and cannot use them.
GRANT orders_reader, orders_writer, orders_admin TO daypass_provisioner WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
-- It looks after what accounts leave in this database.
GRANT CONNECT ON DATABASE orders TO daypass_provisioner;
