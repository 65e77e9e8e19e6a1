import { DialogTrigger } from 'react-aria-components'
import { useChange } from '../api/accounts.ts'
import { Button } from '../layout/button.tsx'
import { ConfirmDialog } from '../layout/confirm-dialog.tsx'

export function CloseAccount({ id, attachments }: { readonly id: string; readonly attachments: number }) {
  const change = useChange(id)
  const things = attachments > 0 ? ' Everything that is attached to it is torn down.' : ''
  return (
    <section className="panel">
      <h2>Close the account</h2>
      <p className="soft">It ends for good, for you and for the agent.{things} Its record stays in the log.</p>
      <DialogTrigger>
        <Button kind="danger">Close…</Button>
        <ConfirmDialog
          title="Close this account?"
          text={`It ends for good and nobody can open it again.${things}`}
          action="Close the account"
          isPending={change.isPending}
          failed={change.isError}
          onConfirm={() => change.mutate({ verb: 'close' })}
        />
      </DialogTrigger>
    </section>
  )
}
