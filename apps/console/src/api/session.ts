import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { prefix } from '../base-path.ts'
import type { Provider, Session } from './contract.ts'
import { postSignOut, request } from './request.ts'

export const useSession = (): UseQueryResult<Session> =>
  useQuery({ queryKey: ['session'], queryFn: () => request<Session>('GET', '/session') })

export const useProviders = (): UseQueryResult<readonly Provider[]> =>
  useQuery({
    queryKey: ['providers'],
    queryFn: async () => (await request<{ providers: Provider[] }>('GET', '/providers')).providers,
  })

const signedOutKey = 'mayfly.signed-out'

/**
 * Where a provider's sign-in begins; it leads back to `returnTo`, a path of this tenant's console. Whoever has signed out in this
 * tab is asked anew who it is: the provider may still hold a session of the one who left.
 */
export function signInAddress(provider: string, returnTo: string): string {
  const anew = sessionStorage.getItem(signedOutKey) !== null
  return `${prefix}/console/sign-in?${new URLSearchParams({ provider, return_to: returnTo, ...(anew && { prompt: 'login' }) })}`
}

/** Ends the session and forgets all that it showed. */
export function useSignOut() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: postSignOut,
    onMutate: () => sessionStorage.setItem(signedOutKey, '1'),
    onSettled: () => queries.resetQueries(),
  })
}
