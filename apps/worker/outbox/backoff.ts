/** After so many failures a row is parked: an alarm, and from then on one try an hour. Until then it has been tried for about an hour. */
export const parkAfterAttempts = 12

const longestSeconds = 600
const parkedSeconds = 3_600

/** When a row that has failed so often is tried again. random: 0 up to 1; it spreads what failed together. */
export function postpone(attempts: number, random: number): { readonly seconds: number; readonly parked: boolean } {
  if (attempts >= parkAfterAttempts) return { seconds: parkedSeconds, parked: true }
  const seconds = Math.min(2 ** (attempts - 1), longestSeconds)
  return { seconds: seconds * (0.75 + random / 2), parked: false }
}
