/**
 * Schema versions, oldest first: number n brings version n - 1 to n. Published ones are never edited. Everything lives
 * in a schema of its own, so the database may be shared. Keys compare byte by byte whatever the locale says.
 */
export const schemaName = 'agent_mesh'

export const migrations: readonly string[] = [
  `
  CREATE TABLE epoch (value text NOT NULL);
  INSERT INTO epoch VALUES (replace(left(gen_random_uuid()::text, 18), '-', ''));

  CREATE TABLE head_parts (
    name text COLLATE "C" PRIMARY KEY, number bigint NOT NULL, document text NOT NULL, written_at bigint NOT NULL
  );

  CREATE TABLE tokens (
    id text COLLATE "C" PRIMARY KEY, hash text NOT NULL, name text, roles text NOT NULL, tags text NOT NULL,
    region text, ephemeral boolean NOT NULL, uses bigint NOT NULL, left_uses bigint NOT NULL CHECK (left_uses >= 0),
    created_at bigint NOT NULL, created_by text NOT NULL, expires_at bigint NOT NULL, revoked_at bigint
  );

  CREATE TABLE enrolments (
    peer_id text COLLATE "C" PRIMARY KEY, shard smallint NOT NULL, serial text NOT NULL, name text NOT NULL,
    roles text NOT NULL, tags text NOT NULL, region text, ephemeral boolean NOT NULL, token_hash text NOT NULL,
    created_at bigint NOT NULL, expires_at bigint NOT NULL, credential text, revoked_at bigint,
    counted boolean NOT NULL
  );
  CREATE INDEX enrolments_counted ON enrolments (peer_id) WHERE counted;
  CREATE INDEX enrolments_by_expiry ON enrolments (expires_at) WHERE revoked_at IS NULL;
  CREATE TABLE names (name text COLLATE "C" PRIMARY KEY, peer_id text COLLATE "C" NOT NULL);
  CREATE INDEX names_by_holder ON names (peer_id);

  CREATE TABLE shards (shard smallint PRIMARY KEY, v bigint NOT NULL);
  INSERT INTO shards SELECT n, 0 FROM generate_series(0, 15) AS n;

  CREATE TABLE members (
    peer_id text COLLATE "C" PRIMARY KEY, shard smallint NOT NULL, v bigint NOT NULL, incarnation bigint NOT NULL,
    serial text NOT NULL, record text, services text NOT NULL, region text, updated_at bigint NOT NULL
  );
  CREATE UNIQUE INDEX members_by_number ON members (shard, v);
  CREATE TABLE services (
    service text COLLATE "C" NOT NULL, shard smallint NOT NULL, peer_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (service, shard, peer_id)
  );
  CREATE TABLE map_log (
    shard smallint NOT NULL, v bigint NOT NULL, peer_id text NOT NULL, gone text, at bigint NOT NULL,
    PRIMARY KEY (shard, v)
  );
  CREATE INDEX map_log_by_time ON map_log (at);

  CREATE TABLE leases (
    relay text COLLATE "C" PRIMARY KEY, epoch text NOT NULL, seq bigint NOT NULL, status text NOT NULL,
    reported_at bigint NOT NULL, expires_at bigint NOT NULL
  );
  CREATE TABLE homes (
    peer_id text COLLATE "C" PRIMARY KEY, relay text COLLATE "C" NOT NULL, epoch text NOT NULL,
    home_seq bigint NOT NULL, up boolean NOT NULL
  );

  CREATE TABLE nonces (nonce text COLLATE "C" PRIMARY KEY, expires_at bigint NOT NULL);
  CREATE INDEX nonces_by_expiry ON nonces (expires_at);
  CREATE TABLE audit (
    id bigint PRIMARY KEY, at bigint NOT NULL, who text NOT NULL, what text NOT NULL, detail text
  );

  CREATE TABLE health (
    at bigint NOT NULL, region text COLLATE "C" NOT NULL, document text NOT NULL, PRIMARY KEY (at, region)
  );
  `,
  `
  ALTER TABLE audit RENAME TO audit_before_chain;
  ALTER INDEX audit_pkey RENAME TO audit_before_chain_pkey;
  CREATE TABLE audit (
    seq bigint PRIMARY KEY, at bigint NOT NULL, who text NOT NULL, what text NOT NULL, detail text,
    prev text NOT NULL, hash text NOT NULL
  );
  `,
  'ALTER TABLE homes ADD COLUMN changed_at bigint NOT NULL DEFAULT 0',
  'CREATE TABLE time_mark (one smallint PRIMARY KEY CHECK (one = 1), at bigint NOT NULL)',
  'ALTER TABLE members ADD COLUMN paced_until bigint NOT NULL DEFAULT 0',
  `
  ALTER TABLE tokens ADD COLUMN note text;
  ALTER TABLE tokens ADD COLUMN replaces boolean NOT NULL DEFAULT false;
  ALTER TABLE tokens ADD COLUMN replaced text;
  CREATE INDEX enrolments_by_shard ON enrolments (shard, peer_id);
  `,
]
