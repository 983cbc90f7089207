/** Schema versions, oldest first: number n brings `user_version` n - 1 to n. Published ones are never edited. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE epoch (value TEXT NOT NULL);
  INSERT INTO epoch VALUES (lower(hex(randomblob(8))));

  CREATE TABLE head_parts (
    name TEXT PRIMARY KEY, number INTEGER NOT NULL, document TEXT NOT NULL, written_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT, roles TEXT NOT NULL, tags TEXT NOT NULL, region TEXT,
    ephemeral INTEGER NOT NULL, uses INTEGER NOT NULL, left INTEGER NOT NULL CHECK (left >= 0),
    created_at INTEGER NOT NULL, created_by TEXT NOT NULL, expires_at INTEGER NOT NULL, revoked_at INTEGER
  ) STRICT;

  CREATE TABLE enrolments (
    peer_id TEXT PRIMARY KEY, shard INTEGER NOT NULL, serial TEXT NOT NULL, name TEXT NOT NULL,
    roles TEXT NOT NULL, tags TEXT NOT NULL, region TEXT, ephemeral INTEGER NOT NULL, token_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, credential TEXT, revoked_at INTEGER,
    counted INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX enrolments_counted ON enrolments (counted) WHERE counted = 1;
  CREATE TABLE names (name TEXT PRIMARY KEY, peer_id TEXT NOT NULL) STRICT;

  CREATE TABLE shards (shard INTEGER PRIMARY KEY, v INTEGER NOT NULL) STRICT;
  WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 15) INSERT INTO shards SELECT n, 0 FROM s;

  CREATE TABLE members (
    peer_id TEXT PRIMARY KEY, shard INTEGER NOT NULL, v INTEGER NOT NULL, incarnation INTEGER NOT NULL,
    serial TEXT NOT NULL, record TEXT, services TEXT NOT NULL, region TEXT, updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX members_by_number ON members (shard, v);
  CREATE TABLE services (
    service TEXT NOT NULL, shard INTEGER NOT NULL, peer_id TEXT NOT NULL, PRIMARY KEY (service, shard, peer_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE map_log (
    shard INTEGER NOT NULL, v INTEGER NOT NULL, peer_id TEXT NOT NULL, gone TEXT, at INTEGER NOT NULL,
    PRIMARY KEY (shard, v)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE leases (
    relay TEXT PRIMARY KEY, epoch TEXT NOT NULL, seq INTEGER NOT NULL, status TEXT NOT NULL,
    reported_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE homes (
    peer_id TEXT PRIMARY KEY, relay TEXT NOT NULL, epoch TEXT NOT NULL, home_seq INTEGER NOT NULL,
    up INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE nonces (nonce TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT
  ) STRICT;
  `,
  `
  CREATE TABLE health (
    at INTEGER NOT NULL, region TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (at, region)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE audit RENAME TO audit_before_chain;
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT,
    prev TEXT NOT NULL, hash TEXT NOT NULL
  ) STRICT;
  `,
  `ALTER TABLE homes ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;`,
  `CREATE TABLE time_mark (one INTEGER PRIMARY KEY CHECK (one = 1), at INTEGER NOT NULL) STRICT;`,
  `ALTER TABLE members ADD COLUMN paced_until INTEGER NOT NULL DEFAULT 0;`,
  `
  ALTER TABLE tokens ADD COLUMN note TEXT;
  ALTER TABLE tokens ADD COLUMN replaces INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE tokens ADD COLUMN replaced TEXT;
  CREATE INDEX enrolments_by_shard ON enrolments (shard, peer_id);
  `,
]
