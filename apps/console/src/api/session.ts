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

/** Where a provider's sign-in begins; it leads back to `returnTo`, a path of this tenant's console. */
export function signInAddress(provider: string, returnTo: string): string {
  return `${prefix}/console/sign-in?${new URLSearchParams({ provider, return_to: returnTo })}`
}

/** Ends the session and forgets all that it showed. */
export function useSignOut() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: postSignOut,
    onSettled: () => queries.resetQueries(),
  })
}
