import { DialogTrigger } from 'react-aria-components'
import { useRefuse } from '../api/claims.ts'
import { Button } from '../layout/button.tsx'
import { ConfirmDialog } from '../layout/confirm-dialog.tsx'

export function RefuseDialog({ secret, onRefused }: { readonly secret: string; readonly onRefused: () => void }) {
  const refuse = useRefuse(onRefused)
  return (
    <DialogTrigger>
      <Button kind="quiet">Refuse</Button>
      <ConfirmDialog
        title="Refuse this account?"
        text="The link dies, and nobody can claim the account any more. The agent keeps what it has until the deadline; to end it now, ask somebody who runs this Mayfly."
        action="Refuse the account"
        isPending={refuse.isPending}
        failed={refuse.isError}
        onConfirm={() => refuse.mutate(secret)}
      />
    </DialogTrigger>
  )
}
