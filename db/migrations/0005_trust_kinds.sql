set local role mayfly_owner;

alter table mayfly.trust_source
  drop constraint trust_source_kind_check,
  add constraint trust_source_kind_check check (kind in ('openid', 'x509_ca', 'spiffe', 'pinned', 'did', 'builtin_ca')),
  -- `spiffe://<trust domain>`
  add constraint trust_source_spiffe check (kind <> 'spiffe' or issuer is not null);

-- A SPIFFE ID means one workload in a tenant, whichever kind of SVID says it.
create unique index trust_source_trust_domain on mayfly.trust_source (tenant_id, issuer) where kind = 'spiffe';
create unique index trust_source_one_builtin_ca on mayfly.trust_source (tenant_id) where kind = 'builtin_ca';
