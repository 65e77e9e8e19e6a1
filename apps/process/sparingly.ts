const complainEveryMs = 10_000

/** Whoever fails thousands of times a second is heard every ten seconds. */
export function sparingly<Complaint>(complain: (complaint: Complaint) => void): (complaint: Complaint) => void {
  let silentUntilMs = Number.NEGATIVE_INFINITY
  return complaint => {
    if (performance.now() < silentUntilMs) return
    silentUntilMs = performance.now() + complainEveryMs
    complain(complaint)
  }
}
