set local role mayfly_owner;

-- Who enrolled by the word of a trust source renews only while that word would still be enough: SHA-256 of the trust source and the
-- agent's rules for it. Where either has changed, the workload proves itself anew. So must all that came before this column.
delete from mayfly.enrolment where trust_source_id is not null;
alter table mayfly.enrolment
  add column basis bytea,
  add constraint enrolment_basis check ((basis is null) = (trust_source_id is null));
