-- Dumped from the database by `npm run db:generate`. Do not edit; partitions of single months are left out.

create schema across authorization mayfly_across;
create schema log authorization mayfly_log;
create schema mayfly authorization mayfly_owner;
grant usage on schema across to mayfly_app;
grant usage on schema log to mayfly_across;
grant usage on schema log to mayfly_app;
grant usage on schema mayfly to mayfly_across;
grant usage on schema mayfly to mayfly_app;
grant usage on schema mayfly to mayfly_log;

create table log.body (
  position bigint not null,
  retention smallint not null,
  at timestamp with time zone not null,
  body text not null
) partition by LIST (retention);
alter table log.body owner to mayfly_log;
CREATE INDEX body_position ON ONLY log.body USING btree ("position") WITH (fillfactor='100');
CREATE TRIGGER body_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.body FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.body to mayfly_across;

create table log.body_security partition of log.body FOR VALUES IN ('2') partition by RANGE (at);
alter table log.body_security owner to mayfly_log;

create table log.body_security_rest partition of log.body_security DEFAULT;
alter table log.body_security_rest owner to mayfly_log;

create table log.body_short partition of log.body FOR VALUES IN ('3') partition by RANGE (at);
alter table log.body_short owner to mayfly_log;

create table log.body_short_rest partition of log.body_short DEFAULT;
alter table log.body_short_rest owner to mayfly_log;

create table log.body_standard partition of log.body FOR VALUES IN ('1') partition by RANGE (at);
alter table log.body_standard owner to mayfly_log;

create table log.body_standard_rest partition of log.body_standard DEFAULT;
alter table log.body_standard_rest owner to mayfly_log;

create table log.checkpoint (
  shard uuid not null,
  size bigint not null,
  root bytea not null,
  at timestamp with time zone not null default clock_timestamp(),
  note text not null
);
alter table log.checkpoint owner to mayfly_log;
alter table log.checkpoint add constraint checkpoint_note_check CHECK ((octet_length(note) <= 16384));
alter table log.checkpoint add constraint checkpoint_pkey PRIMARY KEY (shard, size);
alter table log.checkpoint add constraint checkpoint_root_check CHECK ((octet_length(root) = 32));
alter table log.checkpoint add constraint checkpoint_size_check CHECK ((size >= 0));
CREATE INDEX checkpoint_at ON log.checkpoint USING brin (at);
CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR TRUNCATE ON log.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER checkpoint_stays BEFORE DELETE ON log.checkpoint FOR EACH ROW EXECUTE FUNCTION log.checkpoint_stays();
grant select on log.checkpoint to mayfly_app;

create table log.checkpoint_disowned (
  shard uuid not null,
  size bigint not null,
  at timestamp with time zone not null default clock_timestamp(),
  by text not null default SESSION_USER
);
alter table log.checkpoint_disowned owner to mayfly_log;
alter table log.checkpoint_disowned add constraint checkpoint_disowned_pkey PRIMARY KEY (shard, size);
CREATE TRIGGER checkpoint_disowned_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.checkpoint_disowned FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.checkpoint_disowned to mayfly_app;

create table log.entry (
  position bigint not null,
  leaf text not null
);
alter table log.entry owner to mayfly_log;
alter table log.entry add constraint entry_pkey PRIMARY KEY ("position");
CREATE TRIGGER entry_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.entry FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.entry to mayfly_across;

create table log.event (
  position bigint not null,
  at timestamp with time zone not null,
  account_id uuid,
  token_id uuid,
  tenant_id uuid,
  agent_id uuid,
  task_id uuid,
  parent_id uuid,
  root_id uuid,
  actor_id uuid,
  person_id uuid,
  approver_id uuid,
  about_id uuid,
  retention smallint,
  decision "char",
  type text not null,
  reason text
) partition by RANGE ("position");
alter table log.event owner to mayfly_log;
alter table log.event add constraint event_pkey PRIMARY KEY ("position");
CREATE INDEX event_about ON ONLY log.event USING btree (about_id, (("position" >> 14))) WHERE (about_id IS NOT NULL);
CREATE INDEX event_account ON ONLY log.event USING btree (account_id, (("position" >> 16))) WHERE (account_id IS NOT NULL);
CREATE INDEX event_actor ON ONLY log.event USING btree (actor_id, (("position" >> 14))) WHERE (actor_id IS NOT NULL);
CREATE INDEX event_agent ON ONLY log.event USING btree (agent_id, (("position" >> 14))) WHERE (agent_id IS NOT NULL);
CREATE INDEX event_approver ON ONLY log.event USING btree (approver_id, (("position" >> 14))) WHERE (approver_id IS NOT NULL);
CREATE INDEX event_other ON ONLY log.event USING btree (tenant_id, (("position" >> 14))) WHERE (type <> 'token.issued'::text);
CREATE INDEX event_parent ON ONLY log.event USING btree (parent_id) WHERE (parent_id IS NOT NULL);
CREATE INDEX event_person ON ONLY log.event USING btree (person_id, (("position" >> 14))) WHERE (person_id IS NOT NULL);
CREATE INDEX event_reason ON ONLY log.event USING btree (tenant_id, reason, (("position" >> 14))) WHERE (reason IS NOT NULL);
CREATE INDEX event_refusal ON ONLY log.event USING btree (tenant_id, (("position" >> 14))) WHERE (decision = ANY (ARRAY['d'::"char", 'f'::"char"]));
CREATE INDEX event_refusal_of_agent ON ONLY log.event USING btree (agent_id, (("position" >> 14))) WHERE (decision = ANY (ARRAY['d'::"char", 'f'::"char"]));
CREATE INDEX event_task ON ONLY log.event USING btree (task_id) WHERE (task_id IS NOT NULL);
CREATE INDEX event_tenant ON ONLY log.event USING btree (tenant_id, (("position" >> 14)));
CREATE INDEX event_token ON ONLY log.event USING btree (token_id) WHERE ((token_id IS NOT NULL) AND (type <> 'token.issued'::text));
CREATE INDEX event_type ON ONLY log.event USING btree (tenant_id, type, (("position" >> 14))) WHERE (type <> 'token.issued'::text);
CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.event FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER event_reported AFTER INSERT ON log.event FOR EACH ROW WHEN ((new.type = 'decisions.reported'::text)) EXECUTE FUNCTION log.mention_reported();
alter table log.event enable row level security;
alter table log.event force row level security;
create policy across on log.event for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on log.event for all to mayfly_app using (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)))) with check (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))));
grant select on log.event to mayfly_across;

create table log.event_000000 partition of log.event FOR VALUES FROM ('0') TO ('4194304');
alter table log.event_000000 owner to mayfly_log;
alter table log.event_000000 enable row level security;
alter table log.event_000000 force row level security;
create policy across on log.event_000000 for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on log.event_000000 for all to mayfly_app using (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)))) with check (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))));
grant select on log.event_000000 to mayfly_across;

create table log.event_class (
  type text not null,
  class smallint not null
);
alter table log.event_class owner to mayfly_log;
alter table log.event_class add constraint event_class_class_fkey FOREIGN KEY (class) REFERENCES log.retention_class(code);
alter table log.event_class add constraint event_class_pkey PRIMARY KEY (type);
CREATE TRIGGER event_class_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON log.event_class FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

create table log.event_cursor (
  id smallint not null,
  position bigint not null
);
alter table log.event_cursor owner to mayfly_log;
alter table log.event_cursor add constraint event_cursor_id_check CHECK ((id = 1));
alter table log.event_cursor add constraint event_cursor_pkey PRIMARY KEY (id);
CREATE TRIGGER event_grows BEFORE UPDATE ON log.event_cursor FOR EACH ROW WHEN ((new."position" < old."position")) EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER event_stays BEFORE DELETE OR TRUNCATE ON log.event_cursor FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.event_cursor to mayfly_across;

create table log.event_mention (
  position bigint not null,
  account_id uuid not null,
  tenant_id uuid
);
alter table log.event_mention owner to mayfly_log;
alter table log.event_mention add constraint event_mention_pkey PRIMARY KEY (account_id, "position");
CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.event_mention FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
alter table log.event_mention enable row level security;
alter table log.event_mention force row level security;
create policy across on log.event_mention for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on log.event_mention for all to mayfly_app using (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)))) with check (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))));
grant select on log.event_mention to mayfly_across;

create table log.event_slot (
  slot integer not null,
  first bigint not null,
  last bigint not null
);
alter table log.event_slot owner to mayfly_log;
alter table log.event_slot add constraint event_slot_pkey PRIMARY KEY (slot);
CREATE TRIGGER event_slot_widens AFTER INSERT OR UPDATE ON log.event_slot FOR EACH ROW EXECUTE FUNCTION log.widen_stretch();
grant select on log.event_slot to mayfly_across;

create table log.event_stretch (
  stretch integer not null,
  first bigint not null,
  last bigint not null
);
alter table log.event_stretch owner to mayfly_log;
alter table log.event_stretch add constraint event_stretch_pkey PRIMARY KEY (stretch);
grant select on log.event_stretch to mayfly_across;

create table log.fork (
  id uuid not null,
  at timestamp with time zone not null,
  from_shard uuid not null,
  to_shard uuid not null,
  size bigint not null,
  sealed_size bigint,
  sealed_root text
);
alter table log.fork owner to mayfly_log;
alter table log.fork add constraint fork_from_shard_key UNIQUE (from_shard);
alter table log.fork add constraint fork_pkey PRIMARY KEY (id);
alter table log.fork add constraint fork_to_shard_key UNIQUE (to_shard);
CREATE TRIGGER fork_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.fork FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.fork to mayfly_app;

create table log.fork_finished (
  fork_id uuid not null,
  at timestamp with time zone not null
);
alter table log.fork_finished owner to mayfly_log;
alter table log.fork_finished add constraint fork_finished_fork_id_fkey FOREIGN KEY (fork_id) REFERENCES log.fork(id);
alter table log.fork_finished add constraint fork_finished_pkey PRIMARY KEY (fork_id);
CREATE TRIGGER fork_finished_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.fork_finished FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.fork_finished to mayfly_app;

create table log.fork_unknown (
  shard uuid not null,
  fork_id uuid not null,
  size bigint,
  root text
);
alter table log.fork_unknown owner to mayfly_log;
alter table log.fork_unknown add constraint fork_unknown_fork_id_fkey FOREIGN KEY (fork_id) REFERENCES log.fork(id);
alter table log.fork_unknown add constraint fork_unknown_pkey PRIMARY KEY (shard);
CREATE TRIGGER fork_unknown_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.fork_unknown FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.fork_unknown to mayfly_app;

create table log.head (
  id smallint not null,
  shard uuid not null,
  size bigint not null
);
alter table log.head owner to mayfly_log;
alter table log.head add constraint head_id_check CHECK ((id = 1));
alter table log.head add constraint head_pkey PRIMARY KEY (id);
alter table log.head add constraint head_size_check CHECK ((size >= 0));
CREATE TRIGGER head_grows BEFORE UPDATE ON log.head FOR EACH ROW WHEN ((new.size < old.size)) EXECUTE FUNCTION log.refuse_change();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON log.head FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.head to mayfly_across;
grant select on log.head to mayfly_app;

create table log.pending (
  id bigint not null generated always as identity,
  tenant_id uuid,
  leaf text not null,
  body text not null
);
alter table log.pending owner to mayfly_log;
alter table log.pending add constraint pending_pkey PRIMARY KEY (id);
CREATE CONSTRAINT TRIGGER pending_at_commit AFTER INSERT ON log.pending DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log.append_pending();
alter table log.pending enable row level security;
alter table log.pending force row level security;
create policy append on log.pending for insert to mayfly_across, mayfly_app with check (true);
create policy move on log.pending for all to mayfly_log using (true) with check (true);
grant insert (body), insert (leaf), insert (tenant_id) on log.pending to mayfly_across;
grant insert (body), insert (leaf), insert (tenant_id) on log.pending to mayfly_app;

create table log.pending_revocation (
  place bigint not null generated always as identity,
  tenant_id uuid not null,
  id uuid not null,
  kind text not null,
  subject text not null,
  least bigint,
  until timestamp with time zone,
  cause text not null,
  actor jsonb
);
alter table log.pending_revocation owner to mayfly_log;
alter table log.pending_revocation add constraint pending_revocation_pkey PRIMARY KEY (place);
CREATE CONSTRAINT TRIGGER pending_revocation_at_commit AFTER INSERT ON log.pending_revocation DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log.publish_pending();
alter table log.pending_revocation enable row level security;
alter table log.pending_revocation force row level security;
create policy append on log.pending_revocation for insert to mayfly_app with check ((tenant_id = mayfly.tenant_in_force()));
create policy move on log.pending_revocation for all to mayfly_log using (true) with check (true);
grant insert ("least"), insert (actor), insert (cause), insert (id), insert (kind), insert (subject), insert (tenant_id), insert (until) on log.pending_revocation to mayfly_app;

create table log.report_mention (
  position bigint not null,
  subject_id uuid not null,
  tenant_id uuid not null,
  allowed boolean not null,
  refused text[]
);
alter table log.report_mention owner to mayfly_log;
alter table log.report_mention add constraint report_mention_pkey PRIMARY KEY (subject_id, "position");
CREATE INDEX report_refusal ON log.report_mention USING btree (subject_id, "position") WHERE (refused IS NOT NULL);
CREATE TRIGGER event_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.report_mention FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
alter table log.report_mention enable row level security;
alter table log.report_mention force row level security;
create policy across on log.report_mention for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on log.report_mention for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on log.report_mention to mayfly_across;

create table log.retention_class (
  code smallint not null,
  name text not null,
  months integer not null,
  least_months integer not null
);
alter table log.retention_class owner to mayfly_log;
alter table log.retention_class add constraint retention_class_name_key UNIQUE (name);
alter table log.retention_class add constraint retention_class_pkey PRIMARY KEY (code);
CREATE TRIGGER class_stays BEFORE DELETE OR UPDATE OR TRUNCATE ON log.retention_class FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();

create table log.sealer (
  id smallint not null,
  shard uuid not null,
  size bigint not null,
  origin text not null,
  verifier_key text not null,
  at timestamp with time zone not null,
  fault text,
  witnesses jsonb not null default '[]'::jsonb
);
alter table log.sealer owner to mayfly_log;
alter table log.sealer add constraint sealer_id_check CHECK ((id = 1));
alter table log.sealer add constraint sealer_pkey PRIMARY KEY (id);
alter table log.sealer add constraint sealer_size_check CHECK ((size >= 0));
CREATE TRIGGER sealer_grows BEFORE UPDATE ON log.sealer FOR EACH ROW EXECUTE FUNCTION log.sealer_grows();
CREATE TRIGGER sealer_stays BEFORE DELETE OR TRUNCATE ON log.sealer FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.sealer to mayfly_app;

create table log.signer (
  shard uuid not null,
  verifier_key text not null,
  at timestamp with time zone not null,
  signs boolean not null,
  handover text
);
alter table log.signer owner to mayfly_log;
alter table log.signer add constraint signer_handover_check CHECK ((octet_length(handover) <= 16384));
alter table log.signer add constraint signer_pkey PRIMARY KEY (shard, verifier_key, at);
alter table log.signer add constraint signer_verifier_key_check CHECK ((octet_length(verifier_key) <= 1024));
CREATE TRIGGER signer_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON log.signer FOR EACH STATEMENT EXECUTE FUNCTION log.refuse_change();
grant select on log.signer to mayfly_app;

create table log.transition (
  name text not null,
  from_state "char" not null,
  to_state "char",
  due text,
  raises boolean not null,
  of_child text not null
);
alter table log.transition owner to mayfly_log;
alter table log.transition add constraint transition_due_check CHECK ((due = ANY (ARRAY['before'::text, 'after'::text])));
alter table log.transition add constraint transition_of_child_check CHECK ((of_child = ANY (ARRAY['yes'::text, 'while ancestors live'::text, 'no'::text])));
alter table log.transition add constraint transition_pkey PRIMARY KEY (name, from_state);
grant select on log.transition to mayfly_app;

create table mayfly.account (
  id uuid not null,
  tenant_id uuid not null,
  agent_id uuid not null,
  task_key uuid not null,
  opened_at timestamp with time zone not null,
  deadline timestamp with time zone not null,
  ceiling_id bigint not null,
  generation integer not null default 1,
  state "char" not null default 'a'::"char",
  opener bytea not null,
  claim_hash bytea,
  root_id uuid,
  address_scope uuid,
  readmitted boolean not null default false,
  opening_key bytea,
  task_id text not null
) with (fillfactor=90);
alter table mayfly.account owner to mayfly_owner;
alter table mayfly.account add constraint account_pkey PRIMARY KEY (id);
alter table mayfly.account add constraint account_task_key_key UNIQUE (task_key);
CREATE INDEX account_deadline ON mayfly.account USING btree (deadline) WHERE (state = 'a'::"char");
CREATE INDEX account_ended ON mayfly.account USING btree (id) WHERE (state = ANY (ARRAY['m'::"char", 'e'::"char", 'r'::"char", 'x'::"char"]));
CREATE INDEX account_held ON mayfly.account USING btree (tenant_id, id) WHERE (state = 'h'::"char");
CREATE INDEX account_of_tenant ON mayfly.account USING btree (tenant_id, id);
alter table mayfly.account enable row level security;
alter table mayfly.account force row level security;
create policy across on mayfly.account for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.account for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update, update (claim_hash) on mayfly.account to mayfly_across;
grant select, update (claim_hash) on mayfly.account to mayfly_app;
grant delete, insert, select, update on mayfly.account to mayfly_log;

create table mayfly.account_holder (
  account_id uuid not null,
  tenant_id uuid not null,
  key_thumbprint bytea not null
);
alter table mayfly.account_holder owner to mayfly_owner;
alter table mayfly.account_holder add constraint account_holder_account_id_fkey FOREIGN KEY (account_id) REFERENCES mayfly.account(id) ON DELETE CASCADE;
alter table mayfly.account_holder add constraint account_holder_pkey PRIMARY KEY (account_id);
alter table mayfly.account_holder enable row level security;
alter table mayfly.account_holder force row level security;
create policy across on mayfly.account_holder for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.account_holder for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.account_holder to mayfly_app;
grant insert, select on mayfly.account_holder to mayfly_log;

create table mayfly.agent (
  id uuid not null,
  tenant_id uuid not null,
  name text not null,
  owner text not null,
  review_on date not null,
  rules jsonb not null,
  ceiling_id bigint not null,
  settings jsonb not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  suspended_at timestamp with time zone,
  held_at timestamp with time zone
);
alter table mayfly.agent owner to mayfly_owner;
alter table mayfly.agent add constraint agent_ceiling_id_fkey FOREIGN KEY (ceiling_id) REFERENCES mayfly.ceiling(id);
alter table mayfly.agent add constraint agent_pkey PRIMARY KEY (id);
alter table mayfly.agent add constraint agent_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.agent add constraint agent_tenant_id_name_key UNIQUE (tenant_id, name);
CREATE TRIGGER agent_end_hold BEFORE UPDATE ON mayfly.agent FOR EACH ROW WHEN (((new.suspended_at IS NULL) AND (new.held_at IS NOT NULL))) EXECUTE FUNCTION mayfly.end_hold();
CREATE TRIGGER agent_epoch AFTER INSERT OR DELETE OR UPDATE ON mayfly.agent FOR EACH ROW EXECUTE FUNCTION mayfly.raise_config_epoch();
CREATE TRIGGER agent_longest_token AFTER INSERT OR UPDATE OF settings ON mayfly.agent FOR EACH ROW EXECUTE FUNCTION mayfly.raise_longest_token();
alter table mayfly.agent enable row level security;
alter table mayfly.agent force row level security;
create policy across on mayfly.agent for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.agent for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.agent to mayfly_across;
grant delete, insert, select, update on mayfly.agent to mayfly_app;
grant select, update (held_at), update (suspended_at) on mayfly.agent to mayfly_log;

create table mayfly.anonymous_opening (
  only_one boolean not null default true,
  tenant_id uuid not null,
  agent_id uuid not null
);
alter table mayfly.anonymous_opening owner to mayfly_owner;
alter table mayfly.anonymous_opening add constraint anonymous_opening_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES mayfly.agent(id) ON DELETE CASCADE;
alter table mayfly.anonymous_opening add constraint anonymous_opening_only_one_check CHECK (only_one);
alter table mayfly.anonymous_opening add constraint anonymous_opening_pkey PRIMARY KEY (only_one);
alter table mayfly.anonymous_opening add constraint anonymous_opening_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE TRIGGER anonymous_opening_epoch AFTER INSERT OR DELETE OR UPDATE ON mayfly.anonymous_opening FOR EACH ROW EXECUTE FUNCTION mayfly.raise_config_epoch();
alter table mayfly.anonymous_opening enable row level security;
alter table mayfly.anonymous_opening force row level security;
create policy across on mayfly.anonymous_opening for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.anonymous_opening for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select on mayfly.anonymous_opening to mayfly_app;

create table mayfly.attachment (
  id uuid not null,
  tenant_id uuid not null,
  account_id uuid not null,
  agent_id uuid not null,
  connector_id uuid not null,
  ordinal bigint not null generated always as identity,
  state text not null,
  generation integer not null,
  rotation integer not null,
  due_at timestamp with time zone not null,
  attempts smallint not null default 0,
  parked boolean not null default false,
  ended_by text,
  failure text,
  created_at timestamp with time zone not null default clock_timestamp(),
  ended_at timestamp with time zone,
  destroyed jsonb,
  receipt text,
  extend_due timestamp with time zone
);
alter table mayfly.attachment owner to mayfly_owner;
alter table mayfly.attachment add constraint attachment_pkey PRIMARY KEY (id);
alter table mayfly.attachment add constraint attachment_state_check CHECK ((state = ANY (ARRAY['making'::text, 'active'::text, 'renewing'::text, 'locking'::text, 'locked'::text, 'ending'::text, 'kept'::text, 'gone'::text])));
CREATE INDEX attachment_account ON mayfly.attachment USING btree (account_id, ordinal);
CREATE INDEX attachment_connector ON mayfly.attachment USING btree (connector_id) WHERE (state <> 'gone'::text);
CREATE INDEX attachment_due ON mayfly.attachment USING btree (tenant_id, due_at) WHERE (state = ANY (ARRAY['making'::text, 'renewing'::text, 'locking'::text, 'ending'::text, 'kept'::text]));
CREATE INDEX attachment_ended ON mayfly.attachment USING btree (ended_at) WHERE (state = 'gone'::text);
CREATE INDEX attachment_extend ON mayfly.attachment USING btree (tenant_id, extend_due) WHERE (extend_due IS NOT NULL);
CREATE UNIQUE INDEX attachment_of_account ON mayfly.attachment USING btree (account_id, connector_id) WHERE (state <> ALL (ARRAY['gone'::text, 'kept'::text]));
alter table mayfly.attachment enable row level security;
alter table mayfly.attachment force row level security;
create policy across on mayfly.attachment for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.attachment for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select, update on mayfly.attachment to mayfly_across;
grant insert, select, update on mayfly.attachment to mayfly_app;
grant select on mayfly.attachment to mayfly_log;

create table mayfly.audit_sink (
  name text not null,
  position bigint not null,
  taken_at timestamp with time zone,
  failures integer not null default 0,
  failure text,
  lease uuid,
  leased_until timestamp with time zone not null default '-infinity'::timestamp with time zone
);
alter table mayfly.audit_sink owner to mayfly_owner;
alter table mayfly.audit_sink add constraint audit_sink_name_check CHECK ((name ~ '^[a-z0-9-]{1,32}$'::text));
alter table mayfly.audit_sink add constraint audit_sink_pkey PRIMARY KEY (name);
alter table mayfly.audit_sink add constraint audit_sink_position_check CHECK (("position" >= 0));
grant insert, select, update on mayfly.audit_sink to mayfly_across;

create table mayfly.audit_stream (
  webhook_id uuid not null,
  tenant_id uuid not null,
  position bigint not null,
  told bigint not null,
  upto bigint,
  taken_at timestamp with time zone,
  hold_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  failures integer not null default 0,
  failure text,
  failure_status smallint,
  parked boolean not null default false,
  lease uuid,
  leased_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  tried_at timestamp with time zone not null default '-infinity'::timestamp with time zone
);
alter table mayfly.audit_stream owner to mayfly_owner;
alter table mayfly.audit_stream add constraint audit_stream_check CHECK ((told <= "position"));
alter table mayfly.audit_stream add constraint audit_stream_check1 CHECK ((upto > "position"));
alter table mayfly.audit_stream add constraint audit_stream_pkey PRIMARY KEY (webhook_id);
alter table mayfly.audit_stream add constraint audit_stream_position_check CHECK (("position" >= 0));
alter table mayfly.audit_stream add constraint audit_stream_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES mayfly.webhook(id) ON DELETE CASCADE;
alter table mayfly.audit_stream enable row level security;
alter table mayfly.audit_stream force row level security;
create policy across on mayfly.audit_stream for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.audit_stream for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update on mayfly.audit_stream to mayfly_across;
grant delete, insert, select, update on mayfly.audit_stream to mayfly_app;

create table mayfly.ca_key (
  id uuid not null,
  tenant_id uuid not null,
  kid text not null,
  alg text not null,
  certificate_pem text not null,
  private_sealed bytea,
  kek_id text,
  state text not null default 'active'::text,
  state_since timestamp with time zone not null default clock_timestamp(),
  created_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.ca_key owner to mayfly_owner;
alter table mayfly.ca_key add constraint ca_key_destroyed CHECK ((((private_sealed IS NULL) = (state = 'retired'::text)) AND ((kek_id IS NULL) = (state = 'retired'::text))));
alter table mayfly.ca_key add constraint ca_key_kid_key UNIQUE (kid);
alter table mayfly.ca_key add constraint ca_key_pkey PRIMARY KEY (id);
alter table mayfly.ca_key add constraint ca_key_state_check CHECK ((state = ANY (ARRAY['next'::text, 'active'::text, 'retiring'::text, 'retired'::text])));
alter table mayfly.ca_key add constraint ca_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX ca_key_due ON mayfly.ca_key USING btree (state, state_since) WHERE (state <> 'retired'::text);
CREATE UNIQUE INDEX ca_key_one_active ON mayfly.ca_key USING btree (tenant_id, alg) WHERE (state = 'active'::text);
CREATE UNIQUE INDEX ca_key_one_next ON mayfly.ca_key USING btree (tenant_id, alg) WHERE (state = 'next'::text);
CREATE TRIGGER ca_key_change_epoch AFTER UPDATE ON mayfly.ca_key FOR EACH ROW WHEN (((((((old.id IS DISTINCT FROM new.id) OR (old.tenant_id IS DISTINCT FROM new.tenant_id)) OR (old.kid IS DISTINCT FROM new.kid)) OR (old.alg IS DISTINCT FROM new.alg)) OR (old.certificate_pem IS DISTINCT FROM new.certificate_pem)) OR (old.state IS DISTINCT FROM new.state))) EXECUTE FUNCTION mayfly.raise_config_epoch();
CREATE TRIGGER ca_key_epoch AFTER INSERT OR DELETE ON mayfly.ca_key FOR EACH ROW EXECUTE FUNCTION mayfly.raise_config_epoch();
CREATE TRIGGER ca_key_step BEFORE UPDATE ON mayfly.ca_key FOR EACH ROW EXECUTE FUNCTION mayfly.step_key_state();
alter table mayfly.ca_key enable row level security;
alter table mayfly.ca_key force row level security;
create policy across on mayfly.ca_key for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.ca_key for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update (kek_id), update (private_sealed) on mayfly.ca_key to mayfly_across;
grant insert, select, update on mayfly.ca_key to mayfly_app;

create table mayfly.ceiling (
  id bigint not null generated always as identity,
  hash bytea not null,
  permission text not null
);
alter table mayfly.ceiling owner to mayfly_owner;
alter table mayfly.ceiling add constraint ceiling_hash_key UNIQUE (hash);
alter table mayfly.ceiling add constraint ceiling_pkey PRIMARY KEY (id);
grant insert, select on mayfly.ceiling to mayfly_app;

create table mayfly.change (
  id uuid not null,
  tenant_id uuid not null,
  class text not null,
  operation text not null,
  params jsonb not null,
  body jsonb,
  before jsonb,
  after jsonb,
  status text not null default 'waiting'::text,
  proposer_id uuid not null,
  proposer_role text not null,
  proposer_tenant_id uuid,
  proposer_person_id uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null default (clock_timestamp() + '7 days'::interval),
  decider_id uuid,
  decider_person_id uuid,
  decided_at timestamp with time zone,
  break_glass_reason text
);
alter table mayfly.change owner to mayfly_owner;
alter table mayfly.change add constraint change_decider_person_id_fkey FOREIGN KEY (decider_person_id) REFERENCES mayfly.person(id);
alter table mayfly.change add constraint change_pkey PRIMARY KEY (id);
alter table mayfly.change add constraint change_proposer_person_id_fkey FOREIGN KEY (proposer_person_id) REFERENCES mayfly.person(id);
alter table mayfly.change add constraint change_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'approved'::text, 'applied'::text, 'rejected'::text, 'withdrawn'::text])));
alter table mayfly.change add constraint change_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX change_proposer ON mayfly.change USING btree (proposer_id) WHERE (status = ANY (ARRAY['waiting'::text, 'approved'::text]));
CREATE INDEX change_tenant ON mayfly.change USING btree (tenant_id, id);
alter table mayfly.change enable row level security;
alter table mayfly.change force row level security;
create policy across on mayfly.change for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.change for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update (after), update (before), update (body), update (status) on mayfly.change to mayfly_across;
grant insert, select, update on mayfly.change to mayfly_app;
grant select, update (status) on mayfly.change to mayfly_log;

