import { brokerNowMs } from '../api/request.ts'

/** reviewOn: a day, `2027-05-22`, in UTC. */
export const reviewIsDue = (reviewOn: string): boolean => Date.parse(`${reviewOn.slice(0, 10)}T00:00:00Z`) <= brokerNowMs()

/** The day that many days from now, as `2027-05-22`. */
export const dayFromNow = (days: number): string => new Date(brokerNowMs() + days * 86_400_000).toISOString().slice(0, 10)
