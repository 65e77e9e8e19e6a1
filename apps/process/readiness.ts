/** What /readyz answers. faults: why this process should get no work, in words; none: it is ready. */
export function readiness(faults: readonly string[]): { readonly status: 200 | 503; readonly body: object } {
  const ready = faults.length === 0
  return { status: ready ? 200 : 503, body: { ready, faults } }
}
