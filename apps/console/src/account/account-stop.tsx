import { ApiError } from '../api/request.ts'
import { Button } from '../layout/button.tsx'
import { LinkButton } from '../layout/link-button.tsx'
import { Notice } from '../layout/notice.tsx'
import { OtherPerson } from '../sign-in/other-person.tsx'

/** Where an account cannot be shown. One that belongs to somebody else looks like one that never was. */
export function AccountStop({ error, onRetry }: { readonly error: Error; readonly onRetry: () => unknown }) {
  const status = error instanceof ApiError ? error.status : 0
  if (error instanceof ApiError && error.code === 'other_tenant')
    return (
      <Notice title="You are signed in at another organisation" text="What you claimed there is shown at its own address.">
        <div className="actions">
          <OtherPerson />
        </div>
      </Notice>
    )
  if (status === 403 || status === 404)
    return (
      <Notice
        title="There is no such account of yours"
        text="It may belong to somebody else, or its record has been cleared away."
      >
        <div className="actions">
          <LinkButton to="/console">My accounts</LinkButton>
        </div>
      </Notice>
    )
  return (
    <Notice title="Mayfly does not answer" text="The broker cannot answer right now. Nothing is lost.">
      <div className="actions">
        <Button onPress={() => void onRetry()}>Try again</Button>
      </div>
    </Notice>
  )
}
