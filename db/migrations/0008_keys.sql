set local role mayfly_owner;

-- Rotation. A key is published before it signs and published until its last token has ended:
--   next      published, does not sign yet
--   active    published, signs
--   retiring  published, does not sign any more
--   retired   neither, for ever: its private part is destroyed by the step itself
alter table mayfly.signing_key
  drop constraint signing_key_state_check,
  add constraint signing_key_state_check check (state in ('next', 'active', 'retiring', 'retired')),
  -- On the database's clock; a step is due so long after it.
  add column state_since timestamptz not null default clock_timestamp(),
  alter column private_sealed drop not null,
  alter column kek_id drop not null,
  add constraint signing_key_destroyed check ((private_sealed is null) = (state = 'retired') and (kek_id is null) = (state = 'retired'));
create unique index signing_key_one_next on mayfly.signing_key (tenant_id, alg) where state = 'next';
create index signing_key_due on mayfly.signing_key (state, state_since) where state <> 'retired';

-- The one table of legal steps. A retired key cannot come back: what it signed with is gone.
create function mayfly.step_key_state() returns trigger language plpgsql as $$
begin
  if new.state = old.state then return new; end if;
  if (old.state, new.state) not in (('next', 'active'), ('active', 'retiring'), ('retiring', 'retired'), ('next', 'retired'), ('active', 'retired')) then
    raise exception 'a key cannot go from % to %', old.state, new.state using errcode = 'check_violation';
  end if;
  if new.state = 'retired' then
    new.private_sealed := null;
    new.kek_id := null;
  end if;
  return new;
end $$;
create trigger signing_key_step before update on mayfly.signing_key for each row execute function mayfly.step_key_state();

-- Sealing a key anew under another key-encryption key changes nothing that a decision reads, and raises no epoch.
drop trigger signing_key_epoch on mayfly.signing_key;
create trigger signing_key_epoch after insert or delete on mayfly.signing_key
  for each row execute function mayfly.raise_config_epoch();
create trigger signing_key_change_epoch after update on mayfly.signing_key for each row
  when ((old.id, old.tenant_id, old.kid, old.alg, old.public_jwk, old.state) is distinct from (new.id, new.tenant_id, new.kid, new.alg, new.public_jwk, new.state))
  execute function mayfly.raise_config_epoch();

-- The last order to seal everything under one key-encryption key, and how far it came. How much is left is seen in the rows.
create table mayfly.key_rewrap (
  id            smallint primary key default 1 check (id = 1),
  kek_id        text not null,
  requested_at  timestamptz not null,
  finished_at   timestamptz,
  rewrapped     bigint not null default 0
);
grant select, insert, update on mayfly.key_rewrap to mayfly_app;
-- The private part of a subject's key stays what it is; it only gets another envelope.
grant update (key_sealed, kek_id) on mayfly.subject_key to mayfly_app;
