import { signInAddress, useProviders } from '../api/session.ts'
import { Mayfly } from '../layout/mayfly.tsx'
import { Foreign } from '../text/foreign.tsx'
import { useSignInProblem } from './sign-in-problem.ts'

export interface SignInCardProps {
  readonly title: string
  readonly text: string
  /** A path of this tenant's console, where the way leads after signing in. */
  readonly returnTo: string
}

/** Whom to sign in with. Plain links: a sign-in is a way through other people's pages. */
export function SignInCard({ title, text, returnTo }: SignInCardProps) {
  const providers = useProviders()
  const problem = useSignInProblem()
  return (
    <section className="notice">
      <Mayfly className="notice-mark" />
      <h1>{title}</h1>
      <p className="lede">{text}</p>
      {problem && (
        <p className="fault" role="alert">
          {problem}
        </p>
      )}
      <div className="providers">
        {providers.data?.map(({ id, name }, i) => (
          <a key={id} className={i === 0 ? 'button primary' : 'button'} href={signInAddress(id, returnTo)}>
            <span>
              Sign in with <Foreign text={name} />
            </span>
          </a>
        ))}
      </div>
      {providers.data?.length === 0 && (
        <p className="soft">Nobody can sign in here yet: this organisation has registered no OpenID provider.</p>
      )}
      {providers.isError && <p className="fault">The ways to sign in cannot be read right now. Reload the page in a moment.</p>}
    </section>
  )
}
