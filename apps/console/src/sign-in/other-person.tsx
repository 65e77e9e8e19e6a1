import { useSignOut } from '../api/session.ts'
import { Button } from '../layout/button.tsx'

/** Ends the session, so that the page asks anew who is there. */
export function OtherPerson() {
  const signOut = useSignOut()
  return (
    <Button isPending={signOut.isPending} onPress={() => signOut.mutate()}>
      Sign in as somebody else
    </Button>
  )
}
