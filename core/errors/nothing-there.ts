import { BrokerError } from './broker-error.ts'

/**
 * What the caller may look for and is not there: a setting that nobody made, a tile that is not full yet. `not_found` of an id may mean
 * that it is somebody else's, and is recorded as a refusal where the caller is known; this is none.
 */
export class NothingThere extends BrokerError {
  constructor(hint: string) {
    super('not_found', { hint })
    this.name = 'NothingThere'
  }
}
