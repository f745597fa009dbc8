/** One step of the schema. Steps are only ever added, and each only adds. */
export interface SchemaStep {
  /** Statements, with the schema's name in double quotes already. */
  readonly sql: (schema: string) => string
  /**
   * The lowest version of the schema that a node may know to work on what this step leaves; absent: as before it. Only a
   * release after one whose nodes need the old form no longer may raise it.
   */
  readonly oldestCompatible?: number
}

/**
 * The schema, step by step. What is compared or looked up has the collation "C": its order is that of the bytes, whatever
 * library the server was built with, and no upgrade of that library breaks an index.
 *
 * Columns of `sessions` stand widest first, so that no byte is lost to alignment. A refresh changes no indexed column, and
 * pages are left a fifth empty: so the new version of a row finds room on its own page, no index is written, and the old
 * one's place is free again without a vacuum (HOT). Its device is NULL while it is the one that signed in, and otherwise
 * an array of one, for it may be unknown.
 */
export const schemaSteps: readonly SchemaStep[] = [
  {
    sql: (schema) => `
      CREATE TABLE ${schema}.schema_version (
        single boolean PRIMARY KEY CHECK (single),
        version integer NOT NULL,
        oldest_compatible integer NOT NULL
      );

      CREATE TABLE ${schema}.users (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        created_at bigint NOT NULL,
        disabled_at bigint,
        id text COLLATE "C" NOT NULL UNIQUE,
        username text NOT NULL,
        username_key text COLLATE "C" NOT NULL,
        password_hash text,
        roles text NOT NULL
      );
      -- Only users with a password sign in by name here, so only among them must names differ.
      CREATE UNIQUE INDEX users_with_password ON ${schema}.users (username_key) WHERE password_hash IS NOT NULL;
      CREATE INDEX users_without_password ON ${schema}.users (username_key) WHERE password_hash IS NULL;

      CREATE TABLE ${schema}.clients (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        created_at bigint NOT NULL,
        access_seconds bigint,
        id text COLLATE "C" NOT NULL UNIQUE,
        type text NOT NULL,
        authentication text NOT NULL,
        secret_hash bytea,
        redirect_uris text NOT NULL,
        grants text NOT NULL,
        scopes text NOT NULL,
        resources text NOT NULL,
        policy text NOT NULL
      );

      -- What was granted to whom, written once however many sessions share it. Never changed. The digest is of the whole
      -- document, which may be longer than an index takes.
      CREATE TABLE ${schema}.session_terms (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        digest bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
        client_id text COLLATE "C" NOT NULL,
        document text NOT NULL
      );
      CREATE INDEX session_terms_by_client ON ${schema}.session_terms (client_id);

      CREATE TABLE ${schema}.sessions (
        user_number bigint NOT NULL REFERENCES ${schema}.users (number),
        terms_number bigint NOT NULL REFERENCES ${schema}.session_terms (number),
        generation bigint NOT NULL,
        created_at bigint NOT NULL,
        last_used_at bigint NOT NULL,
        idle_expires_at bigint NOT NULL,
        absolute_expires_at bigint NOT NULL,
        repeats bigint NOT NULL,
        peeks bigint NOT NULL,
        revoked_at bigint,
        id uuid PRIMARY KEY,
        recent bytea NOT NULL,
        token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
        refresh_key_id bytea NOT NULL CHECK (octet_length(refresh_key_id) = 8),
        seed bytea NOT NULL CHECK (octet_length(seed) = 32),
        repeat_holders bytea NOT NULL CHECK (octet_length(repeat_holders) = 16),
        revoked_reason text,
        binding text,
        opened_address text,
        opened_user_agent text,
        used_address text[],
        used_user_agent text[]
      ) WITH (
        fillfactor = 80,
        autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_analyze_scale_factor = 0.02,
        autovacuum_vacuum_insert_scale_factor = 0.05
      );
      CREATE INDEX sessions_by_user ON ${schema}.sessions (user_number);
      CREATE INDEX sessions_by_absolute_expiry ON ${schema}.sessions (absolute_expires_at);

      CREATE TABLE ${schema}.key_ring (
        single boolean PRIMARY KEY CHECK (single),
        version bigint NOT NULL
      );
      INSERT INTO ${schema}.key_ring (single, version) VALUES (true, 0);

      CREATE TABLE ${schema}.signing_keys (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        created_at bigint NOT NULL,
        active_from bigint NOT NULL,
        kid text COLLATE "C" NOT NULL UNIQUE,
        algorithm text NOT NULL,
        public_jwk text NOT NULL,
        sealed_private_key bytea NOT NULL,
        secret_id text NOT NULL
      );

      CREATE TABLE ${schema}.refresh_keys (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        created_at bigint NOT NULL,
        active_from bigint NOT NULL,
        retired_at bigint,
        id bytea NOT NULL UNIQUE CHECK (octet_length(id) = 8)
      );

      -- The outbox. An event is claimed by the node that is delivering it, for a while.
      CREATE TABLE ${schema}.security_events (
        sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        claimed_until bigint,
        claimed_by uuid,
        document text NOT NULL
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

      CREATE TABLE ${schema}.failures (
        count bigint NOT NULL,
        ends_at bigint NOT NULL,
        key text COLLATE "C" PRIMARY KEY
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
      CREATE INDEX failures_by_end ON ${schema}.failures (ends_at);

      -- What sessions that rolled forward have shown of writes that this database no longer holds.
      CREATE TABLE ${schema}.lost_writes (
        single boolean PRIMARY KEY CHECK (single),
        sessions bigint NOT NULL,
        noticed_at bigint,
        intact_until bigint,
        settled_at bigint
      );
      INSERT INTO ${schema}.lost_writes (single, sessions) VALUES (true, 0);

      -- Whether everything here came from another store; until that move is finished no node opens this one.
      CREATE TABLE ${schema}.arrival (
        single boolean PRIMARY KEY CHECK (single),
        id text NOT NULL,
        arrived_at bigint NOT NULL,
        finished boolean NOT NULL
      );
    `,
  },
  {
    sql: (schema) => `
      -- What ended, for those who check tokens without asking. The one row is the last that a transaction locks.
      CREATE TABLE ${schema}.revocation_feed (
        single boolean PRIMARY KEY CHECK (single),
        sequence bigint NOT NULL,
        epoch text NOT NULL
      );
      INSERT INTO ${schema}.revocation_feed (single, sequence, epoch)
        VALUES (true, 0, left(replace(gen_random_uuid()::text, '-', ''), 20));

      CREATE TABLE ${schema}.revocation_entries (
        sequence bigint NOT NULL,
        place bigint NOT NULL,
        at bigint NOT NULL,
        until bigint NOT NULL,
        kind text NOT NULL,
        id text COLLATE "C" NOT NULL,
        PRIMARY KEY (sequence, place)
      ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
      CREATE INDEX revocation_entries_by_end ON ${schema}.revocation_entries (until);
      CREATE INDEX revocation_entries_of_claims ON ${schema}.revocation_entries (id) WHERE kind = 'claims';

      -- Until when access tokens of so long a life can be under way.
      CREATE TABLE ${schema}.access_lifetimes (
        milliseconds bigint PRIMARY KEY,
        until bigint NOT NULL
      );
    `,
  },
  {
    sql: (schema) => `
      -- When the user proved who he is, where that was before the session was opened.
      ALTER TABLE ${schema}.sessions ADD COLUMN authenticated_at bigint;

      -- Authorization codes, pushed requests and device codes.
      CREATE TABLE ${schema}.tickets (
        created_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        used_at bigint,
        polled_at bigint,
        hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
        kind text COLLATE "C" NOT NULL,
        client_id text COLLATE "C" NOT NULL,
        user_id text COLLATE "C",
        user_code_hash bytea UNIQUE,
        session_id text,
        document text NOT NULL
      ) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
      CREATE INDEX tickets_by_client ON ${schema}.tickets (client_id, kind, expires_at);
      CREATE INDEX tickets_by_end ON ${schema}.tickets (expires_at);

      CREATE TABLE ${schema}.consents (
        granted_at bigint NOT NULL,
        user_id text COLLATE "C" NOT NULL,
        client_id text COLLATE "C" NOT NULL,
        scope text NOT NULL,
        resources text NOT NULL,
        PRIMARY KEY (user_id, client_id)
      );
      `,
  },
  {
    sql: (schema) => `
      -- A client may have two secrets while it changes over, and keys instead of them.
      ALTER TABLE ${schema}.clients ADD COLUMN previous_secret_hash bytea, ADD COLUMN assertion_keys text;
      -- Which access tokens it may exchange.
      ALTER TABLE ${schema}.clients ADD COLUMN exchange text;
      -- Of clients that registered themselves.
      ALTER TABLE ${schema}.clients ADD COLUMN name text, ADD COLUMN registration_token_hash bytea,
        ADD COLUMN expires_at bigint;
      CREATE INDEX clients_by_expiry ON ${schema}.clients (expires_at) WHERE expires_at IS NOT NULL;
    `,
  },
]
