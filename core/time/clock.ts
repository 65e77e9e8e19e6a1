// The database's clock decides what has expired. A process keeps monotonic time plus the offset that it learned from the
// database's last answers, so that a wall clock that jumps (NTP, an operator, an attacker) moves nothing.

/** Milliseconds and seconds since the epoch on the database's clock, as well as this process knows it. */
export interface Clock {
  /** Milliseconds since the epoch, fractional. */
  nowMs(): number
}
