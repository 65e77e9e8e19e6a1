set local role mayfly_owner;

-- Proofs that may be used once, as SHA-256, until they would be refused as expired anyway.
create table mayfly.replay (
  tenant_id     uuid not null,
  -- Which sort of proof: a value of one sort never stands in the way of another sort.
  kind          text not null,
  hash          bytea not null,
  expires_at    timestamptz not null,
  primary key (tenant_id, kind, hash)
);
create index replay_expiry on mayfly.replay (expires_at);

grant select, insert, delete on mayfly.replay to mayfly_app;
