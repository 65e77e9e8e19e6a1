import { CliError, UsageError } from '../cli-error.ts'
import type { Context } from '../command.ts'

/** Asks before what cannot be undone; `--yes` answers. Throws a CliError on no, a UsageError where nobody is there to be asked. */
export async function confirm(context: Context, what: string): Promise<void> {
  if (context.flags.has('yes')) return
  const { io } = context
  if (!io.terminal.in || !io.terminal.err) {
    throw new UsageError({
      what: `Nothing was done. It asks first: ${what}.`,
      why: 'There is no terminal to ask at.',
      next: 'Add --yes.',
    })
  }
  const answer = await io.ask(`${what}. Go on? [y/N] `)
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError({ what: 'Nothing was changed.', why: 'You said no.' })
}