create table mayfly.claim (
  account_id uuid not null,
  tenant_id uuid not null,
  person_id uuid not null,
  claimed_at timestamp with time zone not null,
  review_on date
);
alter table mayfly.claim owner to mayfly_owner;
alter table mayfly.claim add constraint claim_pkey PRIMARY KEY (account_id);
CREATE INDEX claim_of_person ON mayfly.claim USING btree (person_id);
CREATE INDEX claim_review ON mayfly.claim USING btree (review_on);
alter table mayfly.claim enable row level security;
alter table mayfly.claim force row level security;
create policy across on mayfly.claim for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.claim for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update on mayfly.claim to mayfly_app;
grant insert, select on mayfly.claim to mayfly_log;

create table mayfly.claim_code (
  account_id uuid not null,
  tenant_id uuid not null,
  secret_hash bytea not null,
  secret_until timestamp with time zone not null,
  code_mac bytea,
  attempts_left smallint not null,
  expires_at timestamp with time zone not null
);
alter table mayfly.claim_code owner to mayfly_owner;
alter table mayfly.claim_code add constraint claim_code_pkey PRIMARY KEY (account_id);
CREATE INDEX claim_code_until ON mayfly.claim_code USING btree (secret_until);
alter table mayfly.claim_code enable row level security;
alter table mayfly.claim_code force row level security;
create policy across on mayfly.claim_code for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.claim_code for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.claim_code to mayfly_across;
grant delete, insert, select, update on mayfly.claim_code to mayfly_app;
grant delete, select on mayfly.claim_code to mayfly_log;

create table mayfly.connector (
  id uuid not null,
  tenant_id uuid not null,
  name text not null,
  kind text not null,
  config jsonb not null,
  admin_sealed bytea not null,
  kek_id text not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.connector owner to mayfly_owner;
alter table mayfly.connector add constraint connector_pkey PRIMARY KEY (id);
alter table mayfly.connector add constraint connector_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.connector add constraint connector_tenant_id_name_key UNIQUE (tenant_id, name);
alter table mayfly.connector enable row level security;
alter table mayfly.connector force row level security;
create policy across on mayfly.connector for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.connector for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update (admin_sealed), update (kek_id) on mayfly.connector to mayfly_across;
grant delete, insert, select, update on mayfly.connector to mayfly_app;

create table mayfly.console_session (
  credential_id uuid not null,
  tenant_id uuid not null,
  groups jsonb not null
);
alter table mayfly.console_session owner to mayfly_owner;
alter table mayfly.console_session add constraint console_session_credential_id_fkey FOREIGN KEY (credential_id) REFERENCES mayfly.credential(id) ON DELETE CASCADE;
alter table mayfly.console_session add constraint console_session_pkey PRIMARY KEY (credential_id);
alter table mayfly.console_session add constraint console_session_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.console_session enable row level security;
alter table mayfly.console_session force row level security;
create policy across on mayfly.console_session for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.console_session for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select on mayfly.console_session to mayfly_app;

create table mayfly.consumed_nonce (
  resource_id uuid not null,
  nonce_hash bytea not null,
  expires_at timestamp with time zone not null
);
alter table mayfly.consumed_nonce owner to mayfly_owner;
alter table mayfly.consumed_nonce add constraint consumed_nonce_pkey PRIMARY KEY (resource_id, nonce_hash);
CREATE INDEX consumed_nonce_expiry ON mayfly.consumed_nonce USING btree (expires_at);
grant delete, insert, select on mayfly.consumed_nonce to mayfly_app;

create table mayfly.credential (
  id uuid not null,
  kind text not null,
  tenant_id uuid,
  resource_id uuid,
  role text,
  name text not null,
  secret_hash bytea not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone,
  person_id uuid,
  provider_id uuid,
  made_by uuid,
  last_used_at timestamp with time zone
);
alter table mayfly.credential owner to mayfly_owner;
alter table mayfly.credential add constraint credential_check CHECK (((kind <> 'resource'::text) OR (resource_id IS NOT NULL)));
alter table mayfly.credential add constraint credential_check1 CHECK (((kind <> 'operator'::text) OR (role IS NOT NULL)));
alter table mayfly.credential add constraint credential_console CHECK (((kind <> 'console'::text) OR ((tenant_id IS NOT NULL) AND (person_id IS NOT NULL) AND (provider_id IS NOT NULL))));
alter table mayfly.credential add constraint credential_kind_check CHECK ((kind = ANY (ARRAY['bootstrap'::text, 'operator'::text, 'resource'::text, 'session'::text, 'console'::text])));
alter table mayfly.credential add constraint credential_person_id_fkey FOREIGN KEY (person_id) REFERENCES mayfly.person(id);
alter table mayfly.credential add constraint credential_pkey PRIMARY KEY (id);
alter table mayfly.credential add constraint credential_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES mayfly.sign_in_provider(id) ON DELETE CASCADE;
alter table mayfly.credential add constraint credential_resource_id_fkey FOREIGN KEY (resource_id) REFERENCES mayfly.resource(id) ON DELETE CASCADE;
alter table mayfly.credential add constraint credential_secret_hash_key UNIQUE (secret_hash);
alter table mayfly.credential add constraint credential_session CHECK (((kind <> 'session'::text) OR ((role IS NOT NULL) AND (person_id IS NOT NULL) AND (provider_id IS NOT NULL))));
alter table mayfly.credential add constraint credential_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX credential_person ON mayfly.credential USING btree (person_id) WHERE (person_id IS NOT NULL);
CREATE INDEX credential_provider ON mayfly.credential USING btree (provider_id) WHERE (provider_id IS NOT NULL);
alter table mayfly.credential enable row level security;
alter table mayfly.credential force row level security;
create policy across on mayfly.credential for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.credential for all to mayfly_app using (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)))) with check (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))));
grant delete, select on mayfly.credential to mayfly_across;
grant delete, insert, select, update on mayfly.credential to mayfly_app;
grant select, update (expires_at) on mayfly.credential to mayfly_log;

create table mayfly.enrolment (
  id uuid not null,
  tenant_id uuid not null,
  agent_id uuid not null,
  instance text not null,
  join_token_id uuid,
  trust_source_id uuid,
  created_at timestamp with time zone not null default clock_timestamp(),
  renewed_at timestamp with time zone not null default clock_timestamp(),
  not_after timestamp with time zone not null,
  basis bytea
);
alter table mayfly.enrolment owner to mayfly_owner;
alter table mayfly.enrolment add constraint enrolment_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES mayfly.agent(id) ON DELETE CASCADE;
alter table mayfly.enrolment add constraint enrolment_agent_id_instance_key UNIQUE (agent_id, instance);
alter table mayfly.enrolment add constraint enrolment_basis CHECK (((basis IS NULL) = (trust_source_id IS NULL)));
alter table mayfly.enrolment add constraint enrolment_check CHECK (((join_token_id IS NULL) <> (trust_source_id IS NULL)));
alter table mayfly.enrolment add constraint enrolment_join_token_id_fkey FOREIGN KEY (join_token_id) REFERENCES mayfly.join_token(id) ON DELETE CASCADE;
alter table mayfly.enrolment add constraint enrolment_join_token_id_key UNIQUE (join_token_id);
alter table mayfly.enrolment add constraint enrolment_pkey PRIMARY KEY (id);
alter table mayfly.enrolment add constraint enrolment_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.enrolment add constraint enrolment_trust_source_id_fkey FOREIGN KEY (trust_source_id) REFERENCES mayfly.trust_source(id) ON DELETE CASCADE;
CREATE INDEX enrolment_end ON mayfly.enrolment USING btree (not_after);
CREATE INDEX enrolment_trust_source ON mayfly.enrolment USING btree (trust_source_id) WHERE (trust_source_id IS NOT NULL);
alter table mayfly.enrolment enable row level security;
alter table mayfly.enrolment force row level security;
create policy across on mayfly.enrolment for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.enrolment for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.enrolment to mayfly_across;
grant delete, insert, select, update on mayfly.enrolment to mayfly_app;

create table mayfly.erasure (
  id uuid not null,
  tenant_id uuid,
  key_ids uuid[] not null,
  person_ids uuid[] not null,
  sealed text,
  sealed_under uuid,
  sealed_step integer,
  agent_ids uuid[] not null default '{}'::uuid[],
  asked_at timestamp with time zone not null default clock_timestamp(),
  swept_to bigint not null default 0,
  sweep_end bigint,
  removed bigint not null default 0,
  swept_at timestamp with time zone,
  ledgered_at timestamp with time zone,
  replayed boolean not null default false
);
alter table mayfly.erasure owner to mayfly_owner;
alter table mayfly.erasure add constraint erasure_pkey PRIMARY KEY (id);
alter table mayfly.erasure add constraint erasure_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX erasure_unledgered ON mayfly.erasure USING btree (asked_at) WHERE (ledgered_at IS NULL);
CREATE INDEX erasure_unswept ON mayfly.erasure USING btree (asked_at) WHERE (swept_at IS NULL);
alter table mayfly.erasure enable row level security;
alter table mayfly.erasure force row level security;
create policy across on mayfly.erasure for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.erasure for all to mayfly_app using (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)))) with check (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))));
grant select, update (ledgered_at) on mayfly.erasure to mayfly_across;
grant insert, select, update (agent_ids), update (ledgered_at) on mayfly.erasure to mayfly_app;
grant select, update on mayfly.erasure to mayfly_log;

create table mayfly.erasure_key (
  id uuid not null,
  tenant_id uuid not null,
  step integer not null default 0,
  key_sealed bytea not null,
  kek_id text not null
);
alter table mayfly.erasure_key owner to mayfly_owner;
alter table mayfly.erasure_key add constraint erasure_key_pkey PRIMARY KEY (id);
alter table mayfly.erasure_key add constraint erasure_key_step_check CHECK ((step >= 0));
alter table mayfly.erasure_key add constraint erasure_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.erasure_key add constraint erasure_key_tenant_id_key UNIQUE (tenant_id);
alter table mayfly.erasure_key enable row level security;
alter table mayfly.erasure_key force row level security;
create policy across on mayfly.erasure_key for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.erasure_key for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update (kek_id), update (key_sealed) on mayfly.erasure_key to mayfly_across;
grant insert, select, update (kek_id), update (key_sealed), update (step) on mayfly.erasure_key to mayfly_app;

create table mayfly.feed (
  tenant_id uuid not null,
  shard uuid not null default gen_random_uuid(),
  epoch bigint not null default 0
) with (fillfactor=50);
alter table mayfly.feed owner to mayfly_owner;
alter table mayfly.feed add constraint feed_pkey PRIMARY KEY (tenant_id);
alter table mayfly.feed add constraint feed_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.feed enable row level security;
alter table mayfly.feed force row level security;
create policy across on mayfly.feed for all to mayfly_across, mayfly_log using (true) with check (true);
create policy begin on mayfly.feed for insert to mayfly_app with check ((mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid));
create policy tenant on mayfly.feed for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.feed to mayfly_across;
grant insert (tenant_id), select on mayfly.feed to mayfly_app;
grant select, update, update (shard) on mayfly.feed to mayfly_log;

create table mayfly.feed_acknowledgement (
  tenant_id uuid not null,
  receiver_id uuid not null,
  epoch bigint not null,
  at timestamp with time zone not null
);
alter table mayfly.feed_acknowledgement owner to mayfly_owner;
alter table mayfly.feed_acknowledgement add constraint feed_acknowledgement_pkey PRIMARY KEY (tenant_id, receiver_id, epoch);
CREATE INDEX feed_acknowledgement_epoch ON mayfly.feed_acknowledgement USING btree (tenant_id, epoch);
alter table mayfly.feed_acknowledgement enable row level security;
alter table mayfly.feed_acknowledgement force row level security;
create policy across on mayfly.feed_acknowledgement for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.feed_acknowledgement for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select, update on mayfly.feed_acknowledgement to mayfly_across;
grant select on mayfly.feed_acknowledgement to mayfly_app;

create table mayfly.feed_receiver (
  tenant_id uuid not null,
  id uuid not null,
  resource_id uuid not null,
  name text not null,
  shard uuid not null,
  epoch bigint not null,
  first_seen_at timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  gone boolean not null default false
) with (fillfactor=70);
alter table mayfly.feed_receiver owner to mayfly_owner;
alter table mayfly.feed_receiver add constraint feed_receiver_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX feed_receiver_resource ON mayfly.feed_receiver USING btree (resource_id, seen_at);
alter table mayfly.feed_receiver enable row level security;
alter table mayfly.feed_receiver force row level security;
create policy across on mayfly.feed_receiver for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.feed_receiver for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select, update on mayfly.feed_receiver to mayfly_across;
grant select on mayfly.feed_receiver to mayfly_app;

create table mayfly.feed_report (
  tenant_id uuid not null,
  shard uuid not null,
  epoch bigint not null
) with (fillfactor=70);
alter table mayfly.feed_report owner to mayfly_owner;
alter table mayfly.feed_report add constraint feed_report_pkey PRIMARY KEY (tenant_id);
alter table mayfly.feed_report enable row level security;
alter table mayfly.feed_report force row level security;
create policy across on mayfly.feed_report for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.feed_report for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.feed_report to mayfly_across;
grant insert, select, update on mayfly.feed_report to mayfly_app;

create table mayfly.idempotency (
  credential_id uuid not null,
  key_hash bytea not null,
  fingerprint bytea not null,
  status integer,
  response jsonb,
  expires_at timestamp with time zone not null,
  tenant_id uuid not null default mayfly.tenant_in_force()
);
alter table mayfly.idempotency owner to mayfly_owner;
alter table mayfly.idempotency add constraint idempotency_pkey PRIMARY KEY (credential_id, key_hash);
alter table mayfly.idempotency enable row level security;
alter table mayfly.idempotency force row level security;
create policy across on mayfly.idempotency for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.idempotency for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.idempotency to mayfly_across;
grant delete, insert, select, update on mayfly.idempotency to mayfly_app;

create table mayfly.join_token (
  id uuid not null,
  tenant_id uuid not null,
  agent_id uuid not null,
  note text,
  secret_hash bytea not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  expires_at timestamp with time zone not null,
  used_at timestamp with time zone
);
alter table mayfly.join_token owner to mayfly_owner;
alter table mayfly.join_token add constraint join_token_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES mayfly.agent(id) ON DELETE CASCADE;
alter table mayfly.join_token add constraint join_token_pkey PRIMARY KEY (id);
alter table mayfly.join_token add constraint join_token_secret_hash_key UNIQUE (secret_hash);
alter table mayfly.join_token add constraint join_token_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX join_token_agent ON mayfly.join_token USING btree (agent_id, id);
alter table mayfly.join_token enable row level security;
alter table mayfly.join_token force row level security;
create policy across on mayfly.join_token for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.join_token for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.join_token to mayfly_across;
grant delete, insert, select, update on mayfly.join_token to mayfly_app;
grant select, update (expires_at) on mayfly.join_token to mayfly_log;

create table mayfly.key_rewrap (
  id smallint not null default 1,
  kek_id text not null,
  requested_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  rewrapped bigint not null default 0
);
alter table mayfly.key_rewrap owner to mayfly_owner;
alter table mayfly.key_rewrap add constraint key_rewrap_id_check CHECK ((id = 1));
alter table mayfly.key_rewrap add constraint key_rewrap_pkey PRIMARY KEY (id);
grant insert, select, update on mayfly.key_rewrap to mayfly_app;

create table mayfly.legal_hold (
  id uuid not null,
  tenant_id uuid not null,
  kind text not null,
  target_id uuid,
  key_ids uuid[],
  matter text not null,
  placed_by uuid not null,
  placed_at timestamp with time zone not null default clock_timestamp(),
  lifted_by uuid,
  lifted_at timestamp with time zone
);
alter table mayfly.legal_hold owner to mayfly_owner;
alter table mayfly.legal_hold add constraint legal_hold_check CHECK (((target_id IS NULL) = (kind = 'tenant'::text)));
alter table mayfly.legal_hold add constraint legal_hold_kind_check CHECK ((kind = ANY (ARRAY['tenant'::text, 'account'::text, 'agent'::text, 'person'::text])));
alter table mayfly.legal_hold add constraint legal_hold_pkey PRIMARY KEY (id);
alter table mayfly.legal_hold add constraint legal_hold_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX legal_hold_active ON mayfly.legal_hold USING btree (tenant_id) WHERE (lifted_at IS NULL);
alter table mayfly.legal_hold enable row level security;
alter table mayfly.legal_hold force row level security;
create policy across on mayfly.legal_hold for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.legal_hold for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.legal_hold to mayfly_across;
grant insert, select, update (lifted_at), update (lifted_by), update (matter) on mayfly.legal_hold to mayfly_app;
grant select on mayfly.legal_hold to mayfly_log;

create table mayfly.lineage (
  account_id uuid not null,
  tenant_id uuid not null,
  root_id uuid not null,
  parent_id uuid not null,
  depth smallint not null,
  max_depth smallint not null,
  ancestors uuid[] not null,
  generations integer[] not null,
  agents uuid[] not null,
  quota jsonb
);
alter table mayfly.lineage owner to mayfly_owner;
alter table mayfly.lineage add constraint lineage_check CHECK (((cardinality(ancestors) = depth) AND (cardinality(generations) = depth) AND (cardinality(agents) = depth)));
alter table mayfly.lineage add constraint lineage_pkey PRIMARY KEY (account_id);
CREATE INDEX lineage_parent ON mayfly.lineage USING btree (parent_id);
CREATE INDEX lineage_root ON mayfly.lineage USING btree (root_id);
alter table mayfly.lineage enable row level security;
alter table mayfly.lineage force row level security;
create policy across on mayfly.lineage for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.lineage for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.lineage to mayfly_across;
grant select on mayfly.lineage to mayfly_app;
grant delete, insert, select, update on mayfly.lineage to mayfly_log;

create table mayfly.live_count (
  scope uuid not null,
  tenant_id uuid not null,
  live integer not null
) with (fillfactor=50);
alter table mayfly.live_count owner to mayfly_owner;
alter table mayfly.live_count add constraint live_count_live_check CHECK ((live >= 0));
alter table mayfly.live_count add constraint live_count_pkey PRIMARY KEY (scope);
alter table mayfly.live_count enable row level security;
alter table mayfly.live_count force row level security;
create policy across on mayfly.live_count for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.live_count for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.live_count to mayfly_app;
grant delete, insert, select, update on mayfly.live_count to mayfly_log;

create table mayfly.outbox (
  id bigint not null generated always as identity,
  tenant_id uuid not null,
  account_id uuid not null,
  transition text not null,
  generation integer not null,
  payload jsonb,
  at timestamp with time zone not null,
  attempts smallint not null default 0,
  due_at timestamp with time zone not null default clock_timestamp(),
  parked boolean not null default false
);
alter table mayfly.outbox owner to mayfly_owner;
alter table mayfly.outbox add constraint outbox_pkey PRIMARY KEY (id);
CREATE INDEX outbox_due ON mayfly.outbox USING btree (due_at, id) WHERE (NOT parked);
CREATE INDEX outbox_parked ON mayfly.outbox USING btree (due_at) WHERE parked;
alter table mayfly.outbox enable row level security;
alter table mayfly.outbox force row level security;
create policy across on mayfly.outbox for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.outbox for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select, update on mayfly.outbox to mayfly_across;
grant delete, select, update on mayfly.outbox to mayfly_app;
grant insert, select on mayfly.outbox to mayfly_log;

create table mayfly.person (
  id uuid not null,
  tenant_id uuid,
  issuer text not null,
  subject text not null,
  name text,
  email text,
  created_at timestamp with time zone not null default clock_timestamp(),
  seen_at timestamp with time zone not null default clock_timestamp(),
  left_at timestamp with time zone
);
alter table mayfly.person owner to mayfly_owner;
alter table mayfly.person add constraint person_pkey PRIMARY KEY (id);
alter table mayfly.person add constraint person_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.person add constraint person_tenant_id_issuer_subject_key UNIQUE NULLS NOT DISTINCT (tenant_id, issuer, subject);
CREATE INDEX person_left ON mayfly.person USING btree (id) WHERE (left_at IS NOT NULL);
alter table mayfly.person enable row level security;
alter table mayfly.person force row level security;
create policy across on mayfly.person for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.person for all to mayfly_app using (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)))) with check (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))));
grant select on mayfly.person to mayfly_across;
grant insert, select, update on mayfly.person to mayfly_app;
grant select on mayfly.person to mayfly_log;

create table mayfly.quota (
  tenant_id uuid not null,
  scope uuid not null,
  kind "char" not null,
  used bigint not null,
  ends_at timestamp with time zone not null
) with (fillfactor=70);
alter table mayfly.quota owner to mayfly_owner;
alter table mayfly.quota add constraint quota_pkey PRIMARY KEY (scope, kind);
CREATE INDEX quota_ends ON mayfly.quota USING btree (ends_at);
alter table mayfly.quota enable row level security;
alter table mayfly.quota force row level security;
create policy across on mayfly.quota for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.quota for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select, update on mayfly.quota to mayfly_across;

create table mayfly.replay (
  tenant_id uuid not null,
  kind text not null,
  hash bytea not null,
  expires_at timestamp with time zone not null
);
alter table mayfly.replay owner to mayfly_owner;
alter table mayfly.replay add constraint replay_pkey PRIMARY KEY (tenant_id, kind, hash);
CREATE INDEX replay_expiry ON mayfly.replay USING btree (expires_at);
alter table mayfly.replay enable row level security;
alter table mayfly.replay force row level security;
create policy across on mayfly.replay for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.replay for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select on mayfly.replay to mayfly_across;
grant delete, insert, select on mayfly.replay to mayfly_app;

