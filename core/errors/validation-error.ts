import { BrokerError } from './broker-error.ts'

/** pointer: RFC 6901, into the request's body; '' the whole of it. detail: a sentence for the client. */
export interface ValidationProblem {
  readonly pointer: string
  readonly detail: string
}

/** An input that has the right form but cannot stand. Holds every problem found, so that a caller mends them in one go. */
export class ValidationError extends BrokerError {
  readonly problems: readonly ValidationProblem[]

  constructor(problems: readonly ValidationProblem[]) {
    super('validation_failed', { detail: problems.map(problem => `${problem.pointer}: ${problem.detail}`).join(' ') })
    this.problems = problems
  }
}

/** Throws when there is anything to complain of. */
export function refuseProblems(problems: readonly ValidationProblem[]): void {
  if (problems.length > 0) throw new ValidationError(problems)
}
