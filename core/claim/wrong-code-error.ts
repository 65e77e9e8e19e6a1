import { BrokerError } from '#core/errors/broker-error.ts'

/** `wrong_code`, with how many tries the code has left; none: it is good for nothing, or there is no code. */
export class WrongCodeError extends BrokerError {
  readonly attemptsLeft: number

  constructor(attemptsLeft: number) {
    super('wrong_code', attemptsLeft === 0 ? { hint: 'Let the agent show a new one.' } : {})
    this.attemptsLeft = attemptsLeft
  }
}