create table mayfly.resource (
  id uuid not null,
  tenant_id uuid not null,
  uri text not null,
  name text not null,
  config jsonb not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.resource owner to mayfly_owner;
alter table mayfly.resource add constraint resource_pkey PRIMARY KEY (id);
alter table mayfly.resource add constraint resource_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.resource add constraint resource_uri_key UNIQUE (uri);
CREATE TRIGGER resource_epoch AFTER INSERT OR DELETE OR UPDATE ON mayfly.resource FOR EACH ROW EXECUTE FUNCTION mayfly.raise_config_epoch();
alter table mayfly.resource enable row level security;
alter table mayfly.resource force row level security;
create policy across on mayfly.resource for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.resource for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select, update on mayfly.resource to mayfly_app;

create table mayfly.retention (
  tenant_id uuid not null,
  security integer,
  standard integer,
  short integer,
  updated_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.retention owner to mayfly_owner;
alter table mayfly.retention add constraint retention_pkey PRIMARY KEY (tenant_id);
alter table mayfly.retention add constraint retention_security_check CHECK (((security >= 12) AND (security <= 1200)));
alter table mayfly.retention add constraint retention_short_check CHECK (((short >= 1) AND (short <= 1200)));
alter table mayfly.retention add constraint retention_standard_check CHECK (((standard >= 3) AND (standard <= 1200)));
alter table mayfly.retention add constraint retention_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.retention enable row level security;
alter table mayfly.retention force row level security;
create policy across on mayfly.retention for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.retention for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant insert, select, update on mayfly.retention to mayfly_app;
grant select on mayfly.retention to mayfly_log;

create table mayfly.revocation (
  tenant_id uuid not null,
  epoch bigint not null,
  id uuid not null,
  at timestamp with time zone not null,
  kind text not null,
  subject text not null,
  match bytea not null,
  least bigint,
  until timestamp with time zone not null,
  cause text not null,
  actor jsonb
);
alter table mayfly.revocation owner to mayfly_owner;
alter table mayfly.revocation add constraint revocation_kind_check CHECK ((kind = ANY (ARRAY['a'::text, 'x'::text, 'j'::text, 'c'::text, 'k'::text, 't'::text])));
alter table mayfly.revocation add constraint revocation_pkey PRIMARY KEY (tenant_id, epoch);
CREATE INDEX revocation_id ON mayfly.revocation USING btree (id);
CREATE INDEX revocation_match ON mayfly.revocation USING btree (tenant_id, kind, match);
CREATE INDEX revocation_ordered ON mayfly.revocation USING btree (tenant_id, epoch) WHERE (actor ? 'target'::text);
CREATE INDEX revocation_until ON mayfly.revocation USING btree (tenant_id, until);
CREATE TRIGGER revocation_pins AFTER INSERT ON mayfly.revocation FOR EACH ROW WHEN ((new.kind = 'j'::text)) EXECUTE FUNCTION mayfly.pin_revoked();
alter table mayfly.revocation enable row level security;
alter table mayfly.revocation force row level security;
create policy across on mayfly.revocation for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.revocation for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.revocation to mayfly_across;
grant select on mayfly.revocation to mayfly_app;
grant insert on mayfly.revocation to mayfly_log;

create table mayfly.sign_in_client_secret (
  id uuid not null,
  tenant_id uuid not null,
  secret_sealed bytea not null,
  kek_id text not null,
  created_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.sign_in_client_secret owner to mayfly_owner;
alter table mayfly.sign_in_client_secret add constraint sign_in_client_secret_id_fkey FOREIGN KEY (id) REFERENCES mayfly.sign_in_provider(id) ON DELETE CASCADE;
alter table mayfly.sign_in_client_secret add constraint sign_in_client_secret_pkey PRIMARY KEY (id);
alter table mayfly.sign_in_client_secret add constraint sign_in_client_secret_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.sign_in_client_secret enable row level security;
alter table mayfly.sign_in_client_secret force row level security;
create policy across on mayfly.sign_in_client_secret for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.sign_in_client_secret for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update (kek_id), update (secret_sealed) on mayfly.sign_in_client_secret to mayfly_across;
grant delete, insert, select, update on mayfly.sign_in_client_secret to mayfly_app;

create table mayfly.sign_in_provider (
  id uuid not null,
  tenant_id uuid,
  name text not null,
  issuer text not null,
  client_id text not null,
  config jsonb not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.sign_in_provider owner to mayfly_owner;
alter table mayfly.sign_in_provider add constraint sign_in_provider_pkey PRIMARY KEY (id);
alter table mayfly.sign_in_provider add constraint sign_in_provider_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.sign_in_provider add constraint sign_in_provider_tenant_id_name_key UNIQUE NULLS NOT DISTINCT (tenant_id, name);
alter table mayfly.sign_in_provider enable row level security;
alter table mayfly.sign_in_provider force row level security;
create policy across on mayfly.sign_in_provider for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.sign_in_provider for all to mayfly_app using (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)))) with check (((tenant_id = mayfly.tenant_in_force()) OR ((tenant_id IS NULL) AND (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))));
grant select on mayfly.sign_in_provider to mayfly_across;
grant delete, insert, select, update on mayfly.sign_in_provider to mayfly_app;

create table mayfly.signing_key (
  id uuid not null,
  tenant_id uuid not null,
  kid text not null,
  alg text not null,
  public_jwk jsonb not null,
  private_sealed bytea,
  kek_id text,
  state text not null default 'active'::text,
  created_at timestamp with time zone not null default clock_timestamp(),
  state_since timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.signing_key owner to mayfly_owner;
alter table mayfly.signing_key add constraint signing_key_destroyed CHECK ((((private_sealed IS NULL) = (state = 'retired'::text)) AND ((kek_id IS NULL) = (state = 'retired'::text))));
alter table mayfly.signing_key add constraint signing_key_kid_key UNIQUE (kid);
alter table mayfly.signing_key add constraint signing_key_pkey PRIMARY KEY (id);
alter table mayfly.signing_key add constraint signing_key_state_check CHECK ((state = ANY (ARRAY['next'::text, 'active'::text, 'retiring'::text, 'retired'::text])));
alter table mayfly.signing_key add constraint signing_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX signing_key_due ON mayfly.signing_key USING btree (state, state_since) WHERE (state <> 'retired'::text);
CREATE UNIQUE INDEX signing_key_one_active ON mayfly.signing_key USING btree (tenant_id, alg) WHERE (state = 'active'::text);
CREATE UNIQUE INDEX signing_key_one_next ON mayfly.signing_key USING btree (tenant_id, alg) WHERE (state = 'next'::text);
CREATE TRIGGER signing_key_change_epoch AFTER UPDATE ON mayfly.signing_key FOR EACH ROW WHEN (((((((old.id IS DISTINCT FROM new.id) OR (old.tenant_id IS DISTINCT FROM new.tenant_id)) OR (old.kid IS DISTINCT FROM new.kid)) OR (old.alg IS DISTINCT FROM new.alg)) OR (old.public_jwk IS DISTINCT FROM new.public_jwk)) OR (old.state IS DISTINCT FROM new.state))) EXECUTE FUNCTION mayfly.raise_config_epoch();
CREATE TRIGGER signing_key_epoch AFTER INSERT OR DELETE ON mayfly.signing_key FOR EACH ROW EXECUTE FUNCTION mayfly.raise_config_epoch();
CREATE TRIGGER signing_key_step BEFORE UPDATE ON mayfly.signing_key FOR EACH ROW EXECUTE FUNCTION mayfly.step_key_state();
alter table mayfly.signing_key enable row level security;
alter table mayfly.signing_key force row level security;
create policy across on mayfly.signing_key for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.signing_key for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update (kek_id), update (private_sealed) on mayfly.signing_key to mayfly_across;
grant insert, select, update on mayfly.signing_key to mayfly_app;
grant select, update (kek_id), update (private_sealed), update (state), update (state_since) on mayfly.signing_key to mayfly_log;

create table mayfly.ssf_acknowledgement (
  tenant_id uuid not null,
  stream_id uuid not null,
  epoch bigint not null,
  at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.ssf_acknowledgement owner to mayfly_owner;
alter table mayfly.ssf_acknowledgement add constraint ssf_acknowledgement_pkey PRIMARY KEY (stream_id, epoch);
alter table mayfly.ssf_acknowledgement add constraint ssf_acknowledgement_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES mayfly.ssf_stream(id) ON DELETE CASCADE;
CREATE INDEX ssf_acknowledgement_at ON mayfly.ssf_acknowledgement USING btree (at);
alter table mayfly.ssf_acknowledgement enable row level security;
alter table mayfly.ssf_acknowledgement force row level security;
create policy across on mayfly.ssf_acknowledgement for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.ssf_acknowledgement for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.ssf_acknowledgement to mayfly_across;
grant insert, select on mayfly.ssf_acknowledgement to mayfly_app;

create table mayfly.ssf_dead_letter (
  id uuid not null,
  tenant_id uuid not null,
  stream_id uuid not null,
  shard uuid not null,
  epoch bigint not null,
  event jsonb not null,
  err text not null,
  description text,
  due boolean not null default false,
  at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.ssf_dead_letter owner to mayfly_owner;
alter table mayfly.ssf_dead_letter add constraint ssf_dead_letter_pkey PRIMARY KEY (id);
alter table mayfly.ssf_dead_letter add constraint ssf_dead_letter_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES mayfly.ssf_stream(id) ON DELETE CASCADE;
alter table mayfly.ssf_dead_letter add constraint ssf_dead_letter_stream_id_shard_epoch_key UNIQUE (stream_id, shard, epoch);
CREATE INDEX ssf_dead_letter_due ON mayfly.ssf_dead_letter USING btree (stream_id) WHERE due;
alter table mayfly.ssf_dead_letter enable row level security;
alter table mayfly.ssf_dead_letter force row level security;
create policy across on mayfly.ssf_dead_letter for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.ssf_dead_letter for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant insert, select on mayfly.ssf_dead_letter to mayfly_across;
grant delete, insert, select, update on mayfly.ssf_dead_letter to mayfly_app;

create table mayfly.ssf_notice (
  id uuid not null,
  tenant_id uuid not null,
  stream_id uuid not null,
  place bigint not null generated always as identity,
  type text not null,
  claims jsonb not null,
  at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.ssf_notice owner to mayfly_owner;
alter table mayfly.ssf_notice add constraint ssf_notice_pkey PRIMARY KEY (id);
alter table mayfly.ssf_notice add constraint ssf_notice_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES mayfly.ssf_stream(id) ON DELETE CASCADE;
alter table mayfly.ssf_notice add constraint ssf_notice_type_check CHECK ((type = ANY (ARRAY['verification'::text, 'stream-updated'::text])));
CREATE INDEX ssf_notice_stream ON mayfly.ssf_notice USING btree (stream_id, place);
alter table mayfly.ssf_notice enable row level security;
alter table mayfly.ssf_notice force row level security;
create policy across on mayfly.ssf_notice for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.ssf_notice for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.ssf_notice to mayfly_across;
grant delete, insert, select, update on mayfly.ssf_notice to mayfly_app;

create table mayfly.ssf_receiver (
  id uuid not null,
  tenant_id uuid not null,
  name text not null,
  audience text not null,
  ca_pem text,
  secret_hash bytea not null,
  expires_at timestamp with time zone not null,
  previous_hash bytea,
  previous_until timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.ssf_receiver owner to mayfly_owner;
alter table mayfly.ssf_receiver add constraint ssf_receiver_pkey PRIMARY KEY (id);
alter table mayfly.ssf_receiver add constraint ssf_receiver_previous_hash_key UNIQUE (previous_hash);
alter table mayfly.ssf_receiver add constraint ssf_receiver_secret_hash_key UNIQUE (secret_hash);
alter table mayfly.ssf_receiver add constraint ssf_receiver_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.ssf_receiver add constraint ssf_receiver_tenant_id_name_key UNIQUE (tenant_id, name);
alter table mayfly.ssf_receiver enable row level security;
alter table mayfly.ssf_receiver force row level security;
create policy across on mayfly.ssf_receiver for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.ssf_receiver for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.ssf_receiver to mayfly_across;
grant delete, insert, select, update on mayfly.ssf_receiver to mayfly_app;

create table mayfly.ssf_stream (
  id uuid not null,
  tenant_id uuid not null,
  receiver_id uuid not null,
  issuer text not null,
  description text,
  events_requested jsonb,
  method text not null,
  endpoint_url text,
  authorization_sealed bytea,
  kek_id text,
  status text not null default 'enabled'::text,
  status_reason text,
  shard uuid not null,
  cursor bigint not null,
  ahead jsonb not null default '[]'::jsonb,
  taken_at timestamp with time zone,
  hold_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  failures integer not null default 0,
  failure text,
  failure_status smallint,
  lease uuid,
  leased_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  tried_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  verified_at timestamp with time zone not null default '-infinity'::timestamp with time zone,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.ssf_stream owner to mayfly_owner;
alter table mayfly.ssf_stream add constraint ssf_stream_check CHECK (((method = 'push'::text) = (endpoint_url IS NOT NULL)));
alter table mayfly.ssf_stream add constraint ssf_stream_check1 CHECK (((authorization_sealed IS NULL) = (kek_id IS NULL)));
alter table mayfly.ssf_stream add constraint ssf_stream_method_check CHECK ((method = ANY (ARRAY['push'::text, 'poll'::text])));
alter table mayfly.ssf_stream add constraint ssf_stream_pkey PRIMARY KEY (id);
alter table mayfly.ssf_stream add constraint ssf_stream_receiver_id_fkey FOREIGN KEY (receiver_id) REFERENCES mayfly.ssf_receiver(id) ON DELETE CASCADE;
alter table mayfly.ssf_stream add constraint ssf_stream_status_check CHECK ((status = ANY (ARRAY['enabled'::text, 'paused'::text, 'disabled'::text])));
alter table mayfly.ssf_stream add constraint ssf_stream_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX ssf_stream_receiver ON mayfly.ssf_stream USING btree (receiver_id);
CREATE INDEX ssf_stream_tenant ON mayfly.ssf_stream USING btree (tenant_id, id);
alter table mayfly.ssf_stream enable row level security;
alter table mayfly.ssf_stream force row level security;
create policy across on mayfly.ssf_stream for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.ssf_stream for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update on mayfly.ssf_stream to mayfly_across;
grant delete, insert, select, update on mayfly.ssf_stream to mayfly_app;

create table mayfly.ssf_subject (
  stream_id uuid not null,
  tenant_id uuid not null,
  hash bytea not null,
  subject jsonb not null
);
alter table mayfly.ssf_subject owner to mayfly_owner;
alter table mayfly.ssf_subject add constraint ssf_subject_pkey PRIMARY KEY (stream_id, hash);
alter table mayfly.ssf_subject add constraint ssf_subject_stream_id_fkey FOREIGN KEY (stream_id) REFERENCES mayfly.ssf_stream(id) ON DELETE CASCADE;
alter table mayfly.ssf_subject enable row level security;
alter table mayfly.ssf_subject force row level security;
create policy across on mayfly.ssf_subject for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.ssf_subject for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, insert, select, update on mayfly.ssf_subject to mayfly_app;

create table mayfly.subject_key (
  id uuid not null,
  tenant_id uuid not null,
  subject_hash bytea not null,
  key_sealed bytea not null,
  kek_id text not null,
  created_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.subject_key owner to mayfly_owner;
alter table mayfly.subject_key add constraint subject_key_pkey PRIMARY KEY (id);
alter table mayfly.subject_key add constraint subject_key_tenant_id_subject_hash_key UNIQUE (tenant_id, subject_hash);
alter table mayfly.subject_key enable row level security;
alter table mayfly.subject_key force row level security;
create policy across on mayfly.subject_key for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.subject_key for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select, update (kek_id), update (key_sealed) on mayfly.subject_key to mayfly_across;
grant insert, select on mayfly.subject_key to mayfly_app;
grant insert, select on mayfly.subject_key to mayfly_log;

create table mayfly.subject_pin (
  token_hash bytea not null,
  key_thumbprint bytea not null,
  expires_at timestamp with time zone not null
);
alter table mayfly.subject_pin owner to mayfly_owner;
alter table mayfly.subject_pin add constraint subject_pin_pkey PRIMARY KEY (token_hash);
CREATE INDEX subject_pin_expiry ON mayfly.subject_pin USING btree (expires_at);
grant delete, select on mayfly.subject_pin to mayfly_app;
grant insert, select on mayfly.subject_pin to mayfly_log;

create table mayfly.sweep (
  id uuid not null,
  tenant_id uuid not null,
  agents uuid[],
  facts jsonb not null,
  resume_after uuid not null default '00000000-0000-0000-0000-000000000000'::uuid,
  ended bigint not null default 0,
  touched_at timestamp with time zone not null default clock_timestamp(),
  finished_at timestamp with time zone
);
alter table mayfly.sweep owner to mayfly_owner;
alter table mayfly.sweep add constraint sweep_pkey PRIMARY KEY (id);
alter table mayfly.sweep add constraint sweep_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE INDEX sweep_open ON mayfly.sweep USING btree (touched_at) WHERE (finished_at IS NULL);
alter table mayfly.sweep enable row level security;
alter table mayfly.sweep force row level security;
create policy across on mayfly.sweep for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.sweep for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.sweep to mayfly_across;
grant insert, select, update on mayfly.sweep to mayfly_app;

create table mayfly.tenant (
  id uuid not null,
  slug text not null,
  name text not null,
  is_first boolean not null default false,
  config_epoch bigint not null default 1,
  created_at timestamp with time zone not null default clock_timestamp(),
  two_person jsonb not null default '[]'::jsonb,
  longest_token_seconds integer not null default 300
);
alter table mayfly.tenant owner to mayfly_owner;
alter table mayfly.tenant add constraint tenant_pkey PRIMARY KEY (id);
alter table mayfly.tenant add constraint tenant_slug_check CHECK ((slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'::text));
alter table mayfly.tenant add constraint tenant_slug_key UNIQUE (slug);
CREATE UNIQUE INDEX tenant_one_first ON mayfly.tenant USING btree (is_first) WHERE is_first;
CREATE TRIGGER tenant_feed AFTER INSERT ON mayfly.tenant FOR EACH ROW EXECUTE FUNCTION mayfly.begin_feed();
alter table mayfly.tenant enable row level security;
alter table mayfly.tenant force row level security;
create policy across on mayfly.tenant for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.tenant for all to mayfly_app using (((id = mayfly.tenant_in_force()) OR (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid))) with check (((id = mayfly.tenant_in_force()) OR (mayfly.tenant_in_force() = '00000000-0000-0000-0000-000000000000'::uuid)));
grant select, update (config_epoch) on mayfly.tenant to mayfly_across;
grant insert, select, update on mayfly.tenant to mayfly_app;
grant select, update (config_epoch) on mayfly.tenant to mayfly_log;

create table mayfly.tenant_limits (
  tenant_id uuid not null,
  granted jsonb not null default '{}'::jsonb,
  own jsonb not null default '{}'::jsonb,
  updated_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.tenant_limits owner to mayfly_owner;
alter table mayfly.tenant_limits add constraint tenant_limits_pkey PRIMARY KEY (tenant_id);
alter table mayfly.tenant_limits add constraint tenant_limits_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
CREATE TRIGGER tenant_limits_epoch AFTER INSERT OR DELETE OR UPDATE ON mayfly.tenant_limits FOR EACH ROW EXECUTE FUNCTION mayfly.raise_config_epoch();
alter table mayfly.tenant_limits enable row level security;
alter table mayfly.tenant_limits force row level security;
create policy across on mayfly.tenant_limits for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.tenant_limits for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant insert, select, update on mayfly.tenant_limits to mayfly_app;

create table mayfly.token_status (
  list uuid not null,
  idx integer not null,
  tenant_id uuid not null,
  token_id uuid not null,
  account_id uuid not null,
  generation integer not null,
  root_id uuid not null,
  agents uuid[] not null,
  config_epoch bigint not null,
  kid text not null,
  until timestamp with time zone not null
);
alter table mayfly.token_status owner to mayfly_owner;
alter table mayfly.token_status add constraint token_status_idx_check CHECK ((idx >= 0));
alter table mayfly.token_status add constraint token_status_pkey PRIMARY KEY (list, idx);
CREATE INDEX token_status_until ON mayfly.token_status USING btree (until);
alter table mayfly.token_status enable row level security;
alter table mayfly.token_status force row level security;
create policy across on mayfly.token_status for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.token_status for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.token_status to mayfly_across;
grant select on mayfly.token_status to mayfly_app;
grant insert on mayfly.token_status to mayfly_log;

create table mayfly.tombstone (
  task_key uuid not null,
  account_id uuid not null,
  tenant_id uuid not null,
  ended_at timestamp with time zone not null,
  state "char" not null
);
alter table mayfly.tombstone owner to mayfly_owner;
alter table mayfly.tombstone add constraint tombstone_pkey PRIMARY KEY (task_key);
CREATE INDEX tombstone_account ON mayfly.tombstone USING btree (account_id);
CREATE INDEX tombstone_hour ON mayfly.tombstone USING btree (date_trunc('hour'::text, (ended_at AT TIME ZONE 'UTC'::text)));
alter table mayfly.tombstone enable row level security;
alter table mayfly.tombstone force row level security;
create policy across on mayfly.tombstone for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.tombstone for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select on mayfly.tombstone to mayfly_across;
grant delete, select on mayfly.tombstone to mayfly_app;
grant insert, select on mayfly.tombstone to mayfly_log;

create table mayfly.trust_source (
  id uuid not null,
  tenant_id uuid not null,
  name text not null,
  kind text not null,
  issuer text,
  audience text,
  config jsonb not null,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp(),
  suspended_at timestamp with time zone,
  held_at timestamp with time zone
);
alter table mayfly.trust_source owner to mayfly_owner;
alter table mayfly.trust_source add constraint trust_source_builtin_ca CHECK (((kind <> 'builtin_ca'::text) OR (issuer IS NOT NULL)));
alter table mayfly.trust_source add constraint trust_source_check CHECK (((kind <> 'openid'::text) OR ((issuer IS NOT NULL) AND (audience IS NOT NULL))));
alter table mayfly.trust_source add constraint trust_source_kind_check CHECK ((kind = ANY (ARRAY['openid'::text, 'x509_ca'::text, 'spiffe'::text, 'pinned'::text, 'did'::text, 'builtin_ca'::text])));
alter table mayfly.trust_source add constraint trust_source_pkey PRIMARY KEY (id);
alter table mayfly.trust_source add constraint trust_source_spiffe CHECK (((kind <> 'spiffe'::text) OR (issuer IS NOT NULL)));
alter table mayfly.trust_source add constraint trust_source_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.trust_source add constraint trust_source_tenant_id_name_key UNIQUE (tenant_id, name);
CREATE UNIQUE INDEX trust_source_issuer_audience ON mayfly.trust_source USING btree (issuer, audience) WHERE (kind = 'openid'::text);
CREATE UNIQUE INDEX trust_source_one_builtin_ca ON mayfly.trust_source USING btree (tenant_id) WHERE (kind = 'builtin_ca'::text);
CREATE UNIQUE INDEX trust_source_own_domain ON mayfly.trust_source USING btree (issuer) WHERE (kind = 'builtin_ca'::text);
CREATE UNIQUE INDEX trust_source_trust_domain ON mayfly.trust_source USING btree (tenant_id, issuer) WHERE (kind = ANY (ARRAY['spiffe'::text, 'builtin_ca'::text]));
CREATE TRIGGER trust_source_end_hold BEFORE UPDATE ON mayfly.trust_source FOR EACH ROW WHEN (((new.suspended_at IS NULL) AND (new.held_at IS NOT NULL))) EXECUTE FUNCTION mayfly.end_hold();
CREATE TRIGGER trust_source_epoch AFTER INSERT OR DELETE OR UPDATE ON mayfly.trust_source FOR EACH ROW EXECUTE FUNCTION mayfly.raise_config_epoch();
alter table mayfly.trust_source enable row level security;
alter table mayfly.trust_source force row level security;
create policy across on mayfly.trust_source for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.trust_source for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select on mayfly.trust_source to mayfly_across;
grant delete, insert, select, update on mayfly.trust_source to mayfly_app;
grant select, update (held_at), update (suspended_at) on mayfly.trust_source to mayfly_log;

create table mayfly.usage (
  tenant_id uuid not null,
  day date not null,
  agent_id uuid not null,
  account_id uuid not null,
  opened bigint not null default 0,
  tokens bigint not null default 0,
  denials bigint not null default 0,
  calls_allowed bigint not null default 0,
  calls_refused bigint not null default 0,
  units bigint not null default 0
);
alter table mayfly.usage owner to mayfly_owner;
alter table mayfly.usage add constraint usage_pkey PRIMARY KEY (tenant_id, day, agent_id, account_id);
CREATE INDEX usage_account ON mayfly.usage USING btree (tenant_id, account_id);
alter table mayfly.usage enable row level security;
alter table mayfly.usage force row level security;
create policy across on mayfly.usage for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.usage for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant insert, select, update on mayfly.usage to mayfly_across;
grant select on mayfly.usage to mayfly_app;

create table mayfly.usage_cursor (
  id smallint not null,
  position bigint not null
);
alter table mayfly.usage_cursor owner to mayfly_owner;
alter table mayfly.usage_cursor add constraint usage_cursor_id_check CHECK ((id = 1));
alter table mayfly.usage_cursor add constraint usage_cursor_pkey PRIMARY KEY (id);
grant select, update on mayfly.usage_cursor to mayfly_across;
grant select on mayfly.usage_cursor to mayfly_log;

create table mayfly.webhook (
  id uuid not null,
  tenant_id uuid not null,
  name text not null,
  config jsonb not null,
  secret_sealed bytea not null,
  kek_id text not null,
  public_key text,
  hold_until timestamp with time zone not null default '-infinity'::timestamp with time zone,
  failures integer not null default 0,
  created_at timestamp with time zone not null default clock_timestamp(),
  updated_at timestamp with time zone not null default clock_timestamp()
);
alter table mayfly.webhook owner to mayfly_owner;
alter table mayfly.webhook add constraint webhook_pkey PRIMARY KEY (id);
alter table mayfly.webhook add constraint webhook_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES mayfly.tenant(id);
alter table mayfly.webhook add constraint webhook_tenant_id_name_key UNIQUE (tenant_id, name);
alter table mayfly.webhook enable row level security;
alter table mayfly.webhook force row level security;
create policy across on mayfly.webhook for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.webhook for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant select, update (kek_id), update (secret_sealed) on mayfly.webhook to mayfly_across;
grant delete, insert, select, update on mayfly.webhook to mayfly_app;

create table mayfly.webhook_message (
  id uuid not null,
  tenant_id uuid not null,
  webhook_id uuid not null,
  event text not null,
  type text not null,
  body text not null,
  state text not null default 'waiting'::text,
  due_at timestamp with time zone not null default clock_timestamp(),
  attempts smallint not null default 0,
  status smallint,
  failure text,
  created_at timestamp with time zone not null default clock_timestamp(),
  settled_at timestamp with time zone
);
alter table mayfly.webhook_message owner to mayfly_owner;
alter table mayfly.webhook_message add constraint webhook_message_pkey PRIMARY KEY (id);
alter table mayfly.webhook_message add constraint webhook_message_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'delivered'::text, 'parked'::text])));
alter table mayfly.webhook_message add constraint webhook_message_webhook_id_event_key UNIQUE (webhook_id, event);
alter table mayfly.webhook_message add constraint webhook_message_webhook_id_fkey FOREIGN KEY (webhook_id) REFERENCES mayfly.webhook(id) ON DELETE CASCADE;
CREATE INDEX webhook_message_due ON mayfly.webhook_message USING btree (webhook_id, due_at, id) WHERE (state = 'waiting'::text);
CREATE INDEX webhook_message_settled ON mayfly.webhook_message USING btree (settled_at) WHERE (state = 'delivered'::text);
alter table mayfly.webhook_message enable row level security;
alter table mayfly.webhook_message force row level security;
create policy across on mayfly.webhook_message for all to mayfly_across, mayfly_log using (true) with check (true);
create policy tenant on mayfly.webhook_message for all to mayfly_app using ((tenant_id = mayfly.tenant_in_force())) with check ((tenant_id = mayfly.tenant_in_force()));
grant delete, select, update on mayfly.webhook_message to mayfly_across;
grant delete, insert, select, update on mayfly.webhook_message to mayfly_app;

CREATE OR REPLACE FUNCTION across.account_family(p_tenant uuid, p_account uuid, p_limit integer)
 RETURNS TABLE(account_id uuid, distance integer, parent_id uuid, agent_id uuid, opened_at timestamp with time zone, ended_at timestamp with time zone, ended_by text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
declare
  v_level uuid[] := array[p_account];
  v_ids uuid[] := v_level;
  v_distances integer[] := array[0];
begin
  for v_distance in 1 .. 16 loop
    v_level := array(select e.account_id from unnest(v_level) l(id) join log.event e on e.parent_id = l.id
      where e.tenant_id = p_tenant limit greatest(p_limit - cardinality(v_ids), 0));
    exit when v_level = '{}';
    v_ids := v_ids || v_level;
    v_distances := v_distances || array_fill(v_distance, array[cardinality(v_level)]);
  end loop;
  return query
    with recursive up(id, parent, distance) as (
      -- Among its first events: it may be another tenant's, which nobody is to learn from how long this takes.
      select e.account_id, e.parent_id, 0 from (select f.account_id, f.parent_id, f.tenant_id, f.type from log.event f
         where f.account_id = p_account order by (f.position >> 16) limit 64) e
       where e.tenant_id = p_tenant and e.type = 'account.opened'
      union all
      select e.account_id, e.parent_id, u.distance - 1 from up u join log.event e on e.account_id = u.parent and e.type = 'account.opened'
       where e.tenant_id = p_tenant and u.distance > -16
    ), family(id, distance) as (
      select u.id, u.distance from up u where u.distance < 0
      union all
      select d.id, d.distance from unnest(v_ids, v_distances) d(id, distance)
    )
    select f.id, f.distance, o.parent_id, o.agent_id, o.at, x.at, x.type
      from family f
      left join lateral (select e.parent_id, e.agent_id, e.at from (select g.parent_id, g.agent_id, g.at, g.tenant_id, g.type from log.event g
           where g.account_id = f.id order by (g.position >> 16) limit 64) e
         where e.tenant_id = p_tenant and e.type = 'account.opened' limit 1) o on true
      left join lateral (select e.at, e.type from log.event e where o.at is not null and e.account_id = f.id and e.tenant_id = p_tenant
         and e.type in ('account.completed', 'account.expired', 'account.revoked', 'account.closed') order by e.position limit 1) x on true
     order by f.distance, f.id;
end $function$;
alter function across.account_family(uuid,uuid,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.active_descendants(p_account uuid, p_limit integer)
 RETURNS TABLE(id uuid, tenant_id uuid, agent_id uuid, generation integer, now_ms double precision)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive below as (
      select l.account_id from mayfly.lineage l where l.parent_id = p_account
      union all
      select l.account_id from below b join mayfly.lineage l on l.parent_id = b.account_id
    )
    select a.id, a.tenant_id, a.agent_id, a.generation, extract(epoch from v_now)::float8 * 1000
      -- By their keys alone (`offset 0`), or the index of deadlines would be walked through.
      from below b, lateral (select o.* from mayfly.account o where o.id = b.account_id offset 0) a
     where a.state = 'a' and a.deadline > v_now
     limit p_limit;
end $function$;
alter function across.active_descendants(uuid,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.agents_ever(p_tenant uuid)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  return query select distinct e.agent_id from log.event e
    where e.tenant_id = p_tenant and e.type = 'agent.created' and e.type <> 'token.issued' and e.agent_id is not null;
end $function$;
alter function across.agents_ever(uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.attached_among(p_accounts uuid[])
 RETURNS uuid[]
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select coalesce(array_agg(p.id), '{}') from unnest(p_accounts) p(id)
   where exists (select from mayfly.attachment a where a.account_id = p.id and a.state <> 'gone');
$function$;
alter function across.attached_among(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.attachment_backlog(OUT due bigint, OUT parked bigint, OUT kept bigint, OUT messages bigint, OUT parked_messages bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  select count(*) filter (where a.state in ('locking', 'ending') and not a.parked),
         count(*) filter (where a.parked), count(*) filter (where a.state = 'kept')
    into due, parked, kept from mayfly.attachment a where a.state in ('making', 'renewing', 'locking', 'ending', 'kept');
  select count(*) into messages from mayfly.webhook_message m where m.state = 'waiting';
  select count(*) into parked_messages from mayfly.webhook_message m where m.state = 'parked';
end $function$;
alter function across.attachment_backlog() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.audience_in_use(p_by text, p_issuer text, p_audience text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return case p_by
    when 'trust_source' then exists (
      select from mayfly.trust_source s where s.kind = 'openid' and s.issuer = p_issuer and s.audience = p_audience)
    when 'sign_in_provider' then exists (
      select from mayfly.sign_in_provider p where p.issuer = p_issuer
         and p_audience in (coalesce(p.config->>'audience', p.client_id), p.config->>'console_client_id'))
  end;
end $function$;
alter function across.audience_in_use(text,text,text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.audit_backlog(OUT streams bigint, OUT failing bigint, OUT parked bigint, OUT behind bigint, OUT sink_failing bigint, OUT sink_behind bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_size bigint := (select h.size from log.head h where h.id = 1);
begin
  select count(*), count(*) filter (where s.failures > 0), count(*) filter (where s.parked), coalesce(max(v_size - s.position), 0)
    into streams, failing, parked, behind from mayfly.audit_stream s;
  select count(*) filter (where k.failures > 0), coalesce(max(v_size - k.position), 0) into sink_failing, sink_behind
    from mayfly.audit_sink k;
end $function$;
alter function across.audit_backlog() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.check_erasure_event(p_erasure mayfly.erasure, p_leaf text, p_body text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_leaf jsonb := p_leaf::jsonb;
  v_body jsonb := p_body::jsonb;
begin
  if v_leaf ->> 'type' is distinct from 'subject.erased' or right(p_leaf, 30) <> '"type":"subject.erased","v":1}'
    or v_leaf ->> 'tenant' is distinct from p_erasure.tenant_id::text or coalesce(length(v_leaf ->> 'salt'), 0) < 22
    or v_leaf ->> 'body_hash' is distinct from
       rtrim(translate(encode(sha256(convert_to((v_leaf ->> 'salt') || p_body, 'UTF8')), 'base64'), '+/', '-_'), '=')
    or v_body ->> 'erasure' is distinct from 'ers_' || replace(p_erasure.id::text, '-', '')
    or v_body ->> 'keys' is distinct from cardinality(p_erasure.key_ids)::text
    or v_body ->> 'people' is distinct from cardinality(p_erasure.person_ids)::text
  then
    raise exception 'across.destroy_subject_keys: that is not the event of this erasure' using errcode = 'invalid_parameter_value';
  end if;
end $function$;
alter function across.check_erasure_event(mayfly.erasure,text,text) owner to mayfly_across;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION across.check_sealed(p_table text, p_column text)
 RETURNS void
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if p_column !~ '_sealed$' or p_table !~ '^mayfly\.[a-z_]+$' or 2 <> (
    select count(*) from pg_attribute a where a.attrelid = p_table::regclass and a.attname in (p_column, 'kek_id'))
  then
    raise exception '%.% holds nothing sealed', p_table, p_column using errcode = 'invalid_parameter_value';
  end if;
end $function$;
alter function across.check_sealed(text,text) owner to mayfly_across;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION across.clear_proposed_erasures()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  update mayfly.change set body = null, before = null, after = null
   where operation = 'POST /v1/erasures' and body is not null
     and (status not in ('waiting', 'approved') or expires_at <= clock_timestamp());
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.clear_proposed_erasures() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.config_epochs(p_tenants uuid[])
 RETURNS TABLE(id uuid, config_epoch bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select t.id, t.config_epoch from unnest(p_tenants) k(id) join mayfly.tenant t on t.id = k.id;
end $function$;
alter function across.config_epochs(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.consume_replays(p_tenants uuid[], p_kinds text[], p_hashes text[], p_expires double precision[])
 RETURNS TABLE(tenant_id uuid, kind text, hash text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query insert into mayfly.replay as r (tenant_id, kind, hash, expires_at)
    select u.tenant, u.kind, decode(u.hash, 'hex'), to_timestamp(u.expires)
      from unnest(p_tenants, p_kinds, p_hashes, p_expires) u(tenant, kind, hash, expires)
     order by u.tenant, u.kind, u.hash
        on conflict do nothing
    returning r.tenant_id, r.kind, encode(r.hash, 'hex');
end $function$;
alter function across.consume_replays(uuid[],text[],text[],double precision[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.count_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count bigint := 0;
  v_reports text := across.report_query(p_tenant, p_filter, p_first, p_last);
begin
  if v_reports is not null then execute 'select count(*) ' || v_reports into v_count; end if;
  return v_count + across.count_own_events(p_tenant, p_filter, p_first, p_last);
end $function$;
alter function across.count_events(uuid,jsonb,bigint,bigint) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.count_operators(p_live_role text)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (select count(*) from mayfly.credential c
    where c.kind = 'operator' and (p_live_role is null or c.role = p_live_role and c.expires_at > clock_timestamp()));
end $function$;
alter function across.count_operators(text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.count_own_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'on'
 SET enable_hashjoin TO 'on'
 SET enable_mergejoin TO 'on'
 SET jit TO 'off'
AS $function$
declare
  v_count bigint;
  v_accounts text := case when p_filter ? 'accounts'
    then quote_literal(array(select jsonb_array_elements_text(p_filter->'accounts'))::uuid[]) end;
begin
  execute format('select count(*) from log.event e where %s and e.position between %s and %s%s', across.event_condition(p_tenant, p_filter),
    p_first, p_last, case when v_accounts is not null then format(' and (e.account_id = any(%1$s) or e.type = ''decisions.reported'' and exists (
      select from log.event_mention m where m.position = e.position and m.account_id = any(%1$s)))', v_accounts) else '' end) into v_count;
  return v_count;
end $function$;
alter function across.count_own_events(uuid,jsonb,bigint,bigint) owner to mayfly_across;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION across.count_sealed(p_table text, p_column text, p_from_block integer, p_to_block integer)
 RETURNS TABLE(kek_id text, rows bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform across.check_sealed(p_table, p_column);
  return query execute format('select t.kek_id, count(*) from %s t where t.ctid >= $1 and t.ctid < $2 and t.%I is not null group by t.kek_id',
    p_table, p_column) using format('(%s,0)', p_from_block)::tid, format('(%s,0)', p_to_block)::tid;
end $function$;
alter function across.count_sealed(text,text,integer,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.delete_ended_statuses(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  delete from mayfly.token_status where (list, idx) in (
    select list, idx from mayfly.token_status where until < now() - interval '1 minute' limit p_limit);
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.delete_ended_statuses(integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.delete_expired(p_what text, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  case p_what
    when 'replay' then delete from mayfly.replay where (tenant_id, kind, hash) in (
      select tenant_id, kind, hash from mayfly.replay where expires_at < now() - interval '1 minute' order by expires_at limit p_limit);
    when 'idempotency' then delete from mayfly.idempotency where (credential_id, key_hash) in (
      select credential_id, key_hash from mayfly.idempotency where expires_at < now() limit p_limit);
    when 'credential' then delete from mayfly.credential where id in (
      select id from mayfly.credential where expires_at < now() - interval '30 days' limit p_limit);
    when 'enrolment' then delete from mayfly.enrolment where id in (
      select id from mayfly.enrolment where not_after < now() - interval '30 days' limit p_limit);
    when 'claim_code' then delete from mayfly.claim_code where account_id in (
      select account_id from mayfly.claim_code where secret_until < now() - interval '1 day' limit p_limit);
    -- One that was used stays as long as who came by it: with it the right to renew would go.
    when 'join_token' then delete from mayfly.join_token where id in (
      select j.id from mayfly.join_token j where j.expires_at < now() - interval '30 days'
         and not exists (select from mayfly.enrolment e where e.join_token_id = j.id) limit p_limit);
  end case;
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.delete_expired(text,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.destroy_subject_keys(p_erasure uuid, p_leaf text, p_body text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_erasure mayfly.erasure;
  v_tenants uuid[];
  v_tenant uuid;
begin
  select e.* into strict v_erasure from mayfly.erasure e where e.id = p_erasure and e.swept_at is null;
  perform across.check_erasure_event(v_erasure, p_leaf, p_body);
  select coalesce(array_agg(distinct k.tenant_id), '{}') into v_tenants from mayfly.subject_key k where k.id = any(v_erasure.key_ids);
  if v_erasure.tenant_id is not null and v_tenants <> array[v_erasure.tenant_id] and v_tenants <> '{}' then
    raise exception 'across.destroy_subject_keys: a key of another tenant' using errcode = 'insufficient_privilege';
  end if;
  -- Whoever places a hold has its tenant's row: what was placed until now is seen below, and what comes finds what is left. A snapshot of before
  -- would not see it.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'across.destroy_subject_keys: only in a transaction that is read committed' using errcode = 'invalid_transaction_state';
  end if;
  perform from mayfly.tenant t where t.id = any(array_append(v_tenants, v_erasure.tenant_id)) order by t.id for no key update;
  if across.is_held(array_append(v_tenants, v_erasure.tenant_id), v_erasure.person_ids, v_erasure.key_ids) then
    raise exception 'across.destroy_subject_keys: a legal hold covers it' using errcode = 'object_in_use';
  end if;
  delete from mayfly.subject_key where id = any(v_erasure.key_ids);
  insert into log.pending (tenant_id, leaf, body) values (v_erasure.tenant_id, p_leaf, p_body);
  foreach v_tenant in array v_tenants loop
    update mayfly.tenant set config_epoch = config_epoch + 1 where id = v_tenant;
    perform pg_notify('mayfly_config', v_tenant::text);
  end loop;
  perform pg_notify('mayfly_erased', p_erasure::text);
  return cardinality(v_erasure.key_ids);
end $function$;
alter function across.destroy_subject_keys(uuid,text,text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.drop_feed_history(p_limit integer)
 RETURNS TABLE(revocations integer, acknowledgements integer, receivers integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  delete from mayfly.revocation r where (r.tenant_id, r.epoch) in (
    select v.tenant_id, v.epoch from mayfly.feed f cross join lateral (
      select w.tenant_id, w.epoch from mayfly.revocation w where w.tenant_id = f.tenant_id and w.until < now() - interval '1 day'
       order by w.until limit p_limit) v limit p_limit);
  get diagnostics revocations = row_count;
  delete from mayfly.feed_acknowledgement a where (a.tenant_id, a.receiver_id, a.epoch) in (
    select v.tenant_id, v.receiver_id, v.epoch from mayfly.feed f cross join lateral (
      select w.tenant_id, w.receiver_id, w.epoch from mayfly.feed_acknowledgement w where w.tenant_id = f.tenant_id
         and w.epoch < coalesce((select min(e.epoch) from mayfly.revocation e where e.tenant_id = f.tenant_id), f.epoch + 1)
       order by w.epoch limit p_limit) v limit p_limit);
  get diagnostics acknowledgements = row_count;
  delete from mayfly.feed_receiver r where (r.tenant_id, r.id) in (
    select v.tenant_id, v.id from mayfly.feed_receiver v where v.seen_at < now() - interval '1 day'
       and not exists (select from mayfly.feed_acknowledgement a where a.tenant_id = v.tenant_id and a.receiver_id = v.id) limit p_limit);
  get diagnostics receivers = row_count;
  return next;
end $function$;
alter function across.drop_feed_history(integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.drop_settled(p_attachment_seconds double precision, p_message_seconds double precision, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_attachments integer;
  v_messages integer;
begin
  delete from mayfly.attachment where id in (select a.id from mayfly.attachment a
    where a.state = 'gone' and a.ended_at < clock_timestamp() - make_interval(secs => p_attachment_seconds) limit p_limit);
  get diagnostics v_attachments = row_count;
  delete from mayfly.webhook_message where id in (select m.id from mayfly.webhook_message m
    where m.state = 'delivered' and m.settled_at < clock_timestamp() - make_interval(secs => p_message_seconds) limit p_limit);
  get diagnostics v_messages = row_count;
  return v_attachments + v_messages;
end $function$;
alter function across.drop_settled(double precision,double precision,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.drop_sweeps(p_older_seconds double precision)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  delete from mayfly.sweep s where s.finished_at < clock_timestamp() - make_interval(secs => p_older_seconds);
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.drop_sweeps(double precision) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.drop_tombstones(p_older_seconds double precision, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_hour timestamp := date_trunc('hour', (clock_timestamp() - make_interval(secs => p_older_seconds)) at time zone 'UTC');
  v_count integer;
begin
  delete from mayfly.tombstone where task_key in (
    select t.task_key from mayfly.tombstone t
     where date_trunc('hour', t.ended_at at time zone 'UTC') < v_hour limit p_limit);
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.drop_tombstones(double precision,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.due_accounts(p_from timestamp with time zone, p_limit integer)
 RETURNS TABLE(id uuid, tenant_id uuid, agent_id uuid, generation integer, deadline text, now_ms double precision, late_ms double precision)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  -- A variable, because the index cannot be searched for something that changes while it is searched.
  v_now timestamptz := clock_timestamp();
begin
  return query
    select a.id, a.tenant_id, a.agent_id, a.generation, a.deadline::text, extract(epoch from v_now)::float8 * 1000,
           extract(epoch from v_now - a.deadline)::float8 * 1000
      from mayfly.account a
     where a.state = 'a' and a.deadline >= p_from and a.deadline <= v_now
     order by a.deadline limit p_limit for update skip locked;
end $function$;
alter function across.due_accounts(timestamp with time zone,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.due_key_steps(p_table text, p_publish_before timestamp with time zone, p_activate_before timestamp with time zone, p_retire_before timestamp with time zone, p_limit integer)
 RETURNS TABLE(tenant_id uuid, alg text, step text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if p_table not in ('mayfly.signing_key', 'mayfly.ca_key') then
    raise exception 'keys of % do not rotate', p_table using errcode = 'invalid_parameter_value';
  end if;
  return query execute format($q$
    select d.tenant_id, d.alg, d.step from (
      select k.tenant_id, k.alg, 'retire' as step, k.state_since from %1$s k where k.state = 'retiring' and k.state_since <= $1
      union all
      select k.tenant_id, k.alg, 'activate', k.state_since from %1$s k where k.state = 'next' and k.state_since <= $2
      union all
      select k.tenant_id, k.alg, 'publish', k.state_since from %1$s k where k.state = 'active' and k.state_since <= $3
         and not exists (select from %1$s n where n.tenant_id = k.tenant_id and n.alg = k.alg and n.state = 'next')
    ) d order by d.state_since limit $4$q$, p_table) using p_retire_before, p_activate_before, p_publish_before, p_limit;
end $function$;
alter function across.due_key_steps(text,timestamp with time zone,timestamp with time zone,timestamp with time zone,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.end_held(p_person uuid, p_provider uuid)
 RETURNS TABLE(id uuid, kind text, role text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query delete from mayfly.credential c
    where c.kind <> 'resource' and (c.person_id = p_person or c.provider_id = p_provider) returning c.id, c.kind, c.role;
end $function$;
alter function across.end_held(uuid,uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.erasures_under_way(p_limit integer)
 RETURNS TABLE(id uuid, tenant_id uuid, key_ids uuid[], person_ids uuid[], sealed text, sealed_under uuid, sealed_step integer, asked_at timestamp with time zone, swept boolean, ledgered boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query select e.id, e.tenant_id, e.key_ids, e.person_ids, e.sealed, e.sealed_under, e.sealed_step, e.asked_at, e.swept_at is not null,
      e.ledgered_at is not null
    from mayfly.erasure e where e.swept_at is null or e.ledgered_at is null order by e.asked_at limit p_limit;
end $function$;
alter function across.erasures_under_way(integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.event_condition(p_tenant uuid, p_filter jsonb)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v text := 'true';
  v_name text;
  v_types text[] := array(select jsonb_array_elements_text(p_filter->'types'));
  v_prefixes text[] := array(select jsonb_array_elements_text(p_filter->'prefixes'));
begin
  if p_tenant is not null then v := format('e.tenant_id = %L', p_tenant); end if;
  foreach v_name in array array['agent', 'actor', 'person', 'approver', 'about'] loop
    if p_filter ? v_name then v := v || format(' and e.%I = %L', v_name || '_id', (p_filter->>v_name)::uuid); end if;
  end loop;
  if p_filter ? 'token' then
    v := v || (select format(' and e.token_id = %L and (e.type <> ''token.issued'' or e.position between %s and %s)', (p_filter->>'token')::uuid, i.first, i.last)
      from across.positions_of_issue((p_filter->>'token')::uuid) i);
  end if;
  if p_filter ? 'tasks' then
    v := v || format(' and e.task_id = any(%L)', array(select jsonb_array_elements_text(p_filter->'tasks'))::uuid[]);
  end if;
  if p_filter ? 'decisions' then
    v := v || format(' and e.decision = any(%L::"char"[])', array(select jsonb_array_elements_text(p_filter->'decisions')));
  end if;
  if cardinality(v_types) = 1 and v_prefixes = '{}' then v := v || format(' and e.type = %L', v_types[1]);
  elsif v_types || v_prefixes <> '{}' then
    v := v || format(' and (e.type = any(%L) or exists (select from unnest(%L::text[]) p where starts_with(e.type, p)))', v_types, v_prefixes);
  end if;
  -- The limit keeps the planner from reading all events of that type first.
  if p_filter ? 'without' then
    v := v || format(' and e.account_id is not null and (select true from log.event o where o.account_id = e.account_id and o.type = %L
      and o.tenant_id is not distinct from e.tenant_id limit 1) is null', p_filter->>'without');
  end if;
  if p_filter ? 'reason' then v := v || format(' and e.reason = %L', p_filter->>'reason'); end if;
  if p_filter ? 'reason_prefix' then v := v || format(' and starts_with(e.reason, %L)', p_filter->>'reason_prefix'); end if;
  if p_filter ? 'from' then v := v || format(' and e.at >= to_timestamp(%L::float8 / 1000)', (p_filter->>'from')::float8); end if;
  if p_filter ? 'before' then v := v || format(' and e.at < to_timestamp(%L::float8 / 1000)', (p_filter->>'before')::float8); end if;
  return v;
end $function$;
alter function across.event_condition(uuid,jsonb) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.event_query(p_table text, p_filter jsonb, p_where text, p_drive text, p_block text, p_bounds text, p_order text, p_limit integer)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_columns text := 'e.position as pos, e.at, e.retention, e.decision::text as decision, e.reason';
  v_accounts text;
begin
  if p_filter ? 'accounts' then
    v_accounts := quote_literal(array(select jsonb_array_elements_text(p_filter->'accounts'))::uuid[]);
    return format('select q.*, true as hit from ((select %1$s from %2$s e where e.account_id = any(%3$s) and %4$s and %5$s %6$s limit %7$s)
        union (select %1$s from log.event_mention m join %2$s e on e.position = m.position where m.account_id = any(%3$s)
          and %8$s and %4$s and %5$s %6$s limit %7$s)) q %9$s',
      v_columns, p_table, v_accounts, p_where, p_bounds, p_order, p_limit, replace(p_bounds, 'e.position', 'm.position'), replace(p_order, 'e.position', 'q.pos'));
  elsif p_drive is null and p_filter ? 'token' then
    return (select format('select q.*, true as hit from ((select %1$s from %2$s e where %3$s and %4$s and e.type <> ''token.issued'')
        union all (select %1$s from %2$s e where %3$s and %4$s and e.type = ''token.issued'' and e.position between %5$s and %6$s
          and (e.position >> 14) between %7$s and %8$s)) q %9$s limit %10$s',
      v_columns, p_table, p_where, p_bounds, i.first, i.last, i.first >> 14, i.last >> 14, replace(p_order, 'e.position', 'q.pos'), p_limit)
      from across.positions_of_issue((p_filter->>'token')::uuid) i);
  elsif p_drive is null and p_filter ? 'tasks' then
    return format('select %s, true as hit from %s e where %s and %s%s limit %s', v_columns, p_table, p_where, p_bounds, p_order, p_limit);
  end if;
  return format('select %s, coalesce(%s, false) as hit from %s e where %s and %s and %s%s',
    v_columns, p_where, p_table, coalesce(p_drive, 'true'), p_block, p_bounds, p_order);
end $function$;
alter function across.event_query(text,jsonb,text,text,text,text,text,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.feed_heads(p_tenants uuid[])
 RETURNS TABLE(tenant_id uuid, shard uuid, epoch bigint, database_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if pg_is_in_recovery() then
    raise exception 'across.feed_heads: this server is a standby' using errcode = 'read_only_sql_transaction';
  end if;
  return query select f.tenant_id, f.shard, f.epoch, extract(epoch from clock_timestamp())::float8 * 1000
    from unnest(p_tenants) k(id) join mayfly.feed f on f.tenant_id = k.id;
end $function$;
alter function across.feed_heads(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.feed_since(p_tenant uuid, p_epoch bigint)
 RETURNS TABLE(shard uuid, head bigint, database_ms double precision, epoch bigint, kind text, match bytea, "least" bigint, until double precision, at_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if pg_is_in_recovery() then
    raise exception 'across.feed_since: this server is a standby' using errcode = 'read_only_sql_transaction';
  end if;
  return query select f.shard, f.epoch, extract(epoch from clock_timestamp())::float8 * 1000,
      r.epoch, r.kind, r.match, r.least, extract(epoch from r.until)::float8, extract(epoch from r.at)::float8 * 1000
    from mayfly.feed f
    left join mayfly.revocation r on r.tenant_id = f.tenant_id and r.epoch > p_epoch and r.until > clock_timestamp()
   where f.tenant_id = p_tenant order by r.epoch;
end $function$;
alter function across.feed_since(uuid,bigint) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_credentials(p_kinds text[], p_hashes text[])
 RETURNS TABLE(id uuid, kind text, tenant_id uuid, resource_id uuid, role text, name text, secret_hash bytea, created_at timestamp with time zone, expires_at timestamp with time zone, person_id uuid, provider_id uuid, made_by uuid, last_used_at timestamp with time zone, use_is_noted boolean, person_tenant_id uuid, issuer text, subject text, person_name text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select c.id, c.kind, c.tenant_id, c.resource_id, c.role, c.name, c.secret_hash, c.created_at, c.expires_at, c.person_id,
      c.provider_id, c.made_by, c.last_used_at, coalesce(c.last_used_at >= date_trunc('hour', clock_timestamp()), false),
      p.tenant_id, p.issuer, p.subject, p.name
    from unnest(p_hashes) h(hash)
    join mayfly.credential c on c.secret_hash = decode(h.hash, 'hex') and c.kind = any(p_kinds) and c.used_at is null
     and c.expires_at > clock_timestamp()
    left join mayfly.person p on p.id = c.person_id;
end $function$;
alter function across.find_credentials(text[],text[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint, p_ascending boolean, p_limit integer, p_budget_ms integer)
 RETURNS TABLE("position" bigint, leaf text, body text, retention smallint, decision text, reason text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_reports text := across.report_query(p_tenant, p_filter, p_first, p_last);
  v_down text := case when p_ascending then '' else 'desc' end;
begin
  if v_reports is null then
    return query select * from across.find_own_events(p_tenant, p_filter, p_first, p_last, p_ascending, p_limit, p_budget_ms);
    return;
  end if;
  -- Where the time was up, reports beyond that place wait for the next page, as all else.
  return query execute format($q$
    with own as materialized (select * from across.find_own_events($1, $2, $3, $4, $5, $6, $7)),
    stop as materialized (select o.position from own o where o.leaf is null),
    told as materialized (
      select m.position, e.at, e.retention, case when m.refused is null or not coalesce($2->'decisions' ? 'd', true) then 'a' else 'd' end as decision, m.refused
        %1$s and (select case when $5 then m.position <= s.position else m.position >= s.position end from stop s) is not false
       order by m.position %2$s limit $6),
    page as materialized (
      select o.* from own o where o.leaf is not null
      union all
      select t.position, n.leaf, (select b.body from log.body b where b.position = t.position and b.at between t.at - interval '1 hour' and t.at + interval '1 hour'),
             t.retention, t.decision, case when t.decision = 'd' and cardinality(t.refused) = 1 then t.refused[1] end
        from told t join log.entry n on n.position = t.position
       order by 1 %2$s limit $6)
    select * from (select * from page union all
      select s.position, null, null, null, null, null from stop s where (select count(*) from page) < $6) r
     order by r.leaf is null, r.position %2$s$q$, v_reports, v_down)
    using p_tenant, p_filter, p_first, p_last, p_ascending, p_limit, p_budget_ms;
end $function$;
alter function across.find_events(uuid,jsonb,bigint,bigint,boolean,integer,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_join_tokens(p_hashes text[])
 RETURNS TABLE(id uuid, tenant_id uuid, agent_id uuid, secret_hash bytea, state text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select j.id, j.tenant_id, j.agent_id, j.secret_hash,
      case when j.used_at is not null then 'used' when j.expires_at <= clock_timestamp() then 'expired' else 'fresh' end
    from unnest(p_hashes) h(hash) join mayfly.join_token j on j.secret_hash = decode(h.hash, 'hex');
end $function$;
alter function across.find_join_tokens(text[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_keys_by_id(p_ids uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid, key_sealed bytea, kek_id text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query select k.id, k.tenant_id, k.key_sealed, k.kek_id from unnest(p_ids) n(id) join mayfly.subject_key k on k.id = n.id;
end $function$;
alter function across.find_keys_by_id(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_leaf(p_tenant uuid, p_id uuid, p_token text, p_at_ms double precision, p_within_ms double precision)
 RETURNS TABLE("position" bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_text text := case when p_id is not null then format('"id":"%s"', p_id) else format('"token":"%s","type":"token.issued"', p_token) end;
  v_from bigint := across.position_at(p_at_ms - p_within_ms);
  v_to bigint := across.position_at(p_at_ms + p_within_ms);
begin
  return query select e.position from log.entry e
    where e.position >= v_from and e.position < v_to and strpos(e.leaf, v_text) > 0
      and (p_tenant is null or strpos(e.leaf, format('"tenant":"%s"', p_tenant)) > 0) order by e.position limit 1;
end $function$;
alter function across.find_leaf(uuid,uuid,text,double precision,double precision) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_own_events(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint, p_ascending boolean, p_limit integer, p_budget_ms integer)
 RETURNS TABLE("position" bigint, leaf text, body text, retention smallint, decision text, reason text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_sort TO 'off'
 SET enable_bitmapscan TO 'off'
 SET jit TO 'off'
AS $function$
declare
  v_where text := across.event_condition(p_tenant, p_filter);
  v_down text := case when p_ascending then '' else ' desc' end;
  v_until timestamptz := clock_timestamp() + p_budget_ms * interval '1 ms';
  v_part bigint;
  v_bounds text;
  v_block text;
  v_drive text;
  v_order text;
  v_seen integer := 0;
  v record;
begin
  p_last := least(p_last, (select c.position - 1 from log.event_cursor c where c.id = 1));
  if p_last < p_first or p_limit < 1 then return; end if;
  v_part := (case when p_ascending then p_first else p_last end) >> 22;
  v_bounds := format('e.position between %s and %s', p_first, p_last);
  v_block := format('(e.position >> 14) between %s and %s', p_first >> 14, p_last >> 14);
  v_order := format(' order by (e.position >> 14)%1$s, e.position%1$s', v_down);
  case
    when p_filter ? 'token' or p_filter ? 'tasks' or p_filter ? 'accounts' then
      v_order := format(' order by e.position%s', v_down);
      set local enable_sort = on;
    when p_filter ? 'approver' then v_drive := format('e.approver_id = %L', (p_filter->>'approver')::uuid);
    when p_filter ? 'about' then v_drive := format('e.about_id = %L', (p_filter->>'about')::uuid);
    when p_filter ? 'person' then v_drive := format('e.person_id = %L', (p_filter->>'person')::uuid);
    when p_filter ? 'actor' then v_drive := format('e.actor_id = %L', (p_filter->>'actor')::uuid);
    when p_filter ? 'agent' and not p_filter->'decisions' ? 'a' then
      v_drive := format('e.agent_id = %L and e.decision in (''d'', ''f'')', (p_filter->>'agent')::uuid);
    when p_filter ? 'agent' then v_drive := format('e.agent_id = %L', (p_filter->>'agent')::uuid);
    when p_tenant is null then v_order := format(' order by e.position%s', v_down); v_block := 'true';
    when p_filter ? 'reason' then v_drive := format('e.tenant_id = %L and e.reason = %L', p_tenant, p_filter->>'reason');
    when not p_filter->'decisions' ? 'a' then v_drive := format('e.tenant_id = %L and e.decision in (''d'', ''f'')', p_tenant);
    when jsonb_array_length(p_filter->'types') = 1 and not p_filter ? 'prefixes' and p_filter->'types'->>0 <> 'token.issued' then
      v_drive := format('e.tenant_id = %L and e.type = %L and e.type <> ''token.issued''', p_tenant, p_filter->'types'->>0);
    when (p_filter ? 'types' or p_filter ? 'prefixes') and not coalesce(p_filter->'types' ? 'token.issued', false)
      and not exists (select from jsonb_array_elements_text(p_filter->'prefixes') p where starts_with('token.issued', p)) then
      v_drive := format('e.tenant_id = %L and e.type <> ''token.issued''', p_tenant);
    else v_drive := format('e.tenant_id = %L', p_tenant);
  end case;

  while v_part between p_first >> 22 and p_last >> 22 loop
    if to_regclass(format('log.event_%s', lpad(v_part::text, 6, '0'))) is not null then
      for v in execute across.event_query(format('log.event_%s', lpad(v_part::text, 6, '0')), p_filter, v_where, v_drive, v_block, v_bounds, v_order, p_limit)
      loop
        v_seen := v_seen + 1;
        if v.hit then
          select n.leaf into leaf from log.entry n where n.position = v.pos;
          select b.body into body from log.body b where b.position = v.pos and b.at between v.at - interval '1 hour' and v.at + interval '1 hour';
          "position" := v.pos; retention := v.retention; decision := v.decision; reason := v.reason;
          return next;
          p_limit := p_limit - 1;
          if p_limit = 0 then return; end if;
        end if;
        if v_seen % 128 = 0 and clock_timestamp() > v_until then
          "position" := v.pos; leaf := null; body := null;
          return next;
          return;
        end if;
      end loop;
    end if;
    v_part := v_part + case when p_ascending then 1 else -1 end;
  end loop;
end $function$;
alter function across.find_own_events(uuid,jsonb,bigint,bigint,boolean,integer,integer) owner to mayfly_across;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION across.find_person(p_id uuid)
 RETURNS TABLE(tenant_id uuid, issuer text, subject text, name text)
 LANGUAGE plpgsql
 STABLE STRICT SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select p.tenant_id, p.issuer, p.subject, p.name from mayfly.person p where p.id = p_id;
end $function$;
alter function across.find_person(uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_receivers(p_hashes text[])
 RETURNS TABLE(id uuid, tenant_id uuid, audience text, secret_hash bytea)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query
    select r.id, r.tenant_id, r.audience, r.secret_hash from unnest(p_hashes) h(hash)
      join mayfly.ssf_receiver r on r.secret_hash = decode(h.hash, 'hex') and r.expires_at > clock_timestamp()
    union all
    select r.id, r.tenant_id, r.audience, r.previous_hash from unnest(p_hashes) h(hash)
      join mayfly.ssf_receiver r on r.previous_hash = decode(h.hash, 'hex') and r.previous_until > clock_timestamp()
       and r.expires_at > clock_timestamp();
end $function$;
alter function across.find_receivers(text[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_sign_in_providers(p_ids uuid[])
 RETURNS SETOF mayfly.sign_in_provider
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select p.* from unnest(p_ids) k(id) join mayfly.sign_in_provider p on p.id = k.id;
end $function$;
alter function across.find_sign_in_providers(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_subject_keys(p_tenant uuid, p_subject text)
 RETURNS TABLE(id uuid, tenant_id uuid, key_sealed bytea, kek_id text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query select k.id, k.tenant_id, k.key_sealed, k.kek_id from mayfly.subject_key k
    where k.subject_hash = decode(p_subject, 'hex') and (p_tenant is null or k.tenant_id = p_tenant) order by k.id;
end $function$;
alter function across.find_subject_keys(uuid,text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.find_tenants(p_slugs text[])
 RETURNS TABLE(id uuid, slug text, is_first boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select t.id, t.slug, t.is_first from unnest(p_slugs) s(slug) join mayfly.tenant t on t.slug = s.slug
    union select t.id, t.slug, t.is_first from mayfly.tenant t where t.is_first and '' = any(p_slugs);
end $function$;
alter function across.find_tenants(text[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.finish_outbox(p_ids bigint[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  delete from mayfly.outbox o using unnest(p_ids) i(id) where o.id = i.id;
$function$;
alter function across.finish_outbox(bigint[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.fold_usage(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'on'
 SET enable_hashjoin TO 'on'
 SET enable_mergejoin TO 'on'
AS $function$
declare
  v_from bigint;
  v_to bigint;
begin
  select c.position into v_from from mayfly.usage_cursor c where c.id = 1 for update skip locked;
  if not found then return 0; end if;
  select least(h.size, v_from + p_limit) into v_to from log.head h where h.id = 1;
  if v_to = v_from then return 0; end if;
  insert into mayfly.usage as u (tenant_id, day, agent_id, account_id, opened, tokens, denials, calls_allowed, calls_refused, units)
    with events as materialized (
      select e.leaf::jsonb as leaf, nullif(b.body, '')::jsonb as body
        from log.entry e left join log.body b on b.position = e.position and b.position >= v_from and b.position < v_to
       where e.position >= v_from and e.position < v_to and e.leaf ~ '"type":"(account\.opened|token\.issued|token\.denied|decisions\.reported)"'
    ), named as (
      select (v.leaf->>'tenant')::uuid as tenant, (to_timestamp((v.leaf->>'time')::float8 / 1000) at time zone 'UTC')::date as day,
             v.leaf->>'type' as type, (v.leaf->>'agent')::uuid as agent, (v.leaf->>'account')::uuid as account, v.body
        from events v
    ), used as (
      select n.tenant, n.day, n.agent, n.account, (n.type = 'account.opened')::int as opened, (n.type = 'token.issued')::int as tokens,
             (n.type = 'token.denied')::int as denials, 0::bigint as allowed, 0::bigint as refused,
             coalesce((n.body->>'units')::bigint, 0) as units
        from named n where n.type <> 'decisions.reported'
      union all
      -- Guards are believed in what they say of accounts of their own tenant, and of no other.
      select n.tenant, n.day, coalesce(a.agent_id, u.agent_id), case when coalesce(a.agent_id, u.agent_id) is not null then d.account end,
             0, 0, 0, case d.outcome when 'allow' then d.count else 0 end, case d.outcome when 'deny' then d.count else 0 end, d.units
        from named n
        cross join lateral (
          select substr(r.account_id, 6)::uuid as account, r.outcome, coalesce(r.count, 1) as count, coalesce(r.units, 0) as units
            from jsonb_to_recordset(n.body->'decisions') r(account_id text, outcome text, count bigint, units bigint)
        ) d
        left join mayfly.account a on a.id = d.account and a.tenant_id = n.tenant
        left join lateral (
          select g.agent_id from mayfly.usage g
           where a.id is null and g.tenant_id = n.tenant and g.account_id = d.account limit 1
        ) u on true
       where n.type = 'decisions.reported'
    )
    select d.tenant, d.day, coalesce(d.agent, '00000000-0000-0000-0000-000000000000'), coalesce(d.account, '00000000-0000-0000-0000-000000000000'),
           sum(d.opened), sum(d.tokens), sum(d.denials), sum(d.allowed), sum(d.refused), sum(d.units)
      from used d where d.tenant is not null group by 1, 2, 3, 4 order by 1, 2, 3, 4
    on conflict (tenant_id, day, agent_id, account_id) do update set
      opened = u.opened + excluded.opened, tokens = u.tokens + excluded.tokens, denials = u.denials + excluded.denials,
      calls_allowed = u.calls_allowed + excluded.calls_allowed, calls_refused = u.calls_refused + excluded.calls_refused,
      units = u.units + excluded.units;
  update mayfly.usage_cursor c set position = v_to where c.id = 1;
  return v_to - v_from;
end $function$;
alter function across.fold_usage(integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.forget_quota(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  delete from mayfly.quota q using (
    select o.scope, o.kind from mayfly.quota o
     where o.ends_at < clock_timestamp() - interval '10 minutes'
        or (o.ends_at = 'infinity' and not exists (select from mayfly.account a where a.id = o.scope)) limit p_limit
  ) d where q.scope = d.scope and q.kind = d.kind;
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.forget_quota(integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.forget_ssf_acknowledgements(p_seconds double precision, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  delete from mayfly.ssf_acknowledgement where (stream_id, epoch) in (select a.stream_id, a.epoch from mayfly.ssf_acknowledgement a
    where a.at < clock_timestamp() - make_interval(secs => p_seconds) limit p_limit);
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.forget_ssf_acknowledgements(double precision,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.held()
 RETURNS TABLE(tenant_id uuid, agents bigint, trust_sources bigint, accounts bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select t.id, (select count(*) from mayfly.agent g where g.tenant_id = t.id and g.held_at is not null),
      (select count(*) from mayfly.trust_source s where s.tenant_id = t.id and s.held_at is not null),
      (select count(*) from mayfly.account a where a.tenant_id = t.id and a.state = 'h')
    from mayfly.tenant t order by t.id;
end $function$;
alter function across.held() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.hold_audit_sink(p_name text, p_lease uuid, p_lease_seconds double precision, p_from bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_position bigint;
begin
  insert into mayfly.audit_sink (name, position) values (p_name, p_from) on conflict do nothing;
  update mayfly.audit_sink k set lease = p_lease, leased_until = clock_timestamp() + make_interval(secs => p_lease_seconds)
   where k.name = p_name and (k.lease = p_lease or k.leased_until <= clock_timestamp())
  returning k.position into v_position;
  return v_position;
end $function$;
alter function across.hold_audit_sink(text,uuid,double precision,bigint) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.idle_sweeps(p_idle_seconds double precision, p_limit integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select s.id, s.tenant_id from mayfly.sweep s
    where s.finished_at is null and s.touched_at <= clock_timestamp() - make_interval(secs => p_idle_seconds)
    order by s.touched_at limit p_limit;
end $function$;
alter function across.idle_sweeps(double precision,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.is_held(p_tenants uuid[], p_persons uuid[], p_keys uuid[])
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return exists (select from mayfly.legal_hold h where h.lifted_at is null and h.tenant_id = any(p_tenants) and (
    h.kind = 'tenant' or h.key_ids && p_keys or h.kind = 'person' and h.target_id = any(p_persons)
    -- Which subjects came by is not known of these, so each may have.
    or h.kind in ('account', 'agent') and h.key_ids is null and cardinality(p_keys) > 0));
end $function$;
alter function across.is_held(uuid[],uuid[],uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.keep_late_events(p_until_seconds double precision, p_types jsonb, p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  insert into mayfly.ssf_dead_letter (id, tenant_id, stream_id, shard, epoch, event, err)
    select gen_random_uuid(), s.tenant_id, s.id, s.shard, r.epoch,
           jsonb_build_object('epoch', r.epoch, 'id', r.id, 'atMs', floor(extract(epoch from r.at) * 1000), 'kind', r.kind, 'subject', r.subject,
             'least', r.least, 'cause', r.cause, 'by', r.actor), 'late'
      from mayfly.ssf_stream s join mayfly.feed f on f.tenant_id = s.tenant_id and f.shard = s.shard
      join mayfly.revocation r on r.tenant_id = s.tenant_id and r.epoch > s.cursor
       and r.until < clock_timestamp() - make_interval(secs => p_until_seconds)
     where s.status <> 'disabled' and (s.events_requested is null or s.events_requested ? (p_types ->> r.kind))
       and not exists (select from jsonb_array_elements(s.ahead) a where r.epoch between (a ->> 0)::bigint and (a ->> 1)::bigint)
       and not exists (select from mayfly.ssf_dead_letter d where d.stream_id = s.id and d.shard = s.shard and d.epoch = r.epoch)
     limit p_limit
      on conflict do nothing;
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.keep_late_events(double precision,jsonb,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.known_erasures(p_ids uuid[])
 RETURNS TABLE(id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select e.id from unnest(p_ids) n(id) join mayfly.erasure e on e.id = n.id;
end $function$;
alter function across.known_erasures(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lease_attachments(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid, account_id uuid, agent_id uuid, connector_id uuid, state text, generation integer, rotation integer, attempts integer, ended_by text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive waiting(tenant) as (
      (select a.tenant_id from mayfly.attachment a
        where a.state in ('making', 'renewing', 'locking', 'ending', 'kept') order by a.tenant_id limit 1)
      union all
      select n.tenant_id from waiting w, lateral (select a.tenant_id from mayfly.attachment a
        where a.state in ('making', 'renewing', 'locking', 'ending', 'kept') and a.tenant_id > w.tenant order by a.tenant_id limit 1) n
    ), due as (
      select d.id, u.busy + row_number() over (partition by w.tenant order by d.due_at) as nth, d.due_at
        from waiting w,
          lateral (select count(*) as busy from unnest(p_busy) b(tenant) where b.tenant = w.tenant) u,
          lateral (
            select a.id, a.due_at from mayfly.attachment a
             where a.tenant_id = w.tenant and a.state in ('making', 'renewing', 'locking', 'ending', 'kept') and a.due_at <= v_now
               and (a.state <> 'ending' or not exists (
                 select from mayfly.attachment l where l.account_id = a.account_id and l.ordinal > a.ordinal
                    and l.state in ('making', 'renewing', 'locking', 'ending') and not l.parked))
             order by a.due_at limit greatest(p_each - u.busy, 0) for update skip locked) d
    ), lent as (
      update mayfly.attachment a set
          due_at = v_now + make_interval(secs => p_lease_seconds),
          attempts = least(a.attempts + 1, 30000),
          state = case when a.state = 'making' or a.state = 'renewing' and a.ended_by is not null then 'ending'
            when a.state = 'renewing' then 'locking' else a.state end,
          ended_by = case a.state when 'making' then coalesce(a.ended_by, 'abandoned') else a.ended_by end
        from (select f.id from due f order by f.nth, f.due_at limit p_limit) first where a.id = first.id
      returning a.*
    )
    select l.id, l.tenant_id, l.account_id, l.agent_id, l.connector_id, l.state, l.generation, l.rotation, l.attempts::integer, l.ended_by
      from lent l order by l.ordinal desc;
end $function$;
alter function across.lease_attachments(integer,integer,double precision,uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lease_audit_streams(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
 RETURNS TABLE(webhook_id uuid, tenant_id uuid, lease uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_size bigint := (select h.size from log.head h where h.id = 1);
begin
  return query
    with busy as (
      select b.tenant, count(*) as count from unnest(p_busy) b(tenant) group by b.tenant
    ), due as (
      select s.webhook_id, s.tried_at, coalesce(b.count, 0) + row_number() over (partition by s.tenant_id order by s.tried_at) as nth
        from mayfly.audit_stream s left join busy b on b.tenant = s.tenant_id
       where s.position < v_size and s.hold_until <= v_now and s.leased_until <= v_now
    )
    update mayfly.audit_stream s set lease = gen_random_uuid(), tried_at = v_now,
        leased_until = v_now + make_interval(secs => p_lease_seconds)
      from (select d.webhook_id from due d where d.nth <= p_each order by d.nth, d.tried_at limit p_limit) first
     where s.webhook_id = first.webhook_id and s.leased_until <= v_now
    returning s.webhook_id, s.tenant_id, s.lease;
end $function$;
alter function across.lease_audit_streams(integer,integer,double precision,uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lease_extensions(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid, account_id uuid, agent_id uuid, connector_id uuid, rotation integer, due text)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with recursive waiting(tenant) as (
      (select a.tenant_id from mayfly.attachment a where a.extend_due is not null order by a.tenant_id limit 1)
      union all
      select n.tenant_id from waiting w, lateral (select a.tenant_id from mayfly.attachment a
        where a.extend_due is not null and a.tenant_id > w.tenant order by a.tenant_id limit 1) n
    ), due as (
      select d.id, u.busy + row_number() over (partition by w.tenant order by d.extend_due) as nth, d.extend_due
        from waiting w,
          lateral (select count(*) as busy from unnest(p_busy) b(tenant) where b.tenant = w.tenant) u,
          lateral (
            select a.id, a.extend_due from mayfly.attachment a
             where a.tenant_id = w.tenant and a.extend_due <= v_now
             order by a.extend_due limit greatest(p_each - u.busy, 0) for update skip locked) d
    ), lent as (
      update mayfly.attachment a set extend_due = v_now + make_interval(secs => p_lease_seconds)
        from (select f.id from due f order by f.nth, f.extend_due limit p_limit) first where a.id = first.id
      returning a.*
    )
    select l.id, l.tenant_id, l.account_id, l.agent_id, l.connector_id, l.rotation, l.extend_due::text from lent l;
end $function$;
alter function across.lease_extensions(integer,integer,double precision,uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lease_messages(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid, webhook_id uuid, type text, body text, attempts integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_part integer := greatest((p_limit + cardinality(p_busy)) / 2, 1);
begin
  return query
    with busy as (
      select w.tenant_id, count(*) as count from unnest(p_busy) b(id) join mayfly.webhook w on w.id = b.id group by w.tenant_id
    ), due as (
      select d.id, coalesce(b.count, 0) + row_number() over (partition by w.tenant_id order by d.due_at, d.id) as nth
        from mayfly.webhook w left join busy b on b.tenant_id = w.tenant_id,
          lateral (select m.id, m.due_at from mayfly.webhook_message m
                    where m.webhook_id = w.id and m.state = 'waiting' and m.due_at <= v_now
                    order by m.due_at, m.id limit p_each for update skip locked) d
       where w.hold_until <= v_now and not w.id = any(p_busy)
    ), lent as (
      update mayfly.webhook_message m set due_at = v_now + make_interval(secs => p_lease_seconds), attempts = least(m.attempts + 1, 30000)
        from (select f.id from due f where f.nth <= v_part order by f.nth limit p_limit) first where m.id = first.id
      returning m.*
    )
    select l.id, l.tenant_id, l.webhook_id, l.type, l.body, l.attempts::integer from lent l order by l.id;
end $function$;
alter function across.lease_messages(integer,integer,double precision,uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lease_outbox(p_limit integer, p_lease_seconds double precision)
 RETURNS TABLE(id bigint, tenant_id uuid, account_id uuid, transition text, generation integer, payload jsonb, at_ms double precision, attempts integer)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with due as (
      select o.id from mayfly.outbox o where not o.parked and o.due_at <= v_now
       order by o.due_at, o.id limit p_limit for update skip locked
    ), lent as (
      update mayfly.outbox o set due_at = v_now + make_interval(secs => p_lease_seconds), attempts = least(o.attempts + 1, 30000)
        from due where o.id = due.id
      returning o.*
    )
    select l.id, l.tenant_id, l.account_id, l.transition, l.generation, l.payload, extract(epoch from l.at)::float8 * 1000, l.attempts::integer
      from lent l order by l.id;
end $function$;
alter function across.lease_outbox(integer,double precision) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lease_quota(p_tenants uuid[], p_scopes uuid[], p_kinds text[], p_windows integer[], p_limits bigint[], p_least bigint[], p_wanted bigint[], p_given_back bigint[], p_openings bigint[])
 RETURNS TABLE(n integer, granted bigint, used bigint, ends_ms double precision, at_ms double precision)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v record;
  v_at double precision;
  v_ends timestamptz;
  v_row mayfly.quota;
begin
  for v in
    select q.* from unnest(p_tenants, p_scopes, p_kinds, p_windows, p_limits, p_least, p_wanted, p_given_back, p_openings)
      with ordinality q(tenant, scope, kind, seconds, most, least, wanted, given_back, opening, n) order by q.scope, q.kind, q.n
  loop
    insert into mayfly.quota as q (tenant_id, scope, kind, used, ends_at)
      values (v.tenant, v.scope, v.kind::"char", least(v.opening, v.most), case when v.seconds = 0 then 'infinity' else '-infinity' end::timestamptz)
      on conflict (scope, kind) do update set used = q.used returning q.* into strict v_row;
    v_at := extract(epoch from clock_timestamp());
    if v_row.ends_at <> 'infinity' and extract(epoch from v_row.ends_at) <= v_at then
      v_row.used := 0;
      v_row.ends_at := to_timestamp((floor(v_at / v.seconds) + 1) * v.seconds);
    end if;
    v_row.used := greatest(0, v_row.used - v.given_back);
    -- A quarter of what is left, and what is waited for in any case: near the limit nobody sits on much.
    granted := greatest(0, least(v.most - v_row.used, greatest(v.least, least(v.wanted, (v.most - v_row.used + 3) / 4))));
    update mayfly.quota q set used = v_row.used + granted, ends_at = v_row.ends_at where q.scope = v.scope and q.kind = v.kind::"char";
    n := v.n;
    used := v_row.used + granted;
    ends_ms := case when v_row.ends_at = 'infinity' then null else extract(epoch from v_row.ends_at) * 1000 end;
    at_ms := v_at * 1000;
    return next;
  end loop;
end $function$;
alter function across.lease_quota(uuid[],uuid[],text[],integer[],bigint[],bigint[],bigint[],bigint[],bigint[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lease_streams(p_limit integer, p_each integer, p_lease_seconds double precision, p_busy uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid, lease uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
begin
  return query
    with busy as (
      select b.tenant, count(*) as count from unnest(p_busy) b(tenant) group by b.tenant
    ), due as (
      select s.id, s.tried_at, coalesce(b.count, 0) + row_number() over (partition by s.tenant_id order by s.tried_at) as nth
        from mayfly.ssf_stream s join mayfly.feed f on f.tenant_id = s.tenant_id left join busy b on b.tenant = s.tenant_id
       where s.method = 'push' and s.hold_until <= v_now and s.leased_until <= v_now and (
             s.status = 'enabled' and (s.shard <> f.shard or s.cursor < f.epoch
               or exists (select from mayfly.ssf_dead_letter d where d.stream_id = s.id and d.due))
             or exists (select from mayfly.ssf_notice n where n.stream_id = s.id and (n.type = 'stream-updated' or s.status = 'enabled')))
    )
    update mayfly.ssf_stream s set lease = gen_random_uuid(), tried_at = v_now,
        leased_until = v_now + make_interval(secs => p_lease_seconds)
      from (select d.id from due d where d.nth <= p_each order by d.nth, d.tried_at limit p_limit) first
     where s.id = first.id and s.leased_until <= v_now
    returning s.id, s.tenant_id, s.lease;
end $function$;
alter function across.lease_streams(integer,integer,double precision,uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.list_operators(p_after uuid, p_limit integer)
 RETURNS SETOF mayfly.credential
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select c.* from mayfly.credential c where c.kind = 'operator' and (p_after is null or c.id > p_after) order by c.id limit p_limit;
end $function$;
alter function across.list_operators(uuid,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.list_sign_in_providers(p_tenants uuid[])
 RETURNS SETOF mayfly.sign_in_provider
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select p.* from mayfly.sign_in_provider p where p.tenant_id = any(p_tenants) or p.tenant_id is null order by p.id;
end $function$;
alter function across.list_sign_in_providers(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.live_credentials(p_ids uuid[])
 RETURNS TABLE(id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select c.id from unnest(p_ids) k(id) join mayfly.credential c on c.id = k.id
    where c.used_at is null and c.expires_at > clock_timestamp();
end $function$;
alter function across.live_credentials(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.lock_sealed_otherwise(p_table text, p_column text, p_kek text, p_after uuid, p_last uuid)
 RETURNS TABLE(id uuid, tenant_id uuid, kek_id text, sealed bytea)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform across.check_sealed(p_table, p_column);
  return query execute format($q$
    select t.id, t.tenant_id, t.kek_id, t.%2$I from %1$s t
     where ($1 is null or t.id > $1) and t.id <= $2 and t.kek_id <> $3 order by t.id for no key update$q$, p_table, p_column)
    using p_after, p_last, p_kek;
end $function$;
alter function across.lock_sealed_otherwise(text,text,text,uuid,uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.log_position_at(p_ms double precision)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_low bigint := 0;
  v_high bigint := (select h.size from log.head h where h.id = 1);
  v_middle bigint;
  v_time double precision;
begin
  while v_low < v_high loop
    v_middle := (v_low + v_high) / 2;
    select (e.leaf::jsonb ->> 'time')::double precision into v_time from log.entry e where e.position = v_middle;
    if coalesce(v_time, 0) < p_ms then v_low := v_middle + 1; else v_high := v_middle; end if;
  end loop;
  return v_low;
end $function$;
alter function across.log_position_at(double precision) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.next_sealed(p_table text, p_column text, p_after uuid, p_limit integer)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_last uuid;
begin
  perform across.check_sealed(p_table, p_column);
  execute format('select p.id from (select t.id from %s t where $1 is null or t.id > $1 order by t.id limit $2) p order by p.id desc limit 1', p_table)
    into v_last using p_after, p_limit;
  return v_last;
end $function$;
alter function across.next_sealed(text,text,uuid,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.note_audit_sink(p_name text, p_lease uuid, p_position bigint, p_failure text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update mayfly.audit_sink k
     set taken_at = case when p_position > k.position then clock_timestamp() else k.taken_at end,
         position = greatest(k.position, p_position), failure = p_failure,
         failures = case when p_failure is null then 0 else k.failures + 1 end
   where k.name = p_name and k.lease = p_lease;
  return found;
end $function$;
alter function across.note_audit_sink(text,uuid,bigint,text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.note_ledgered(p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update mayfly.erasure set ledgered_at = clock_timestamp() where id = any(p_ids) and ledgered_at is null;
end $function$;
alter function across.note_ledgered(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.note_receivers(p_tenants uuid[], p_ids uuid[], p_resources uuid[], p_names text[], p_shards uuid[], p_epochs bigint[], p_ats double precision[], p_gone boolean[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_given jsonb;
  v_grown uuid[];
begin
  select jsonb_agg(jsonb_build_object('tenant', g.tenant, 'id', g.id, 'resource', g.resource, 'name', g.name, 'shard', g.shard,
      'epoch', least(g.epoch, f.epoch), 'at', to_timestamp(g.at), 'gone', g.gone))
    into v_given
    from unnest(p_tenants, p_ids, p_resources, p_names, p_shards, p_epochs, p_ats, p_gone)
      g(tenant, id, resource, name, shard, epoch, at, gone)
    join mayfly.feed f on f.tenant_id = g.tenant and f.shard = g.shard;
  delete from mayfly.feed_acknowledgement a
   using jsonb_to_recordset(v_given) g(tenant uuid, id uuid, resource uuid, shard uuid)
    join mayfly.feed_receiver r on r.tenant_id = g.tenant and r.id = g.id and r.resource_id = g.resource and r.shard <> g.shard
   where a.tenant_id = r.tenant_id and a.receiver_id = r.id;
  with noted as (
    insert into mayfly.feed_receiver as r (tenant_id, id, resource_id, name, shard, epoch, first_seen_at, seen_at, gone)
      select distinct on (g.tenant, g.id) g.tenant, g.id, g.resource, g.name, g.shard, g.epoch,
          min(g.at) over (partition by g.tenant, g.id), max(g.at) over (partition by g.tenant, g.id),
          bool_or(g.gone) over (partition by g.tenant, g.id)
        from jsonb_to_recordset(v_given) g(tenant uuid, id uuid, resource uuid, name text, shard uuid, epoch bigint, at timestamptz,
          gone boolean)
       order by g.tenant, g.id, g.epoch desc
      on conflict (tenant_id, id) do update set name = excluded.name, shard = excluded.shard, seen_at = greatest(r.seen_at, excluded.seen_at),
          gone = excluded.gone,
          epoch = case when r.shard = excluded.shard then greatest(r.epoch, excluded.epoch) else excluded.epoch end
        where r.resource_id = excluded.resource_id
    returning r.resource_id, r.xmax = 0 as is_new
  ) select array_agg(distinct n.resource_id) into v_grown from noted n where n.is_new;
  if v_grown is not null then
    with gone as (
      delete from mayfly.feed_receiver r
       using unnest(v_grown) g(resource), lateral (
         select v.tenant_id, v.id from mayfly.feed_receiver v where v.resource_id = g.resource order by v.seen_at desc, v.id offset 5000) o
       where r.tenant_id = o.tenant_id and r.id = o.id returning r.tenant_id, r.id
    ) delete from mayfly.feed_acknowledgement a using gone where a.tenant_id = gone.tenant_id and a.receiver_id = gone.id;
  end if;
  insert into mayfly.feed_acknowledgement (tenant_id, receiver_id, epoch, at)
    select g.tenant, g.id, g.epoch, g.at
      from jsonb_to_recordset(v_given) g(tenant uuid, id uuid, resource uuid, epoch bigint, at timestamptz)
      join mayfly.feed_receiver r on r.tenant_id = g.tenant and r.id = g.id and r.resource_id = g.resource
     order by g.tenant, g.id, g.epoch, g.at
    on conflict do nothing;
end $function$;
alter function across.note_receivers(uuid[],uuid[],uuid[],text[],uuid[],bigint[],double precision[],boolean[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.overdue_holds(p_limit integer)
 RETURNS TABLE(id uuid, tenant_id uuid, agent_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select a.id, a.tenant_id, a.agent_id from mayfly.account a
    where a.state = 'h' and a.deadline <= clock_timestamp() order by a.tenant_id, a.id limit p_limit;
end $function$;
alter function across.overdue_holds(integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.parents_among(p_accounts uuid[])
 RETURNS uuid[]
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select coalesce(array_agg(p.id), '{}') from unnest(p_accounts) p(id)
   where exists (select from mayfly.lineage l where l.parent_id = p.id);
$function$;
alter function across.parents_among(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.position_at(p_ms double precision)
 RETURNS bigint
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_low bigint := 0;
  v_high bigint := coalesce((select max(e.position) + 1 from log.entry e), 0);
  v_middle bigint;
begin
  while v_low < v_high loop
    v_middle := (v_low + v_high) / 2;
    if (select (e.leaf::jsonb->>'time')::double precision < p_ms from log.entry e where e.position = v_middle) then v_low := v_middle + 1;
    else v_high := v_middle; end if;
  end loop;
  return v_low;
end $function$;
alter function across.position_at(double precision) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.positions_between(p_from timestamp with time zone, p_to timestamp with time zone, OUT first bigint, OUT last bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_from bigint := greatest(coalesce(floor(extract(epoch from p_from) / 10), 0), 0);
  v_to bigint := coalesce(floor(extract(epoch from p_to) / 10), 2147483647);
begin
  -- Clocks may go back, so all that lies between counts and not the ends alone.
  select coalesce(min(r.first), 0), coalesce(max(r.last), -1) into first, last from (
    select s.first, s.last from log.event_slot s where s.slot between v_from and least(v_to, ((v_from >> 12) << 12) + 4095)
    union all
    select s.first, s.last from log.event_slot s where s.slot between greatest(v_from, (v_to >> 12) << 12) and v_to
    union all
    select t.first, t.last from log.event_stretch t where t.stretch > v_from >> 12 and t.stretch < v_to >> 12) r;
end $function$;
alter function across.positions_between(timestamp with time zone,timestamp with time zone) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.positions_of_issue(p_token uuid, OUT first bigint, OUT last bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_at timestamptz := to_timestamp(('x' || left(replace(p_token::text, '-', ''), 12))::bit(48)::bigint::float8 / 1000);
begin
  select p.first, p.last into first, last from across.positions_between(v_at, v_at) p;
end $function$;
alter function across.positions_of_issue(uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.postpone_outbox(p_rows jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  update mayfly.outbox o set due_at = clock_timestamp() + make_interval(secs => r.seconds), parked = r.parked
    from jsonb_to_recordset(p_rows) r(id bigint, seconds double precision, parked boolean) where o.id = r.id;
$function$;
alter function across.postpone_outbox(jsonb) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.projected(OUT "position" bigint, OUT size bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  select c.position, h.size into strict "position", size from log.event_cursor c, log.head h where c.id = 1 and h.id = 1;
end $function$;
alter function across.projected() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.read_accounts(p_tenants uuid[], p_ids uuid[], p_task_tenants uuid[], p_task_keys uuid[])
 RETURNS SETOF mayfly.account
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select a.* from unnest(p_tenants, p_ids) k(tenant, id) join mayfly.account a on a.id = k.id and a.tenant_id is not distinct from k.tenant;
  return query select a.* from unnest(p_task_tenants, p_task_keys) k(tenant, task_key)
    join mayfly.account a on a.task_key = k.task_key and a.tenant_id is not distinct from k.tenant;
end $function$;
alter function across.read_accounts(uuid[],uuid[],uuid[],uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.read_event(p_tenant uuid, p_position bigint)
 RETURNS TABLE("position" bigint, leaf text, body text, retention smallint, decision text, reason text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
begin
  return query select e.position, n.leaf, b.body, e.retention, e.decision::text, e.reason
    from log.event e join log.entry n on n.position = e.position
    left join log.body b on b.position = e.position and b.at between e.at - interval '1 hour' and e.at + interval '1 hour'
   where e.position = p_position and (p_tenant is null or e.tenant_id = p_tenant);
end $function$;
alter function across.read_event(uuid,bigint) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.read_leaves(p_from bigint, p_limit bigint)
 RETURNS TABLE(leaves text, count bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select string_agg(e.leaf, E'\n' order by e.position), count(*) from log.entry e
    where e.position >= p_from and e.position < p_from + p_limit having count(*) > 0;
end $function$;
alter function across.read_leaves(bigint,bigint) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.read_lineages(p_tenants uuid[], p_accounts uuid[])
 RETURNS TABLE(account_id uuid, root_id uuid, parent_id uuid, depth smallint, max_depth smallint, ancestors uuid[], generations integer[], agents uuid[], quota jsonb, live boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  return query
    select l.account_id, l.root_id, l.parent_id, l.depth, l.max_depth, l.ancestors, l.generations, l.agents, l.quota,
           not exists (
             select from unnest(l.ancestors, l.generations) g(id, generation) left join mayfly.account a on a.id = g.id
              where (a.generation = g.generation and a.state = 'a' and a.deadline > clock_timestamp()) is not true)
      from unnest(p_tenants, p_accounts) n(tenant, account)
      join mayfly.lineage l on l.account_id = n.account and l.tenant_id = n.tenant;
end $function$;
alter function across.read_lineages(uuid[],uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.read_log(p_from bigint, p_limit bigint)
 RETURNS TABLE("position" bigint, leaf text, body text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select e.position, e.leaf, b.body from log.entry e left join log.body b on b.position = e.position
    where e.position >= p_from order by e.position limit p_limit;
end $function$;
alter function across.read_log(bigint,bigint) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.read_log_range(p_from bigint, p_to bigint)
 RETURNS TABLE("position" bigint, leaf text, body text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_hashjoin TO 'on'
 SET enable_nestloop TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
begin
  return query select e.position, e.leaf, b.body from log.entry e
    left join (select o.position, o.body from log.body o where o.position >= p_from and o.position < p_to) b on b.position = e.position
    where e.position >= p_from and e.position < p_to order by e.position;
end $function$;
alter function across.read_log_range(bigint,bigint) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.read_subject_keys(p_tenants uuid[], p_subjects text[])
 RETURNS TABLE(id uuid, tenant_id uuid, subject text, key_sealed bytea, kek_id text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query select k.id, k.tenant_id, n.subject, k.key_sealed, k.kek_id from unnest(p_tenants, p_subjects) n(tenant, subject)
    join mayfly.subject_key k on k.tenant_id = n.tenant and k.subject_hash = decode(n.subject, 'hex');
end $function$;
alter function across.read_subject_keys(uuid[],text[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.reaper_backlog(OUT due bigint, OUT ended bigint, OUT outbox bigint, OUT parked bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
begin
  select count(*) into due from (select from mayfly.account a where a.state = 'a' and a.deadline <= v_now limit 100000) c;
  select count(*) into ended from (select from mayfly.account a where a.state in ('m', 'e', 'r', 'x') limit 100000) c;
  select count(*) into outbox from (select from mayfly.outbox o where not o.parked limit 100000) c;
  select count(*) into parked from mayfly.outbox o where o.parked;
end $function$;
alter function across.reaper_backlog() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.release_audit_sink(p_name text, p_lease uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update mayfly.audit_sink k set leased_until = '-infinity', lease = null where k.name = p_name and k.lease = p_lease;
end $function$;
alter function across.release_audit_sink(text,uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.replace_claim_hash(p_tenant uuid, p_account uuid, p_claim_hash bytea, p_leaf text, p_body text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update mayfly.account set claim_hash = p_claim_hash
   where id = p_account and tenant_id = p_tenant and state = 'a' and deadline > clock_timestamp() and claim_hash is not null;
  if not found then return false; end if;
  insert into log.pending (tenant_id, leaf, body) values (p_tenant, p_leaf, p_body);
  return true;
end $function$;
alter function across.replace_claim_hash(uuid,uuid,bytea,text,text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.report_query(p_tenant uuid, p_filter jsonb, p_first bigint, p_last bigint)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_types text[] := array(select jsonb_array_elements_text(p_filter->'types'));
  v_prefixes text[] := array(select jsonb_array_elements_text(p_filter->'prefixes'));
  v text := format('m.subject_id = %L and m.position between %s and %s', (coalesce(p_filter->>'token', p_filter->>'agent'))::uuid, p_first, p_last);
begin
  if not p_filter ?| array['agent', 'token'] or p_filter ?| array['accounts', 'tasks', 'actor', 'person', 'approver', 'about', 'without']
    or v_types || v_prefixes <> '{}' and not ('decisions.reported' = any(v_types)
      or exists (select from unnest(v_prefixes) p where starts_with('decisions.reported', p))) then return null; end if;
  if p_filter ?& array['agent', 'token'] then
    v := v || format(' and exists (select from log.report_mention a where a.subject_id = %L and a.position = m.position)', (p_filter->>'agent')::uuid);
  end if;
  if p_tenant is not null then v := v || format(' and m.tenant_id = %L', p_tenant); end if;
  if p_filter ? 'decisions' then
    v := v || case when p_filter->'decisions' ?& array['a', 'd'] then '' when p_filter->'decisions' ? 'd' then ' and m.refused is not null'
      when p_filter->'decisions' ? 'a' then ' and m.allowed' else ' and false' end;
  end if;
  if p_filter ? 'reason' then v := v || format(' and m.refused is not null and %L = any(m.refused)', p_filter->>'reason'); end if;
  if p_filter ? 'reason_prefix' then
    v := v || format(' and m.refused is not null and exists (select from unnest(m.refused) r where starts_with(r, %L))', p_filter->>'reason_prefix');
  end if;
  if p_filter ? 'from' then v := v || format(' and e.at >= to_timestamp(%L::float8 / 1000)', (p_filter->>'from')::float8); end if;
  if p_filter ? 'before' then v := v || format(' and e.at < to_timestamp(%L::float8 / 1000)', (p_filter->>'before')::float8); end if;
  return 'from log.report_mention m join log.event e on e.position = m.position where ' || v;
end $function$;
alter function across.report_query(uuid,jsonb,bigint,bigint) owner to mayfly_across;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION across.reseal(p_table text, p_column text, p_kek text, p_rows jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform across.check_sealed(p_table, p_column);
  execute format($q$
    update %1$s t set %2$I = decode(v.sealed, 'hex'), kek_id = $1 from jsonb_to_recordset($2) v(id uuid, sealed text) where t.id = v.id$q$,
    p_table, p_column) using p_kek, p_rows;
end $function$;
alter function across.reseal(text,text,text,jsonb) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.retry_parked_outbox()
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count integer;
begin
  update mayfly.outbox set parked = false where parked and due_at <= clock_timestamp();
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.retry_parked_outbox() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.ssf_backlog(OUT enabled bigint, OUT paused bigint, OUT disabled bigint, OUT failing bigint, OUT waiting bigint, OUT lag_seconds double precision, OUT dead_letters bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  select count(*) filter (where s.status = 'enabled'), count(*) filter (where s.status = 'paused'),
         count(*) filter (where s.status = 'disabled'), count(*) filter (where s.status = 'enabled' and s.failures > 0),
         coalesce(sum(f.epoch - s.cursor) filter (where s.status <> 'disabled' and f.shard = s.shard), 0),
         coalesce(max(extract(epoch from clock_timestamp() - n.at)) filter (where s.status = 'enabled'), 0)
    into enabled, paused, disabled, failing, waiting, lag_seconds
    from mayfly.ssf_stream s join mayfly.feed f on f.tenant_id = s.tenant_id
    left join lateral (select r.at from mayfly.revocation r where r.tenant_id = s.tenant_id and f.shard = s.shard and r.epoch > s.cursor
      order by r.epoch limit 1) n on true;
  select count(*) into dead_letters from mayfly.ssf_dead_letter d where not d.due;
end $function$;
alter function across.ssf_backlog() owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.tenant_of_change(p_change uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (select c.tenant_id from mayfly.change c where c.id = p_change);
end $function$;
alter function across.tenant_of_change(uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.tenant_of_operator(p_credential uuid)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (select c.tenant_id from mayfly.credential c where c.id = p_credential and c.kind = 'operator');
end $function$;
alter function across.tenant_of_operator(uuid) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.tenants_with_pushes(p_tenants uuid[])
 RETURNS TABLE(tenant_id uuid, stream_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select s.tenant_id, s.id from mayfly.ssf_stream s
    where s.tenant_id = any(p_tenants) and s.method = 'push' and s.status = 'enabled' and s.hold_until <= clock_timestamp();
end $function$;
alter function across.tenants_with_pushes(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.tenants_with_webhooks(p_tenants uuid[])
 RETURNS uuid[]
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select coalesce(array_agg(distinct w.tenant_id), '{}') from mayfly.webhook w where w.tenant_id = any(p_tenants);
$function$;
alter function across.tenants_with_webhooks(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.tenants_without_erasure_key(p_limit integer)
 RETURNS TABLE(id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select t.id from mayfly.tenant t where not exists (select from mayfly.erasure_key k where k.tenant_id = t.id) limit p_limit;
end $function$;
alter function across.tenants_without_erasure_key(integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.tenants_without_key(p_algs text[])
 RETURNS TABLE(tenant_id uuid, alg text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query select t.id, a.alg from mayfly.tenant t cross join unnest(p_algs) a(alg)
    where not exists (select from mayfly.signing_key k where k.tenant_id = t.id and k.alg = a.alg and k.state = 'active') order by t.id, a.alg;
end $function$;
alter function across.tenants_without_key(text[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.token_revoked(p_tenant uuid, p_token text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  return exists (select from mayfly.revocation r where r.tenant_id = p_tenant and r.kind = 'j' and r.match = log.match_of(p_token));
end $function$;
alter function across.token_revoked(uuid,text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.unname_tasks(p_tenant uuid, p_pattern text)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'on'
AS $function$
declare
  v_count integer;
begin
  update mayfly.account set task_id = 'erased_' || replace(id::text, '-', '') where tenant_id = p_tenant and task_id ~* p_pattern;
  get diagnostics v_count = row_count;
  return v_count;
end $function$;
alter function across.unname_tasks(uuid,text) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.unreported_revocations(p_limit integer, p_patience double precision)
 RETURNS TABLE(tenant_id uuid, shard uuid, id uuid, epoch bigint, at_seconds double precision, receivers integer, acknowledged integer, first_ms double precision, last_ms double precision, ready boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query
    select h.tenant_id, h.shard, h.id, h.epoch, extract(epoch from h.at)::float8, s.receivers, s.acknowledged, s.first_ms, s.last_ms,
           s.receivers = s.acknowledged or h.at < clock_timestamp() - make_interval(secs => p_patience)
      from (
        select f.tenant_id, f.shard, o.id, o.epoch, o.at
          from mayfly.feed f
          left join mayfly.feed_report p on p.tenant_id = f.tenant_id and p.shard = f.shard
         cross join lateral (
           select r.id, max(r.epoch) as epoch, min(r.at) as at from mayfly.revocation r
            where r.tenant_id = f.tenant_id and r.epoch > coalesce(p.epoch, 0) and r.actor ? 'target'
            group by r.id order by 2 limit p_limit) o
         where f.epoch > coalesce(p.epoch, 0)
         order by o.at limit p_limit) h
     cross join lateral (
       select count(*)::integer as receivers, count(a.at)::integer as acknowledged,
              min(greatest(0, extract(epoch from a.at - h.at) * 1000))::float8 as first_ms,
              max(greatest(0, extract(epoch from a.at - h.at) * 1000))::float8 as last_ms
         from mayfly.feed_receiver r
         left join lateral (
           select k.at from mayfly.feed_acknowledgement k
            where k.tenant_id = r.tenant_id and k.receiver_id = r.id and k.epoch >= h.epoch order by k.epoch limit 1) a on true
        where r.tenant_id = h.tenant_id and r.shard = h.shard and r.first_seen_at <= h.at
          and (a.at is not null or not r.gone and r.seen_at > h.at - interval '1 minute')) s
     order by h.tenant_id, h.epoch;
end $function$;
alter function across.unreported_revocations(integer,double precision) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.usage_of_tenants(p_from date, p_to date, p_after uuid, p_limit integer)
 RETURNS TABLE(key uuid, opened bigint, tokens bigint, denials bigint, calls_allowed bigint, calls_refused bigint, units bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query
    select u.tenant_id, sum(u.opened)::bigint, sum(u.tokens)::bigint, sum(u.denials)::bigint, sum(u.calls_allowed)::bigint,
           sum(u.calls_refused)::bigint, sum(u.units)::bigint
      from mayfly.usage u where u.day between p_from and p_to and (p_after is null or u.tenant_id > p_after)
     group by u.tenant_id order by u.tenant_id limit p_limit;
end $function$;
alter function across.usage_of_tenants(date,date,uuid,integer) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION across.withdraw_changes(p_credentials uuid[])
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query update mayfly.change c set status = 'withdrawn'
    where c.proposer_id = any(p_credentials) and c.status in ('waiting', 'approved') returning c.id, c.tenant_id;
end $function$;
alter function across.withdraw_changes(uuid[]) owner to mayfly_across;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.accounts_in_the_way(p_outcomes smallint[], p_openings jsonb)
 RETURNS jsonb
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select jsonb_agg(jsonb_build_object('id', a.id, 'tenantId', a.tenant_id, 'agentId', a.agent_id, 'taskKey', a.task_key,
      'taskId', a.task_id, 'state', a.state::text, 'generation', a.generation,
      'deadlineSeconds', case when isfinite(a.deadline) then extract(epoch from a.deadline) end,
      'ceilingId', a.ceiling_id::text, 'opener', encode(a.opener, 'hex'), 'openingKey', encode(a.opening_key, 'hex'),
      'rootId', a.root_id, 'readmitted', a.readmitted and log.is_attended(a.id)))
    from jsonb_to_recordset(p_openings) o(n int, task_key uuid)
    join mayfly.account a on a.task_key = o.task_key
   where p_outcomes[o.n] = 3;
$function$;
alter function log.accounts_in_the_way(smallint[],jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.ancestors_live(p_account uuid, p_now timestamp with time zone)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select exists (select from mayfly.lineage l where l.account_id = p_account) and not exists (
    select from mayfly.lineage l, unnest(l.ancestors, l.generations) g(id, generation) left join mayfly.account a on a.id = g.id
     where l.account_id = p_account and (a.generation = g.generation and a.state = 'a' and a.deadline > p_now) is not true);
$function$;
alter function log.ancestors_live(uuid,timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.append(p_tenants uuid[], p_configs bigint[], p_accounts uuid[], p_generations integer[], p_until bigint[], p_owners integer[], p_leaves text, p_bodies text, p_openings jsonb DEFAULT NULL::jsonb, p_pins jsonb DEFAULT NULL::jsonb, p_subject_keys jsonb DEFAULT NULL::jsonb, p_lineages jsonb DEFAULT NULL::jsonb, p_room jsonb DEFAULT NULL::jsonb, p_statuses jsonb DEFAULT NULL::jsonb, OUT database_ms double precision, OUT first_position bigint, OUT outcomes smallint[], OUT existing jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_now timestamptz;
  v_leaves text[] := string_to_array(p_leaves, E'\n');
  v_bodies text[] := string_to_array(p_bodies, E'\n');
begin
  -- A line too many or too few would part an event from its owner, and lose it without a word.
  if cardinality(v_leaves) <> cardinality(p_owners) or (p_bodies <> '' and cardinality(v_bodies) <> cardinality(p_owners)) then
    raise exception 'log.append: % owners, % leaves, % bodies', cardinality(p_owners), cardinality(v_leaves), cardinality(v_bodies)
      using errcode = 'invalid_parameter_value';
  end if;

  select h.size into strict first_position from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  database_ms := extract(epoch from v_now) * 1000;

  select array_agg((case
      when r.config is not null and t.config_epoch is distinct from r.config then 1
      when r.account is null then 0
      when (a.state = 'a' or a.state = 'c' and a.readmitted and log.is_attended(a.id)) and a.generation = r.generation and a.deadline > v_now
        and a.tenant_id = r.tenant and extract(epoch from a.deadline) >= r.until
        and (a.root_id is null or log.ancestors_live(a.id, v_now)) then 0
      else 2 end)::smallint order by r.n)
    into outcomes
    from unnest(p_tenants, p_configs, p_accounts, p_generations, p_until)
      with ordinality r(tenant, config, account, generation, until, n)
    left join mayfly.tenant t on t.id = r.tenant
    left join mayfly.account a on a.id = r.account;

  -- What two requests may want of one another's is judged first, opened next and kept last: only then is it known of
  -- which requests anything is written at all. Nobody else writes these tables while the head is held.
  if p_subject_keys is not null then outcomes := log.judge_subject_keys(outcomes, p_subject_keys); end if;
  if p_pins is not null then outcomes := log.judge_pins(outcomes, p_pins); end if;
  if p_openings is not null then
    outcomes := log.open_accounts(outcomes, p_openings, p_lineages, p_room, v_now);
    if 3 = any(outcomes) then existing := log.accounts_in_the_way(outcomes, p_openings); end if;
  end if;
  if p_subject_keys is not null then perform log.keep_subject_keys(outcomes, p_subject_keys); end if;
  if p_pins is not null then perform log.keep_pins(outcomes, p_pins); end if;
  if p_statuses is not null then perform log.keep_statuses(outcomes, p_statuses); end if;

  if outcomes <> array_fill(0::smallint, array[cardinality(outcomes)]) then
    select coalesce(array_agg(l.leaf order by l.n), '{}'), coalesce(array_agg(l.body order by l.n), '{}')
      into v_leaves, v_bodies
      from unnest(p_owners, v_leaves, v_bodies) with ordinality l(owner, leaf, body, n)
     where outcomes[l.owner] = 0;
  end if;
  insert into log.entry (position, leaf)
    select first_position + l.n - 1, l.leaf from unnest(v_leaves) with ordinality l(leaf, n);
  insert into log.body (position, retention, at, body)
    select first_position + l.n - 1,
           -- Most are tokens: they are told by their end alone. By bytes: right() counts the characters of the whole leaf, for 2.6 µs.
           case when substr(convert_to(l.leaf, 'UTF8'), octet_length(l.leaf) - 27) = '"type":"token.issued","v":1}'::bytea
             then 1::smallint else coalesce((
             select c.class from log.event_class c
              where c.type = split_part(split_part(right(l.leaf, 80), '"type":"', 2), '"', 1)), 1::smallint) end,
           v_now, l.body
      from unnest(v_leaves, v_bodies) with ordinality l(leaf, body, n)
     where l.body <> '';

  update log.head set size = first_position + cardinality(v_leaves) where id = 1;
end $function$;
alter function log.append(uuid[],bigint[],uuid[],integer[],bigint[],integer[],text,text,jsonb,jsonb,jsonb,jsonb,jsonb,jsonb) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.append_of_changes(p_outcomes smallint[], p_tenants uuid[], p_leaves text[], p_bodies text[])
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_tenants uuid[]; v_leaves text; v_bodies text; v_count int;
begin
  select array_agg(l.tenant order by l.n), string_agg(l.leaf, E'\n' order by l.n), string_agg(l.body, E'\n' order by l.n), count(*)
    into v_tenants, v_leaves, v_bodies, v_count
    from unnest(p_outcomes, p_tenants, p_leaves, p_bodies) with ordinality l(outcome, tenant, leaf, body, n)
   where l.outcome = 0;
  perform log.append(v_tenants, array_fill(null::bigint, array[v_count]), array_fill(null::uuid, array[v_count]),
    array_fill(null::integer, array[v_count]), array_fill(null::bigint, array[v_count]),
    (select array_agg(i order by i) from generate_series(1, v_count) i), v_leaves, v_bodies);
end $function$;
alter function log.append_of_changes(smallint[],uuid[],text[],text[]) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.append_pending()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  delete from log.pending where id = new.id;
  perform log.append(array[new.tenant_id], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint],
    array[1], new.leaf, new.body);
  return null;
end $function$;
alter function log.append_pending() owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.begin_restore(p_id uuid, p_from uuid, p_to uuid, p_size bigint, p_sealed_size bigint, p_sealed_root text, p_unknown jsonb, p_issuers jsonb, p_until timestamp with time zone, p_leaf text, p_body text, OUT outcome text, OUT held bigint)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_head record;
  v_now timestamptz;
  v_keys jsonb;
begin
  select h.shard, h.size into strict v_head from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  if v_head.shard <> p_from or v_head.size <> p_size then outcome := 'moved'; return; end if;
  if exists (select from mayfly.tenant t where not exists (
      select from jsonb_to_recordset(p_issuers) i(tenant uuid) where i.tenant = t.id)) then outcome := 'moved'; return; end if;

  update log.head set shard = p_to where id = 1;
  insert into log.fork values (p_id, v_now, p_from, p_to, p_size, p_sealed_size, p_sealed_root);
  insert into log.fork_unknown select u.shard, p_id, u.size, u.root from jsonb_to_recordset(p_unknown) u(shard uuid, size bigint, root text)
    on conflict do nothing;
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint], array[1],
    p_leaf, p_body);

  -- Who may do what: nothing of it counts until somebody has looked.
  update mayfly.agent set suspended_at = v_now, held_at = v_now where suspended_at is null;
  update mayfly.trust_source set suspended_at = v_now, held_at = v_now where suspended_at is null;
  held := log.hold_accounts(v_now);
  update mayfly.credential set expires_at = v_now where kind in ('bootstrap', 'operator', 'session', 'console') and expires_at > v_now;
  update mayfly.join_token set expires_at = v_now where used_at is null and expires_at > v_now;
  update mayfly.change set status = 'withdrawn' where status in ('waiting', 'approved');
  delete from mayfly.claim_code;

  -- What was handed out: dead by its key where this database knows that, and by its config epoch in any case.
  with before as (
    select k.id, k.tenant_id, k.kid from mayfly.signing_key k where k.state <> 'retired'
  ), retired as (
    update mayfly.signing_key k set state = 'retired', state_since = v_now from before b where k.id = b.id
  ) select coalesce(jsonb_agg(jsonb_build_object('tenant', b.tenant_id, 'kind', 'k', 'subject', b.kid, 'least', null)), '[]') into v_keys from before b;
  update mayfly.tenant set config_epoch = greatest(config_epoch + 1, (extract(epoch from v_now) * 100000)::bigint);
  update mayfly.feed set shard = gen_random_uuid();
  perform log.publish((
    select jsonb_agg(jsonb_build_object('n', e.n, 'tenant', e.tenant, 'id', p_id, 'kind', e.kind, 'subject', e.subject, 'least', e.least,
        'until', ceil(extract(epoch from p_until)), 'cause', e.cause, 'actor', '{"by": "restore"}'::jsonb))
      from (
        select row_number() over (order by x.tenant, x.kind, x.subject) as n, x.* from (
          select k.tenant, k.kind, k.subject, k.least, 'key' as cause
            from jsonb_to_recordset(v_keys) k(tenant uuid, kind text, subject text, least bigint)
          union all
          select t.id, 't', i.issuer, t.config_epoch, 'tenant'
            from jsonb_to_recordset(p_issuers) i(tenant uuid, issuer text) join mayfly.tenant t on t.id = i.tenant) x) e), v_now);
  perform pg_notify('mayfly_config', t.id::text) from mayfly.tenant t;
  outcome := 'begun';
end $function$;
alter function log.begin_restore(uuid,uuid,uuid,bigint,bigint,text,jsonb,jsonb,timestamp with time zone,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.bodies_due()
 RETURNS TABLE(partition text, class text, month text, whole boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query
    with said as (
      select c.name, least(c.months, min(m.months)) as shortest, greatest(c.months, max(m.months)) as longest
        from log.retention_class c
        left join (select r.*, v.class, v.months from mayfly.retention r,
                   lateral (values ('security', r.security), ('standard', r.standard), ('short', r.short)) v(class, months)) m
          on m.class = c.name
       group by c.name, c.months
    )
    select p.name, s.name, p.month, p.ends + make_interval(months => s.longest) <= clock_timestamp()
        and not exists (select from mayfly.legal_hold h where h.lifted_at is null)
        and not (s.name = 'standard' and exists (
          select from mayfly.claim c join mayfly.account a on a.id = c.account_id
           where a.state = 'c' and a.opened_at < p.ends and a.opened_at >= p.ends - interval '32 days'))
      from said s,
           lateral (select c.relname::text as name, replace(right(c.relname, 7), '_', '-') as month,
                           (replace(right(c.relname, 7), '_', '-') || '-01 00:00:00Z')::timestamptz + interval '1 month' as ends
                      from pg_inherits i join pg_class c on c.oid = i.inhrelid
                     where i.inhparent = ('log.body_' || s.name)::regclass
                       and c.relname ~ ('^body_' || s.name || '_[0-9]{4}_[0-9]{2}$')) p
     where p.ends + make_interval(months => s.shortest) <= clock_timestamp()
     order by p.name;
end $function$;
alter function log.bodies_due() owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.bury_accounts(p_outcomes smallint[], p_changes jsonb, p_now timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  with gone as (
    delete from mayfly.account a using jsonb_to_recordset(p_changes) c(n int, id uuid, transition text)
     where a.id = c.id and p_outcomes[c.n] = 0 and c.transition = 'reap'
     returning a.id, a.task_key, a.tenant_id, a.state, a.root_id
  ), forgotten as (
    delete from mayfly.lineage l using gone g where l.account_id = g.id and g.root_id is not null
  )
  insert into mayfly.tombstone (task_key, account_id, tenant_id, ended_at, state)
    select g.task_key, g.id, g.tenant_id, p_now, g.state from gone g;
$function$;
alter function log.bury_accounts(smallint[],jsonb,timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.checkpoint_stays()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if current_user = 'mayfly_log' and current_setting('mayfly.thins', true) = 'on' and old.at < clock_timestamp() - interval '2 days'
    and date_trunc('hour', old.at, 'UTC') = log.next_hour(old.shard, old.size)
    and not exists (select from log.named_checkpoints() n where n.shard = old.shard and n.size = old.size) then return old; end if;
  raise exception 'checkpoint % of the log % stays', old.size, old.shard using errcode = 'insufficient_privilege';
end $function$;
alter function log.checkpoint_stays() owner to mayfly_log;
-- may be executed by: public

CREATE OR REPLACE FUNCTION log.checkpoints_due()
 RETURNS TABLE(hour text, spare bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query
    select to_char(c.hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24'), count(*)
      from (select k.shard, k.size, date_trunc('hour', k.at, 'UTC') as hour from log.checkpoint k
             where k.at < date_trunc('hour', clock_timestamp(), 'UTC') - interval '2 days') c
     where c.hour = log.next_hour(c.shard, c.size) and (c.shard, c.size) not in (select n.shard, n.size from log.named_checkpoints() n)
     group by c.hour order by c.hour;
end $function$;
alter function log.checkpoints_due() owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.cut(p_leaf bytea, p_behind text, p_length integer)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select encode(substr(p_leaf, strpos(log.form_of_token(), p_behind) + length(p_behind), p_length), 'escape')
$function$;
alter function log.cut(bytea,text,integer) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.decision_of(p_type text, p_body jsonb)
 RETURNS "char"
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select (case
    when p_type in ('token.issued', 'token.consumed', 'account.opened', 'account.claimed', 'account.reinstated', 'certificate.issued',
      'session.opened', 'change.approved', 'change.break_glass', 'attachment.created', 'attachment.rotated', 'audit.read',
      'audit.exported', 'audit_stream.opened') then 'a'
    when p_type = 'decisions.reported' then case when p_body->>'denied' = '0' then 'a' else 'd' end
    when p_type ~ '([._]refused|\.denied|\.rejected)$' then 'd'
    when p_type = 'change.proposed' or p_type ~ '\.deferred$' then 'f'
  end)::"char"
$function$;
alter function log.decision_of(text,jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.disown_checkpoint(p_verifier_key text DEFAULT NULL::text)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_shard uuid;
  v_size bigint;
begin
  select h.shard into strict v_shard from log.head h where h.id = 1;
  select max(c.size) into v_size from log.checkpoint c
    where c.shard = v_shard and not exists (select from log.checkpoint_disowned d where d.shard = c.shard and d.size = c.size);
  if v_size is not null then insert into log.checkpoint_disowned (shard, size) values (v_shard, v_size); end if;
  if p_verifier_key is not null then update log.sealer set verifier_key = p_verifier_key where id = 1; end if;
  return v_size;
end $function$;
alter function log.disown_checkpoint(text) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.drop_bodies(p_partition text, p_leaf text, p_body text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET lock_timeout TO '300ms'
AS $function$
begin
  perform from log.head h where h.id = 1 for update;
  if not exists (select from log.bodies_due() d where d.partition = p_partition and d.whole) then return false; end if;
  execute format('drop table log.%I', p_partition);
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint],
    array[1], p_leaf, p_body);
  return true;
end $function$;
alter function log.drop_bodies(text,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.end_of_tokens(p_tenant uuid, p_deadline timestamp with time zone, p_now timestamp with time zone)
 RETURNS double precision
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (select ceil(extract(epoch from least(p_deadline, p_now + make_interval(secs => t.longest_token_seconds))))::float8 + 10
    from mayfly.tenant t where t.id = p_tenant);
end $function$;
alter function log.end_of_tokens(uuid,timestamp with time zone,timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.ended_accounts(p_after uuid, p_limit integer, OUT accounts jsonb, OUT seen_to uuid)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_ids uuid[];
begin
  v_ids := array(
    select a.id from mayfly.account a where a.state in ('m', 'e', 'r', 'x') and a.id > p_after order by a.id limit p_limit);
  if cardinality(v_ids) = p_limit then seen_to := v_ids[p_limit]; end if;
  with free as (
    select a.id, a.tenant_id, a.agent_id, a.generation from mayfly.account a
     where a.id = any(v_ids) and a.state in ('m', 'e', 'r', 'x') and not log.is_attached(a.id)
       and not exists (select from mayfly.live_count c where c.scope = a.id and c.live > 0)
       for update skip locked
  )
  select coalesce(jsonb_agg(jsonb_build_object('id', f.id, 'tenantId', f.tenant_id, 'agentId', f.agent_id, 'generation', f.generation,
      'nowMs', extract(epoch from clock_timestamp())::float8 * 1000)), '[]')
    into accounts from free f;
end $function$;
alter function log.ended_accounts(uuid,integer) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.ensure_event_partition(p_position bigint)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_part bigint := p_position >> 22;
  v_name text := format('event_%s', lpad(v_part::text, 6, '0'));
begin
  if to_regclass('log.' || v_name) is not null then return; end if;
  execute format('create table log.%I partition of log.event for values from (%s) to (%s)', v_name, v_part << 22, (v_part + 1) << 22);
  execute format('create trigger event_append_only before update or delete or truncate on log.%I
    for each statement execute function log.refuse_change()', v_name);
  perform mayfly.keep_tenants_apart(('log.' || v_name)::regclass);
  execute format('grant select on log.%I to mayfly_across', v_name);
end $function$;
alter function log.ensure_event_partition(bigint) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.ensure_partitions(p_from timestamp with time zone, p_months integer)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_class text;
  v_start timestamptz;
  v_name text;
begin
  for v_class in select c.name from log.retention_class c order by c.code loop
    v_start := date_trunc('month', p_from, 'UTC');
    for i in 1 .. least(p_months, 36) loop
      v_name := format('body_%s_%s', v_class, to_char(v_start at time zone 'UTC', 'YYYY_MM'));
      if to_regclass('log.' || v_name) is null then
        execute format('create table log.%I partition of log.%I for values from (%L) to (%L)',
          v_name, 'body_' || v_class, v_start, v_start + interval '1 month');
        execute format('create trigger body_append_only before update or delete or truncate on log.%I
          for each statement execute function log.refuse_change()', v_name);
      end if;
      v_start := v_start + interval '1 month';
    end loop;
  end loop;
end $function$;
alter function log.ensure_partitions(timestamp with time zone,integer) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.explain_missed(p_outcomes smallint[], p_openings jsonb, p_missed integer[])
 RETURNS smallint[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v record;
begin
  for v in
    select o.n, case when exists (select from mayfly.tombstone t where t.task_key = o.task_key) then 6 else 3 end as outcome
      from jsonb_to_recordset(p_openings) o(n int, task_key uuid) where o.n = any(p_missed)
  loop p_outcomes[v.n] := v.outcome; end loop;
  return p_outcomes;
end $function$;
alter function log.explain_missed(smallint[],jsonb,integer[]) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.extent_of_bodies(p_partition text, OUT first bigint, OUT last bigint)
 RETURNS record
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if not exists (select from log.bodies_due() d where d.partition = p_partition) then return; end if;
  execute format('select min(b.position), max(b.position) from log.%I b', p_partition) into first, last;
end $function$;
alter function log.extent_of_bodies(text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.find_opening(p_account uuid, p_opened_at timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  return coalesce(log.find_opening_by_time(p_account, p_opened_at), (
    select b.body from log.event e join log.body b on b.position = e.position
     where e.account_id = p_account and e.type = 'account.opened' and e.tenant_id = nullif(current_setting('mayfly.tenant', true), '')::uuid
     order by e.position limit 1));
end $function$;
alter function log.find_opening(uuid,timestamp with time zone) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.find_opening_by_time(p_account uuid, p_opened_at timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_low bigint := 0;
  v_high bigint := (select h.size from log.head h where h.id = 1);
  v_middle bigint;
  v_at timestamptz;
  v_body text;
begin
  while v_high - v_low > 256 loop
    v_middle := (v_low + v_high) / 2;
    select b.at into v_at from log.body b where b.position between v_middle and v_middle + 64 order by b.position limit 1;
    -- Bodies whose retention has ended are older than any account that lives.
    if v_at is null or v_at < p_opened_at then v_low := v_middle; else v_high := v_middle; end if;
  end loop;
  select b.body into v_body
    from log.entry e join log.body b on b.position = e.position
   where e.position between v_low and v_high + 1280 and b.position between v_low and v_high + 1280
     and e.leaf::jsonb ->> 'type' = 'account.opened' and e.leaf::jsonb ->> 'account' = p_account::text
     and e.leaf::jsonb ->> 'tenant' = current_setting('mayfly.tenant', true)
   limit 1;
  return v_body;
end $function$;
alter function log.find_opening_by_time(uuid,timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.finish_restore(p_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into log.fork_finished values (p_id, clock_timestamp()) on conflict do nothing;
end $function$;
alter function log.finish_restore(uuid) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.forget_bodies(p_erasure uuid, p_window bigint, p_grace integer, OUT finished boolean, OUT swept_to bigint, OUT removed bigint)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_hashjoin TO 'on'
 SET enable_mergejoin TO 'on'
 SET enable_seqscan TO 'on'
AS $function$
declare
  v_erasure record;
  v_end bigint;
  v_read bigint;
  v_to bigint;
  v_removed bigint;
  v_late boolean;
begin
  select e.* into strict v_erasure from mayfly.erasure e where e.id = p_erasure for update;
  finished := v_erasure.swept_at is not null;
  swept_to := v_erasure.swept_to;
  removed := v_erasure.removed;
  if finished then return; end if;
  if exists (select from mayfly.subject_key k where k.id = any(v_erasure.key_ids)) then
    raise exception 'log.forget_bodies: a key of this erasure is still there' using errcode = 'object_not_in_prerequisite_state';
  end if;
  v_late := clock_timestamp() >= v_erasure.asked_at + make_interval(secs => p_grace);
  select least(h.size, c.position, u.position), coalesce(v_erasure.sweep_end, case when v_late then h.size end) into strict v_read, v_end
    from log.head h, log.event_cursor c, mayfly.usage_cursor u where h.id = 1 and c.id = 1 and u.id = 1;
  v_to := greatest(v_erasure.swept_to, least(v_erasure.swept_to + p_window, v_read));
  perform set_config('mayfly.forgets', 'on', true);
  with gone as (
    delete from log.body b where b.position >= v_erasure.swept_to and b.position < v_to
       and substring(b.body from '"subject_key":"([0-9a-f-]{36})"')::uuid = any(v_erasure.key_ids)
    returning b.position
  ), opened as (
    select substring(e.leaf from '"account":"([0-9a-f-]{36})"')::uuid as id from gone g join log.entry e on e.position = g.position
     where e.leaf like '%"type":"account.opened"%'
  ), unnamed as (
    update mayfly.account a set opener = sha256(uuid_send(gen_random_uuid())), task_id = 'erased_' || replace(a.id::text, '-', '')
      from opened o where a.id = o.id
  )
  select v_erasure.removed + count(*) into v_removed from gone;
  perform set_config('mayfly.forgets', '', true);
  finished := coalesce(v_to >= v_end, false);
  swept_to := v_to;
  removed := v_removed;
  update mayfly.erasure e set swept_to = v_to, sweep_end = v_end, removed = v_removed,
      swept_at = case when finished then clock_timestamp() end
   where e.id = p_erasure;
end $function$;
alter function log.forget_bodies(uuid,bigint,integer) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.form_of_token()
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$
  select '{"account":"' || repeat('_', 36) || '","agent":"' || repeat('_', 36) || '","body_hash":"' || repeat('_', 43)
    || '","claims_hash":"' || repeat('_', 43) || '","id":"' || repeat('_', 36) || '","private_hash":"' || repeat('_', 43)
    || '","salt":"' || repeat('_', 22) || '","tenant":"' || repeat('_', 36) || '","time":' || repeat('_', 13)
    || ',"token":"at_' || repeat('_', 32) || '","type":"token.issued","v":1}'
$function$;
alter function log.form_of_token() owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.hold_account(p_account uuid, p_tenant uuid, p_opener text, p_key text, p_leaf text, p_body text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
end $function$;
alter function log.hold_account(uuid,uuid,text,text,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.hold_accounts(p_now timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_count bigint;
begin
  -- Its owner lets the agent of a claimed account in again, as after a claim.
  update mayfly.account a set readmitted = false where a.state = 'c' and a.readmitted;
  with held as (
    update mayfly.account a set state = 'h' where a.state = 'a' and a.deadline > p_now
    returning a.id, a.tenant_id, a.agent_id, a.root_id, a.address_scope
  ), less as (
    select w.scope, count(*) as accounts from held h
      left join mayfly.lineage y on h.root_id is not null and y.account_id = h.id,
      lateral (values (h.tenant_id), (h.agent_id), (y.parent_id), (h.address_scope)) w(scope)
     where w.scope is not null group by w.scope
  ), counted as (
    update mayfly.live_count l set live = greatest(0, l.live - s.accounts) from less s where l.scope = s.scope
  ) select count(*) into v_count from held;
  return v_count;
end $function$;
alter function log.hold_accounts(timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.is_attached(p_account uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select exists (select from mayfly.attachment a where a.account_id = p_account and a.state not in ('gone', 'kept'));
$function$;
alter function log.is_attached(uuid) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.is_attended(p_account uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select not exists (
    select from mayfly.claim c left join mayfly.person p on p.id = c.person_id
     where c.account_id = p_account and (p.left_at is not null or c.review_on < (clock_timestamp() at time zone 'UTC')::date));
$function$;
alter function log.is_attended(uuid) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.json_of(p_text text)
 RETURNS jsonb
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return p_text::jsonb;
exception when others then
  begin
    return replace(p_text, '\u', '/u')::jsonb;
  exception when others then return null;
  end;
end $function$;
alter function log.json_of(text) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.judge_pins(p_outcomes smallint[], p_pins jsonb)
 RETURNS smallint[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v record;
begin
  for v in
    select j.n from (
      select p.n, decode(p.key, 'hex') as key,
             coalesce(s.key_thumbprint, first_value(decode(p.key, 'hex')) over (partition by p.token_hash order by p.n)) as holder
        from jsonb_to_recordset(p_pins) p(n int, token_hash text, key text)
        left join mayfly.subject_pin s on s.token_hash = decode(p.token_hash, 'hex')
       where p_outcomes[p.n] = 0
    ) j where j.key <> j.holder
  loop p_outcomes[v.n] := 4; end loop;
  return p_outcomes;
end $function$;
alter function log.judge_pins(smallint[],jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.judge_room(p_outcomes smallint[], p_openings jsonb, p_lineages jsonb, p_room jsonb)
 RETURNS smallint[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v record;
begin
  for v in
    select o.n, min(o.outcome) as outcome from (
      select s.n, s.outcome, s.most, coalesce(c.live, 0) + row_number() over (partition by s.scope order by s.n) as taken
        from (select w.*, row_number() over (partition by w.scope, w.task_key order by w.n) as nth
                from log.scopes_of(p_outcomes, p_openings, p_lineages, p_room) w) s
        left join mayfly.live_count c on c.scope = s.scope
       where s.nth = 1 and not exists (select from mayfly.account a where a.task_key = s.task_key)
    ) o where o.taken > o.most group by o.n
  loop p_outcomes[v.n] := v.outcome; end loop;
  return p_outcomes;
end $function$;
alter function log.judge_room(smallint[],jsonb,jsonb,jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.judge_subject_keys(p_outcomes smallint[], p_keys jsonb)
 RETURNS smallint[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v record;
begin
  for v in
    select j.n from (
      select k.n, k.id, coalesce(s.id, first_value(k.id) over (partition by k.tenant, k.subject order by k.n)) as holder
        from jsonb_to_recordset(p_keys) k(n int, id uuid, tenant uuid, subject text)
        left join mayfly.subject_key s on s.tenant_id = k.tenant and s.subject_hash = decode(k.subject, 'hex')
       where p_outcomes[k.n] = 0
    ) j where j.id <> j.holder
  loop p_outcomes[v.n] := 5; end loop;
  return p_outcomes;
end $function$;
alter function log.judge_subject_keys(smallint[],jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.keep_checkpoint(p_shard uuid, p_after bigint, p_size bigint, p_root bytea, p_note text, p_origin text, p_verifier_key text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_head record;
  v_sealed record;
begin
  perform pg_advisory_xact_lock(7201, 36);
  select h.shard, h.size into strict v_head from log.head h where h.id = 1;
  if v_head.shard <> p_shard then return 'shard'; end if;
  if p_size > v_head.size then return 'short'; end if;
  select s.shard, s.size into v_sealed from log.sealer s where s.id = 1;
  if v_sealed.shard = p_shard and (v_sealed.size <> p_after or p_size < p_after) then return 'raced'; end if;
  insert into log.checkpoint (shard, size, root, note) values (p_shard, p_size, p_root, p_note) on conflict do nothing;
  insert into log.sealer (id, shard, size, origin, verifier_key, at)
    values (1, p_shard, p_size, p_origin, p_verifier_key, clock_timestamp())
    on conflict (id) do update set shard = excluded.shard, size = excluded.size, origin = excluded.origin,
      verifier_key = excluded.verifier_key, at = excluded.at;
  return 'kept';
end $function$;
alter function log.keep_checkpoint(uuid,bigint,bigint,bytea,text,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.keep_pins(p_outcomes smallint[], p_pins jsonb)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into mayfly.subject_pin (token_hash, key_thumbprint, expires_at)
    select distinct on (p.token_hash) decode(p.token_hash, 'hex'), decode(p.key, 'hex'), to_timestamp(p.until)
      from jsonb_to_recordset(p_pins) p(n int, token_hash text, key text, until double precision)
     where p_outcomes[p.n] = 0 order by p.token_hash, p.n
    on conflict (token_hash) do nothing;
$function$;
alter function log.keep_pins(smallint[],jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.keep_signers(p_shard uuid, p_keys text[], p_handover text, p_leaf text, p_body text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_now timestamptz := clock_timestamp();
  v_before text[];
begin
  perform pg_advisory_xact_lock(7201, 36);
  v_before := array(select l.verifier_key from (
      select distinct on (s.verifier_key) s.verifier_key, s.signs from log.signer s where s.shard = p_shard order by s.verifier_key, s.at desc) l
    where l.signs);
  if v_before <@ p_keys and p_keys <@ v_before then return false; end if;
  insert into log.signer (shard, verifier_key, at, signs, handover)
    select p_shard, k.key, v_now, true, case when k.n = 1 then p_handover end
      from unnest(p_keys) with ordinality k(key, n) where k.key <> all(v_before)
    union all
    select p_shard, b.key, v_now, false, null from unnest(v_before) b(key) where b.key <> all(p_keys);
  if v_before = '{}' then return false; end if;
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint], array[1],
    p_leaf, p_body);
  return true;
end $function$;
alter function log.keep_signers(uuid,text[],text,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.keep_statuses(p_outcomes smallint[], p_statuses jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into mayfly.token_status (list, idx, tenant_id, token_id, account_id, generation, root_id, agents, config_epoch, kid, until)
    select s.list, s.idx, s.tenant, s.token, s.account, s.generation, s.root, s.agents, s.config, s.kid, to_timestamp(s.until)
      from jsonb_to_recordset(p_statuses) s(n int, tenant uuid, list uuid, idx int, token uuid, account uuid, generation int, root uuid,
        agents uuid[], config bigint, kid text, until double precision)
     where p_outcomes[s.n] = 0;
end $function$;
alter function log.keep_statuses(smallint[],jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.keep_subject_keys(p_outcomes smallint[], p_keys jsonb)
 RETURNS void
 LANGUAGE sql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  insert into mayfly.subject_key (id, tenant_id, subject_hash, key_sealed, kek_id)
    select distinct on (k.id) k.id, k.tenant, decode(k.subject, 'hex'), decode(k.sealed, 'hex'), k.kek
      from jsonb_to_recordset(p_keys) k(n int, id uuid, tenant uuid, subject text, sealed text, kek text)
     where p_outcomes[k.n] = 0
    on conflict (tenant_id, subject_hash) do nothing;
$function$;
alter function log.keep_subject_keys(smallint[],jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.living_accounts(p_keys uuid[], p_limit integer)
 RETURNS TABLE(id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
begin
  return query
    select a.id from mayfly.account a
      join log.event e on e.account_id = a.id and e.tenant_id = a.tenant_id and e.type = 'account.opened'
      join log.body b on b.position = e.position
     where a.tenant_id = nullif(current_setting('mayfly.tenant', true), '')::uuid
       and (a.state in ('c', 'h') or a.state = 'a' and a.deadline > clock_timestamp())
       and substring(b.body from '"subject_key":"([0-9a-f-]{36})"')::uuid = any(p_keys)
     order by a.id limit p_limit;
end $function$;
alter function log.living_accounts(uuid[],integer) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.match_of(p_text text)
 RETURNS bytea
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select substring(sha256(convert_to(p_text, 'UTF8')) for 16);
$function$;
alter function log.match_of(text) owner to mayfly_log;
-- may be executed by: mayfly_across, mayfly_app

CREATE OR REPLACE FUNCTION log.mention_reported()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
begin
  insert into log.report_mention (position, subject_id, tenant_id, allowed, refused)
    select new.position, s.id, new.tenant_id, bool_or(d.outcome = 'allow'), array_agg(distinct left(d.reason, 64)) filter (where d.outcome = 'deny')
      from (select log.json_of(b.body) as body from log.body b where b.position = new.position) b,
           jsonb_to_recordset(case jsonb_typeof(b.body->'decisions') when 'array' then b.body->'decisions' end)
             d(outcome text, reason text, jti text, account_id text),
           lateral (
             select log.uuid_in(d.jti)
             union
             select coalesce(
               (select a.agent_id from mayfly.account a where a.id = log.uuid_in(d.account_id) and a.tenant_id = new.tenant_id),
               -- Among its first events: what a report names may be another tenant's, with a million of them and no opening to be found here.
               (select e.agent_id from (select f.agent_id, f.tenant_id, f.type from log.event f where f.account_id = log.uuid_in(d.account_id)
                  order by (f.position >> 16) limit 64) e where e.tenant_id = new.tenant_id and e.type = 'account.opened' limit 1))) s(id)
     where s.id is not null and new.tenant_id is not null group by s.id
    on conflict do nothing;
  return null;
end $function$;
alter function log.mention_reported() owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.named_checkpoints()
 RETURNS TABLE(shard uuid, size bigint)
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query
    select f.from_shard, n.size from log.fork f, lateral (values (f.sealed_size), (f.size)) n(size) where n.size is not null
    union all
    select s.shard, (w->>'size')::bigint from log.sealer s, jsonb_array_elements(s.witnesses) w where w->>'size' ~ '^[0-9]{1,15}$'
    union all
    select d.shard, d.size from log.checkpoint_disowned d;
end $function$;
alter function log.named_checkpoints() owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.next_hour(p_shard uuid, p_size bigint)
 RETURNS timestamp with time zone
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return (select date_trunc('hour', c.at, 'UTC') from log.checkpoint c where c.shard = p_shard and c.size > p_size order by c.size limit 1);
end $function$;
alter function log.next_hour(uuid,bigint) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.open_accounts(p_outcomes smallint[], p_openings jsonb, p_lineages jsonb, p_room jsonb, p_now timestamp with time zone)
 RETURNS smallint[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_missed int[];
begin
  if exists (
    select from jsonb_to_recordset(p_room) w(scope uuid, more int, most int) left join mayfly.live_count c on c.scope = w.scope
     where coalesce(c.live, 0) + w.more > w.most
  ) then p_outcomes := log.judge_room(p_outcomes, p_openings, p_lineages, p_room); end if;

  with wanted as (
    select o.* from jsonb_to_recordset(p_openings) o(n int, id uuid, tenant uuid, agent uuid, task_key uuid, task_id text,
        opener text, deadline double precision, ceiling bigint, claim_hash text, opening_key text, root uuid, address uuid)
     where p_outcomes[o.n] = 0
  ), opened as (
    insert into mayfly.account (id, tenant_id, agent_id, task_key, task_id, opener, opened_at, deadline, ceiling_id, claim_hash, opening_key, root_id, address_scope)
      select w.id, w.tenant, w.agent, w.task_key, w.task_id, decode(w.opener, 'hex'), p_now, to_timestamp(w.deadline), w.ceiling,
             decode(w.claim_hash, 'hex'), decode(w.opening_key, 'hex'), w.root, w.address
        from wanted w where not exists (select from mayfly.tombstone t where t.task_key = w.task_key) order by w.n
      on conflict (task_key) do nothing
      returning id
  )
  select array_agg(w.n) into v_missed from wanted w left join opened d on d.id = w.id where d.id is null;
  if v_missed is not null then p_outcomes := log.explain_missed(p_outcomes, p_openings, v_missed); end if;

  if p_lineages is not null then
    insert into mayfly.lineage (account_id, tenant_id, root_id, parent_id, depth, max_depth, ancestors, generations, agents, quota)
      select l.id, l.tenant, l.root, l.parent, l.depth, l.max_depth, l.ancestors, l.generations, l.agents, l.quota
        from jsonb_to_recordset(p_lineages) l(n int, id uuid, tenant uuid, root uuid, parent uuid, depth smallint, max_depth smallint,
          ancestors uuid[], generations integer[], agents uuid[], quota jsonb)
       where p_outcomes[l.n] = 0;
  end if;
  if 0 = all(p_outcomes) then
    insert into mayfly.live_count (scope, tenant_id, live)
      select w.scope, w.tenant, w.more from jsonb_to_recordset(p_room) w(scope uuid, tenant uuid, more int) order by w.scope
      on conflict (scope) do update set live = live_count.live + excluded.live;
  else
    insert into mayfly.live_count (scope, tenant_id, live)
      select s.scope, s.tenant, count(*) from log.scopes_of(p_outcomes, p_openings, p_lineages, p_room) s
       group by s.scope, s.tenant order by s.scope
      on conflict (scope) do update set live = live_count.live + excluded.live;
  end if;
  return p_outcomes;
end $function$;
alter function log.open_accounts(smallint[],jsonb,jsonb,jsonb,timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.project_events(p_limit integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'on'
 SET enable_hashjoin TO 'on'
 SET enable_mergejoin TO 'on'
AS $function$
declare
  v_from bigint;
  v_to bigint;
begin
  select c.position into v_from from log.event_cursor c where c.id = 1 for update skip locked;
  if not found then return 0; end if;
  select least(h.size, v_from + greatest(p_limit, 1), ((v_from >> 22) + 1) << 22) into v_to from log.head h where h.id = 1;
  if v_to <= v_from then return 0; end if;
  -- Rows and cursor are lost together or not at all, and are made anew: nobody need wait for the disk. To be called in a transaction of its
  -- own, therefore: this is for the whole of it.
  perform set_config('synchronous_commit', 'off', true);
  perform log.ensure_event_partition(v_from);

  -- Of a token the leaf says all that is asked for: nothing in its body is, and it is always kept as class 1.
  with read as materialized (
    select l.position,
           case when l.token is null then (l.leaf->>'account')::uuid else log.cut(l.token, '"account":"', 36)::uuid end as account,
           case when l.token is null then (l.leaf->>'agent')::uuid else log.cut(l.token, '"agent":"', 36)::uuid end as agent,
           case when l.token is null then (l.leaf->>'tenant')::uuid else log.cut(l.token, '"tenant":"', 36)::uuid end as tenant,
           case when l.token is null then (l.leaf->>'time')::float8 else log.cut(l.token, '"time":', 13)::float8 end / 1000 as time,
           case when l.token is null then log.uuid_in(l.leaf->>'token') else log.cut(l.token, '"token":"at_', 32)::uuid end as token,
           case when l.token is null then l.leaf->>'type' else 'token.issued' end as type
      from (select f.position, f.token, case when f.token is null then f.leaf::jsonb end as leaf
              from (select e.position, e.leaf, case when octet_length(e.leaf) = octet_length(log.form_of_token()) and e.leaf like log.form_of_token()
                        then convert_to(e.leaf, 'UTF8') end as token
                      from log.entry e where e.position >= v_from and e.position < v_to offset 0) f offset 0) l
  ), told as materialized (
    select b.position, b.retention, case when b.body like '%\\u%' then log.json_of(b.body) else nullif(b.body, '')::jsonb end as body
      from log.body b where b.position = any(array(select r.position from read r where r.type <> 'token.issued'))
  ), mentioned as (
    insert into log.event_mention (position, account_id, tenant_id)
      select distinct r.position, log.uuid_in(d.account_id), r.tenant
        from read r join told t on t.position = r.position,
             jsonb_to_recordset(case jsonb_typeof(t.body->'decisions') when 'array' then t.body->'decisions' end) d(account_id text)
       where r.type = 'decisions.reported' and log.uuid_in(d.account_id) is not null
  ), timed as (
    insert into log.event_slot as s (slot, first, last)
      select floor(r.time / 10)::integer, min(r.position), max(r.position) from read r group by 1
      on conflict (slot) do update set first = least(s.first, excluded.first), last = greatest(s.last, excluded.last)
  )
  insert into log.event (position, at, account_id, token_id, tenant_id, agent_id, retention, decision, type, reason, task_id, parent_id,
      root_id, actor_id, person_id, approver_id, about_id)
    select r.position, to_timestamp(r.time), r.account, r.token, r.tenant, r.agent, 1, 'a', r.type, null, null, null, null, null, null, null, null
      from read r where r.type = 'token.issued'
    union all
    select r.position, to_timestamp(r.time), r.account, r.token, r.tenant, r.agent, t.retention, log.decision_of(r.type, t.body), r.type,
           left(coalesce(t.body->>'reason', t.body->>'why', t.body->>'code'), 64),
           case when r.type = 'account.opened' then (select a.task_key from mayfly.account a where a.id = r.account) end,
           case when r.type = 'account.opened' then log.uuid_in(t.body->>'parent') end,
           case when r.type = 'account.opened' then log.uuid_in(t.body->>'root') end,
           log.uuid_in(t.body->>'actor'), log.uuid_in(t.body->>'actor_person'),
           coalesce(log.uuid_in(t.body->>'approved_by_person'),
             case when r.type in ('change.approved', 'change.break_glass') then log.uuid_in(t.body->>'actor_person') end),
           case when r.type <> 'token.denied' then coalesce(
             case when r.type like 'change.%' then log.uuid_in(t.body->>'change') end,
             log.uuid_in(t.body->>'credential'), log.uuid_in(t.body->>'join_token'), log.uuid_in(t.body->>'attachment'),
             log.uuid_in(t.body->>'connector'), log.uuid_in(t.body->>'webhook'), log.uuid_in(t.body->>'receiver'),
             log.uuid_in(t.body->>'stream'), log.uuid_in(t.body->>'provider'), log.uuid_in(t.body->>'person'),
             log.uuid_in(t.body->>'trust_source'), log.uuid_in(t.body->>'resource'), log.uuid_in(t.body->>'revocation'),
             log.uuid_in(t.body->>'change')) end
      from read r left join told t on t.position = r.position where r.type <> 'token.issued'
    order by 1;

  update log.event_cursor c set position = v_to where c.id = 1;
  return v_to - v_from;
end $function$;
alter function log.project_events(integer) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.publish(p_entries jsonb, p_now timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v record;
  v_published jsonb := '[]';
  v_tenants int := (select count(distinct r.tenant) from jsonb_to_recordset(p_entries) r(tenant uuid));
begin
  for v in
    update mayfly.feed f set epoch = f.epoch + e.count
      from (select r.tenant, count(*) as count from jsonb_to_recordset(p_entries) r(tenant uuid) group by r.tenant) e
     where f.tenant_id = e.tenant returning f.tenant_id, f.shard, f.epoch, e.count
  loop
    with row as materialized (
      select e.tenant, v.epoch - v.count + row_number() over (order by e.n) as epoch, e.id, e.kind, e.subject, log.match_of(e.subject) as match,
             e.least, e.until, e.cause, e.actor
        from jsonb_to_recordset(p_entries) e(n int, tenant uuid, id uuid, kind text, subject text, least bigint, until double precision,
          cause text, actor jsonb)
       where e.tenant = v.tenant_id
    ), written as (
      insert into mayfly.revocation (tenant_id, epoch, id, at, kind, subject, match, least, until, cause, actor)
        select r.tenant, r.epoch, r.id, p_now, r.kind, r.subject, r.match, r.least, to_timestamp(r.until), r.cause, r.actor from row r
    )
    select v_published || jsonb_build_object('tenant', v.tenant_id, 'shard', v.shard, 'from', v.epoch - v.count + 1, 'to', v.epoch, 'entries',
        jsonb_agg(jsonb_build_object('epoch', r.epoch, 'kind', r.kind, 'match', encode(r.match, 'base64'), 'least', r.least, 'until', r.until)
          order by r.epoch))
      into v_published from row r;
    perform pg_notify('mayfly_feed', v.tenant_id || ' ' || v.epoch);
    v_tenants := v_tenants - 1;
  end loop;
  -- What nobody is told of must not count as revoked.
  if v_tenants <> 0 then raise exception 'log.publish: % tenants without a feed', v_tenants; end if;
  return v_published;
end $function$;
alter function log.publish(jsonb,timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.publish_pending()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_now timestamptz;
  v_rows jsonb;
begin
  if not exists (select from log.pending_revocation p where p.place = new.place) then return null; end if;
  with gone as (delete from log.pending_revocation p where p.place >= new.place returning p.*)
  select jsonb_agg(to_jsonb(g) order by g.place) into v_rows from gone g;
  perform from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  perform log.publish((
    select jsonb_agg(jsonb_build_object('n', r.n, 'tenant', r.tenant_id, 'id', r.id, 'kind', r.kind, 'subject', r.subject,
        'least', case when r.least is null and r.kind in ('c', 't') then t.config_epoch else r.least end,
        'until', case when r.kind = 'k' and r.until is not null then ceil(extract(epoch from r.until))
          else log.end_of_tokens(r.tenant_id, coalesce(r.until, 'infinity'), v_now) end,
        'cause', r.cause, 'actor', r.actor))
      from rows from (jsonb_to_recordset(v_rows) as (tenant_id uuid, id uuid, kind text, subject text, least bigint, until timestamptz,
        cause text, actor jsonb)) with ordinality r(tenant_id, id, kind, subject, least, until, cause, actor, n)
      left join mayfly.tenant t on t.id = r.tenant_id), v_now);
  return null;
end $function$;
alter function log.publish_pending() owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.publish_transitions(p_outcomes smallint[], p_changes jsonb, p_now timestamp with time zone)
 RETURNS jsonb
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_entries jsonb;
begin
  with changed as (
    select c.n, a.id, a.tenant_id, a.root_id, a.generation, a.deadline, coalesce(c.revocation, gen_random_uuid()) as revocation,
           c.transition, c.by
      from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text, revocation uuid, by jsonb)
      join mayfly.account a on a.id = c.id
     where p_outcomes[c.n] = 0 and c.transition in ('complete', 'revoke', 'close', 'claim', 'suspend', 'narrow')
       and (a.root_id is null or log.ancestors_live(a.id, p_now))
  ), entry as (
    select 0 as place, c.*, case when d.descendants then 'x' else 'a' end as kind,
           case when d.descendants then log.wire_id('txn', c.id) else log.wire_id('acct', c.id) end as subject, c.generation as least, c.deadline as ends
      from changed c, lateral (select c.root_id is null and exists (select from mayfly.lineage l where l.root_id = c.id) as descendants) d
    union all
    select 1, c.*, 'a', log.wire_id('acct', d.id), d.generation + 1, d.deadline
      from changed c join mayfly.lineage l on l.root_id = c.root_id and c.id = any(l.ancestors) join mayfly.account d on d.id = l.account_id
     where c.root_id is not null and (d.state = 'a' or d.id in (select o.id from jsonb_to_recordset(p_changes) o(id uuid)))
  )
  select jsonb_agg(jsonb_build_object('n', e.nth, 'tenant', e.tenant_id, 'id', e.revocation, 'kind', e.kind, 'subject', e.subject,
      'least', e.least, 'until', log.end_of_tokens(e.tenant_id, e.ends, p_now), 'cause', e.transition, 'actor', e.by))
    into v_entries
    from (select row_number() over (order by o.n, o.place, o.subject) as nth, o.tenant_id, o.revocation, o.kind, o.subject, o.least, o.ends,
            o.transition, o.by from entry o) e;
  return case when v_entries is not null then log.publish(v_entries, p_now) end;
end $function$;
alter function log.publish_transitions(smallint[],jsonb,timestamp with time zone) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'DELETE' and tg_table_schema = 'log' and tg_table_name like 'body%' and current_user = 'mayfly_log'
    and current_setting('mayfly.forgets', true) = 'on' then return null;
  end if;
  raise exception 'the audit log is append-only: % on %.% is refused', tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege';
end $function$;
alter function log.refuse_change() owner to mayfly_log;
-- may be executed by: public

CREATE OR REPLACE FUNCTION log.reinstate_accounts(p_accounts jsonb, p_leaves text, p_bodies text, OUT outcomes smallint[])
 RETURNS smallint[]
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_tenants uuid[];
  v_leaves text[] := string_to_array(p_leaves, E'\n');
  v_bodies text[] := string_to_array(p_bodies, E'\n');
  v_count int := jsonb_array_length(p_accounts);
begin
  if cardinality(v_leaves) <> v_count or cardinality(v_bodies) <> v_count or v_count > 500 then
    raise exception 'log.reinstate_accounts: % accounts, % leaves, % bodies; 500 at most', v_count, cardinality(v_leaves), cardinality(v_bodies)
      using errcode = 'invalid_parameter_value';
  end if;
  perform from mayfly.account a where a.id in (select c.id from jsonb_to_recordset(p_accounts) c(id uuid)) order by a.id for update;
  perform from log.head h where h.id = 1 for update;
  select array_agg((case when a.state = 'h' then 0 else 1 end)::smallint order by c.n), array_agg(c.tenant order by c.n)
    into outcomes, v_tenants
    from jsonb_to_recordset(p_accounts) c(n int, id uuid, tenant uuid)
    left join mayfly.account a on a.id = c.id and a.tenant_id = c.tenant;
  insert into mayfly.live_count as l (scope, tenant_id, live)
    select w.scope, a.tenant_id, count(*)
      from jsonb_to_recordset(p_accounts) c(n int, id uuid) join mayfly.account a on a.id = c.id
      left join mayfly.lineage y on a.root_id is not null and y.account_id = a.id,
      lateral (values (a.tenant_id), (a.agent_id), (y.parent_id), (a.address_scope)) w(scope)
     where outcomes[c.n] = 0 and w.scope is not null group by w.scope, a.tenant_id
    on conflict (scope) do update set live = l.live + excluded.live;
  update mayfly.account a set state = 'a' from jsonb_to_recordset(p_accounts) c(n int, id uuid) where a.id = c.id and outcomes[c.n] = 0;
  if 0 = any(outcomes) then perform log.append_of_changes(outcomes, v_tenants, v_leaves, v_bodies); end if;
end $function$;
alter function log.reinstate_accounts(jsonb,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.report_sealer(p_shard uuid, p_origin text, p_verifier_key text, p_fault text, p_witnesses jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into log.sealer as s (id, shard, size, origin, verifier_key, at, fault, witnesses)
    values (1, p_shard, 0, p_origin, p_verifier_key, clock_timestamp(), p_fault, p_witnesses)
    on conflict (id) do update set at = excluded.at, fault = excluded.fault, witnesses = excluded.witnesses;
end $function$;
alter function log.report_sealer(uuid,text,text,text,jsonb) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.scopes_of(p_outcomes smallint[], p_openings jsonb, p_lineages jsonb, p_room jsonb)
 RETURNS TABLE(n integer, task_key uuid, tenant uuid, scope uuid, most integer, outcome smallint)
 LANGUAGE sql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
  select o.n, o.task_key, o.tenant, s.scope, r.most, s.outcome
    from jsonb_to_recordset(p_openings) o(n int, task_key uuid, tenant uuid, agent uuid, address uuid)
    left join jsonb_to_recordset(p_lineages) l(n int, parent uuid) on l.n = o.n,
         lateral (values (o.tenant, 7::smallint), (o.agent, 8::smallint), (l.parent, 9::smallint), (o.address, 10::smallint)) s(scope, outcome)
    join jsonb_to_recordset(p_room) r(scope uuid, most int) on r.scope = s.scope
   where p_outcomes[o.n] = 0;
$function$;
alter function log.scopes_of(smallint[],jsonb,jsonb,jsonb) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.seal_state()
 RETURNS TABLE(shard uuid, head_size bigint, sealed_shard uuid, sealed_size bigint, origin text, verifier_key text, heard_ms double precision, fault text, witnesses jsonb, lag_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return query
    select h.shard, h.size, s.shard, s.size, s.origin, s.verifier_key, extract(epoch from clock_timestamp() - s.at)::float8 * 1000, s.fault,
           s.witnesses,
           coalesce(greatest(0, extract(epoch from clock_timestamp())::float8 * 1000
             - (select (e.leaf::jsonb->>'time')::float8 from log.entry e
                 where e.position = case when s.shard = h.shard then s.size else 0 end)), 0)
      from log.head h, log.sealer s where h.id = 1 and s.id = 1;
end $function$;
alter function log.seal_state() owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.sealer_grows()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if new.shard = old.shard and new.size < old.size then
    raise exception 'what is sealed stays sealed: % to %', old.size, new.size using errcode = 'insufficient_privilege';
  end if;
  return new;
end $function$;
alter function log.sealer_grows() owner to mayfly_log;
-- may be executed by: public

CREATE OR REPLACE FUNCTION log.thin_bodies(p_partition text, p_from bigint, p_to bigint)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_hashjoin TO 'on'
 SET enable_mergejoin TO 'on'
 SET enable_seqscan TO 'on'
AS $function$
declare
  v_due record;
  v_ends timestamptz;
  v_months integer;
  v_count bigint;
begin
  select d.* into v_due from log.bodies_due() d where d.partition = p_partition;
  if not found then return 0; end if;
  v_ends := (v_due.month || '-01 00:00:00Z')::timestamptz + interval '1 month';
  select c.months into strict v_months from log.retention_class c where c.name = v_due.class;
  perform set_config('mayfly.forgets', 'on', true);
  execute format($q$
    delete from log.%I b using (
      select e.position, substring(e.leaf from '"tenant":"([0-9a-f-]{36})"')::uuid as tenant,
             substring(e.leaf from '"account":"([0-9a-f-]{36})"')::uuid as account, substring(e.leaf from '"agent":"([0-9a-f-]{36})"')::uuid as agent,
             e.leaf like '%%"type":"account.opened"%%' as opens
        from log.entry e where e.position >= $1 and e.position < $2
    ) l left join mayfly.retention r on r.tenant_id = l.tenant
    where b.position >= $1 and b.position < $2 and b.position = l.position
      and not (l.opens and exists (select from mayfly.account a where a.id = l.account and a.state = 'c'))
      and $3 + make_interval(months => coalesce(r.%I, $4)) <= clock_timestamp()
      and not exists (select from mayfly.legal_hold h where h.lifted_at is null and h.tenant_id = l.tenant and (
            h.kind = 'tenant' or h.kind = 'account' and h.target_id = l.account or h.kind = 'agent' and h.target_id = l.agent
            or h.kind = 'person' and b.body like '%%psn_' || replace(h.target_id::text, '-', '') || '%%'
            or substring(b.body from '"subject_key":"([0-9a-f-]{36})"')::uuid = any(h.key_ids)))
  $q$, p_partition, v_due.class) using p_from, p_to, v_ends, v_months;
  get diagnostics v_count = row_count;
  perform set_config('mayfly.forgets', '', true);
  return v_count;
end $function$;
alter function log.thin_bodies(text,bigint,bigint) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.thin_checkpoints(p_hour text, p_spare bigint, p_leaf text, p_body text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_from timestamptz := (p_hour || ':00:00Z')::timestamptz;
  v_count bigint;
begin
  perform set_config('mayfly.thins', 'on', true);
  delete from log.checkpoint k where k.at >= v_from and k.at < v_from + interval '1 hour' and v_from = log.next_hour(k.shard, k.size)
     and (k.shard, k.size) not in (select n.shard, n.size from log.named_checkpoints() n);
  get diagnostics v_count = row_count;
  perform set_config('mayfly.thins', '', true);
  if v_count = 0 then return false; end if;
  if v_count <> p_spare then
    raise exception '% checkpoints of % are spare, not %', v_count, p_hour, p_spare using errcode = 'serialization_failure';
  end if;
  perform log.append(array[null::uuid], array[null::bigint], array[null::uuid], array[null::integer], array[null::bigint], array[1],
    p_leaf, p_body);
  return true;
end $function$;
alter function log.thin_checkpoints(text,bigint,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.transition_accounts(p_changes jsonb, p_leaves text, p_bodies text, OUT outcomes smallint[], OUT states text[], OUT generations integer[], OUT deadlines double precision[], OUT database_ms double precision, OUT published jsonb)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
declare
  v_now timestamptz;
  v_leaves text[] := string_to_array(p_leaves, E'\n');
  v_bodies text[] := string_to_array(p_bodies, E'\n');
  v_count int := jsonb_array_length(p_changes);
  v_tenants uuid[];
begin
  if cardinality(v_leaves) <> v_count or cardinality(v_bodies) <> v_count or v_count > 500
    or (select count(distinct c.id) <> v_count from jsonb_to_recordset(p_changes) c(id uuid)) then
    raise exception 'log.transition_accounts: % changes, % leaves, % bodies; each account once, 500 at most',
      v_count, cardinality(v_leaves), cardinality(v_bodies) using errcode = 'invalid_parameter_value';
  end if;
  perform from mayfly.account a where a.id in (select c.id from jsonb_to_recordset(p_changes) c(id uuid)) order by a.id for update;
  perform from log.head h where h.id = 1 for update;
  v_now := clock_timestamp();
  database_ms := extract(epoch from v_now) * 1000;

  select array_agg((case
      when a.id is null then 1
      when t.name is null or c.generation is distinct from a.generation and c.generation is not null then 2
      when c.claim_hash is not null and decode(c.claim_hash, 'hex') is distinct from a.claim_hash then 2
      when c.config_epoch is not null and c.config_epoch is distinct from (select x.config_epoch from mayfly.tenant x where x.id = c.tenant) then 2
      when t.due = 'before' and a.deadline <= v_now then 2
      when t.due = 'after' and a.deadline > v_now then 3
      when a.root_id is not null and (t.of_child = 'no' or t.of_child = 'while ancestors live' and not log.ancestors_live(a.id, v_now)) then 2
      when c.transition = 'extend' and (c.deadline is null or to_timestamp(c.deadline) <= a.deadline) then 2
      when t.to_state is null and log.is_attached(a.id) then 4
      else 0 end)::smallint order by c.n), array_agg(c.tenant order by c.n)
    into outcomes, v_tenants
    from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid, transition text, generation int, claim_hash text, config_epoch bigint,
      deadline double precision)
    left join mayfly.account a on a.id = c.id and a.tenant_id = c.tenant
    left join log.transition t on t.name = c.transition and t.from_state = a.state;

  -- Before the rows go that say whose they are.
  update mayfly.live_count l set live = l.live - s.less
    from (
      select w.scope, count(*) as less
        from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text)
        join mayfly.account a on a.id = c.id and a.state = 'a'
        join log.transition t on t.name = c.transition and t.from_state = 'a' and t.to_state <> 'a'
        left join mayfly.lineage y on a.root_id is not null and y.account_id = a.id,
        lateral (values (a.tenant_id), (a.agent_id), (y.parent_id), (a.address_scope)) w(scope)
       where outcomes[c.n] = 0 and w.scope is not null group by w.scope
    ) s where l.scope = s.scope;
  delete from mayfly.live_count where live = 0 and scope in (
    select c.id from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text) where outcomes[c.n] = 0 and c.transition = 'reap');

  insert into mayfly.claim (account_id, tenant_id, person_id, claimed_at, review_on)
    select c.id, c.tenant, c.person, v_now, c.review_on
      from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid, transition text, person uuid, review_on date)
     where outcomes[c.n] = 0 and c.transition = 'claim';
  perform log.bury_accounts(outcomes, p_changes, v_now);
  update mayfly.account a set
      state = t.to_state,
      generation = a.generation + t.raises::int,
      deadline = case c.transition when 'extend' then to_timestamp(c.deadline) when 'claim' then 'infinity' else a.deadline end,
      ceiling_id = case when c.transition in ('claim', 'narrow') then coalesce(c.ceiling, a.ceiling_id) else a.ceiling_id end,
      readmitted = case c.transition when 'claim' then coalesce(c.readmitted, false) when 'readmit' then true
        when 'narrow' then a.readmitted else false end,
      -- Its secret opens nothing once it is claimed or over.
      claim_hash = case when c.transition = 'extend' then a.claim_hash end,
      opening_key = case when c.transition = 'extend' then a.opening_key end
    from jsonb_to_recordset(p_changes) c(n int, id uuid, transition text, deadline double precision, ceiling bigint, readmitted boolean), log.transition t
   where a.id = c.id and outcomes[c.n] = 0 and t.name = c.transition and t.from_state = a.state and t.to_state is not null;

  select array_agg(a.state::text order by c.n), array_agg(a.generation order by c.n),
         array_agg(case when isfinite(a.deadline) then extract(epoch from a.deadline)::float8 end order by c.n)
    into states, generations, deadlines
    from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid) left join mayfly.account a on a.id = c.id and a.tenant_id = c.tenant;
  published := log.publish_transitions(outcomes, p_changes, v_now);
  insert into mayfly.outbox (tenant_id, account_id, transition, generation, payload, at)
    select c.tenant, c.id, c.transition, coalesce(generations[c.n], 0), c.outbox, v_now
      from jsonb_to_recordset(p_changes) c(n int, id uuid, tenant uuid, transition text, outbox jsonb)
     where outcomes[c.n] = 0 and c.transition <> 'reap' order by c.n;
  if 0 = any(outcomes) then perform log.append_of_changes(outcomes, v_tenants, v_leaves, v_bodies); end if;
end $function$;
alter function log.transition_accounts(jsonb,text,text) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.unattended_claims(p_limit integer)
 RETURNS TABLE(id uuid, tenant_id uuid, agent_id uuid, generation integer, reason text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select a.id, a.tenant_id, a.agent_id, a.generation, case when p.left_at is not null then 'owner_left' else 'review_overdue' end
    from mayfly.claim c
    join mayfly.account a on a.id = c.account_id and a.state = 'c' and a.readmitted
    left join mayfly.person p on p.id = c.person_id
   where p.left_at is not null or c.review_on < (clock_timestamp() at time zone 'UTC')::date
   order by a.id limit p_limit;
$function$;
alter function log.unattended_claims(integer) owner to mayfly_log;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION log.uuid_in(p_text text)
 RETURNS uuid
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE STRICT
AS $function$
declare
  v_id text := case when p_text like '%\_%' then split_part(p_text, '_', 2) else p_text end;
begin
  return case when pg_input_is_valid(v_id, 'uuid') then v_id::uuid end;
end $function$;
alter function log.uuid_in(text) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.widen_stretch()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into log.event_stretch as s (stretch, first, last) values (new.slot >> 12, new.first, new.last)
    on conflict (stretch) do update set first = least(s.first, excluded.first), last = greatest(s.last, excluded.last);
  return null;
end $function$;
alter function log.widen_stretch() owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION log.wire_id(p_prefix text, p_id uuid)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
  select p_prefix || '_' || replace(p_id::text, '-', '');
$function$;
alter function log.wire_id(text,uuid) owner to mayfly_log;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION mayfly.begin_feed()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into mayfly.feed (tenant_id) values (new.id);
  return null;
end $function$;
alter function mayfly.begin_feed() owner to mayfly_owner;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION mayfly.end_hold()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  new.held_at := null;
  return new;
end $function$;
alter function mayfly.end_hold() owner to mayfly_owner;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION mayfly.keep_tenants_apart(p_table regclass)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_nullable boolean;
  v_mine text := 'tenant_id = mayfly.tenant_in_force()';
begin
  select not a.attnotnull into strict v_nullable from pg_attribute a where a.attrelid = p_table and a.attname = 'tenant_id';
  if v_nullable then
    v_mine := v_mine || ' or tenant_id is null and mayfly.tenant_in_force() = ''00000000-0000-0000-0000-000000000000''';
  end if;
  execute format('alter table %s enable row level security, force row level security', p_table);
  execute format('create policy tenant on %s to mayfly_app using (%s) with check (%2$s)', p_table, v_mine);
  execute format('create policy across on %s to mayfly_across, mayfly_log using (true) with check (true)', p_table);
end $function$;
alter function mayfly.keep_tenants_apart(regclass) owner to mayfly_owner;
-- may be executed by: mayfly_log

CREATE OR REPLACE FUNCTION mayfly.pin_revoked()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into mayfly.subject_pin (token_hash, key_thumbprint, expires_at)
    values (sha256(convert_to('delegation ' || new.tenant_id || ' ' || new.subject, 'UTF8')), '\x00', new.until) on conflict (token_hash) do nothing;
  return null;
end $function$;
alter function mayfly.pin_revoked() owner to mayfly_owner;
-- none but its owner may execute it

CREATE OR REPLACE FUNCTION mayfly.raise_config_epoch()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  v_tenant uuid := case when tg_op = 'DELETE' then old.tenant_id else new.tenant_id end;
begin
  update mayfly.tenant set config_epoch = config_epoch + 1 where id = v_tenant;
  perform pg_notify('mayfly_config', v_tenant::text);
  return null;
end $function$;
alter function mayfly.raise_config_epoch() owner to mayfly_owner;
-- may be executed by: public

CREATE OR REPLACE FUNCTION mayfly.raise_longest_token()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  update mayfly.tenant set longest_token_seconds = (new.settings->>'token_ttl_seconds')::integer
   where id = new.tenant_id and longest_token_seconds < (new.settings->>'token_ttl_seconds')::integer;
  return null;
end $function$;
alter function mayfly.raise_longest_token() owner to mayfly_owner;
-- may be executed by: public

CREATE OR REPLACE FUNCTION mayfly.revoked_places(p_tenant uuid, p_list uuid)
 RETURNS integer[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_nestloop TO 'off'
AS $function$
begin
  if not exists (select from mayfly.token_status s where s.list = p_list and s.tenant_id = p_tenant) then return null; end if;
  return coalesce((
    with entry as materialized (
      select r.kind, r.subject, max(coalesce(r.least, 9223372036854775807)) as least,
             case when r.subject ~ '^[a-z]+_[0-9a-f]{32}$' then right(r.subject, 32)::uuid end as named
        from mayfly.revocation r where r.tenant_id = p_tenant and r.until > now() group by r.kind, r.subject
    ), token as materialized (
      select s.* from mayfly.token_status s where s.list = p_list and s.tenant_id = p_tenant and s.until > now()
    ), revoked as (
      select t.idx
        from token t
        left join entry a on a.kind = 'a' and a.named = t.account_id
        left join entry x on x.kind = 'x' and x.named = t.root_id
        left join entry j on j.kind = 'j' and j.named = t.token_id
       where j.named is not null or t.generation < a.least or t.generation < x.least or x.named is not null and t.account_id <> t.root_id
          or t.kid = any(array(select e.subject from entry e where e.kind = 'k'))
          or t.config_epoch < (select max(e.least) from entry e where e.kind = 't')
      union
      select t.idx from (select o.idx, o.config_epoch, unnest(o.agents) as agent from token o) t join entry c on c.kind = 'c' and c.named = t.agent
       where t.config_epoch < c.least
    )
    select array_agg(r.idx order by r.idx) from revoked r), '{}');
end $function$;
alter function mayfly.revoked_places(uuid,uuid) owner to mayfly_owner;
-- may be executed by: mayfly_app

CREATE OR REPLACE FUNCTION mayfly.step_key_state()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
end $function$;
alter function mayfly.step_key_state() owner to mayfly_owner;
-- may be executed by: public

CREATE OR REPLACE FUNCTION mayfly.tenant_in_force()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('mayfly.tenant'::text, true), ''::text))::uuid;
alter function mayfly.tenant_in_force() owner to mayfly_owner;
-- may be executed by: mayfly_across, mayfly_app, mayfly_log
