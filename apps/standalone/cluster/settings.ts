// Given on the command line, which outranks every file, so that neither an edited postgresql.conf nor ALTER SYSTEM can turn
// durability off: what the audit log has acknowledged must survive a power cut.

/** The server's settings. `extra` may add some, or replace those about size, never those about durability and access. */
export function serverSettings(port: number, extra: Record<string, string> = {}): Record<string, string> {
  return {
    max_connections: '50',
    shared_buffers: '192MB',
    wal_compression: 'on',
    max_wal_size: '1GB',
    // Filling each new segment with zeroes held every commit up for 60 ms, once in 12,000 tokens, until segments are recycled.
    wal_init_zero: 'off',
    jit: 'off',
    timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
    ...extra,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    password_encryption: 'scram-sha-256',
    logging_collector: 'off',
    // Statements carry secrets (ALTER ROLE … PASSWORD) and details carry rows, so a failure is logged without either.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_statement: 'none',
    log_min_duration_statement: '-1',
  }
}

/** As arguments for `postgres`. */
export function settingsArguments(settings: Record<string, string>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}
