// Preloaded into a broker whose wall clock is wrong: `Date` is off by MAYFLY_TEST_SHIFT_MS from the start, and by
// MAYFLY_TEST_JUMP_MS more from the next SIGUSR2 on, as when an operator or NTP sets the clock.

const RealDate = Date
const read = (name: string): number => Number(process.env[name] ?? 0)
let shiftMs = read('MAYFLY_TEST_SHIFT_MS')

globalThis.Date = class extends RealDate {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(RealDate.now() + shiftMs)
    else super(...(args as [number]))
  }

  static override now(): number {
    return RealDate.now() + shiftMs
  }
} as DateConstructor

process.on('SIGUSR2', () => {
  shiftMs += read('MAYFLY_TEST_JUMP_MS')
})
