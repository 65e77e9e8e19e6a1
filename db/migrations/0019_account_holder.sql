-- The key that an account's credential belongs to: whose use of it came first.

set local role mayfly_owner;

create table mayfly.account_holder (
  -- It goes when the account is reaped.
  account_id    uuid primary key references mayfly.account on delete cascade,
  tenant_id     uuid not null,
  -- SHA-256: of a certificate, or of a public key (RFC 7638).
  key_thumbprint bytea not null
);
grant select on mayfly.account_holder to mayfly_app;
grant select, insert on mayfly.account_holder to mayfly_log;

set local role mayfly_log;

-- The key, hex, that the account belongs to; bound now, with its event, where none was before. Null: the account is not active.
create function log.hold_account(p_account uuid, p_tenant uuid, p_opener text, p_key text, p_leaf text, p_body text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_key bytea;
begin
  select h.key_thumbprint into v_key from mayfly.account_holder h where h.account_id = p_account and h.tenant_id = p_tenant;
  if found then return encode(v_key, 'hex'); end if;
  insert into mayfly.account_holder (account_id, tenant_id, key_thumbprint)
    select a.id, a.tenant_id, decode(p_key, 'hex') from mayfly.account a
     where a.id = p_account and a.tenant_id = p_tenant and a.opener = decode(p_opener, 'hex')
       and a.state = 'a' and a.deadline > clock_timestamp()
    on conflict (account_id) do nothing;
  if found then
    insert into log.pending (tenant_id, leaf, body) values (p_tenant, p_leaf, p_body);
    return p_key;
  end if;
  -- Another request came first, or the account is over.
  select h.key_thumbprint into v_key from mayfly.account_holder h where h.account_id = p_account and h.tenant_id = p_tenant;
  return encode(v_key, 'hex');
end $$;
revoke all on function log.hold_account from public;
grant execute on function log.hold_account to mayfly_app;
