import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Claimable, Confirmation } from './contract.ts'
import { request } from './request.ts'

/** What the link's secret shows to the person who is signed in. A POST, for the secret's sake; it changes nothing. */
export const useClaimable = (secret: string, enabled: boolean): UseQueryResult<Claimable> =>
  useQuery({
    queryKey: ['claim', secret],
    queryFn: () => request<Claimable>('POST', '/claims/look', { secret }),
    enabled,
    gcTime: 0,
  })

export function useConfirm(onClaimed: (accountId: string) => void) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (input: Confirmation) => request<{ account: { id: string } }>('POST', '/claims/confirm', input),
    onSuccess: ({ account }) => {
      onClaimed(account.id)
      return queries.invalidateQueries({ queryKey: ['accounts'] })
    },
  })
}

export function useRefuse(onRefused: () => void) {
  return useMutation({
    mutationFn: (secret: string) => request<unknown>('POST', '/claims/refuse', { secret }),
    onSuccess: onRefused,
  })
}
