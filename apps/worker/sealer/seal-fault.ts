/**
 * Why nothing is signed. `short`: the database has fewer entries than are sealed; `forked`: it has others, or somebody sealed others;
 * `edited`: an entry was changed after it was sealed; `gap`: positions are missing; `key`: the last checkpoint is of another key or log.
 */
export type SealFaultCode = 'short' | 'forked' | 'edited' | 'gap' | 'key'

/** To sign would be to vouch for a log that is not the one of before. */
export class SealFault extends Error {
  override readonly name = 'SealFault'
  readonly code: SealFaultCode

  constructor(code: SealFaultCode, message: string) {
    super(message)
    this.code = code
  }
}
