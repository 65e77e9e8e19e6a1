// What the ACL user of an account may do in a Redis: reading and writing below its own prefix, in database 0. Rights are given
// by category and then taken away where a command looks or reaches beyond its keys: it would name other accounts' keys, or
// change what the whole server has.

/** For `ACL SETUSER`, behind `reset`, in this order. */
export const redisRights: readonly string[] = [
  '-@all',
  ...['+@read', '+@write', '+@connection', '+@transaction', '+@pubsub', '+@keyspace'],
  ...['-@dangerous', '-@admin', '-@scripting'],
  // These name keys that are not its own.
  ...['-keys', '-scan', '-randomkey', '-dbsize', '-pubsub'],
  // With these it would leave database 0, which is where its keys are deleted at the end.
  ...['-select', '-move', '-copy', '-swapdb'],
  // Invalidation messages in broadcast mode name everybody's keys; the rest of `client` is about other connections.
  ...['-client', '+client|id', '+client|setname', '+client|getname'],
  '+acl|whoami',
]
