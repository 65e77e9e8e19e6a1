/** Whether `flight`, which never rejects, ends within `waitMs`. It goes on if not. */
export async function endsInTime(flight: Promise<unknown>, waitMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(() => resolve(false), waitMs)
  const ended = await Promise.race([flight.then(() => true), late])
  clearTimeout(timer)
  return ended
}
