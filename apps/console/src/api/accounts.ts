import { type UseQueryResult, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { Account, AccountRow } from './contract.ts'
import { request } from './request.ts'

export const useAccounts = (): UseQueryResult<readonly AccountRow[]> =>
  useQuery({
    queryKey: ['accounts'],
    queryFn: async () => (await request<{ accounts: AccountRow[] }>('GET', '/accounts')).accounts,
  })

export const useAccount = (id: string): UseQueryResult<Account> =>
  useQuery({ queryKey: ['accounts', id], queryFn: () => getAccount(id) })

async function getAccount(id: string): Promise<Account> {
  const answer = await request<Account | { account: Account }>('GET', `/accounts/${encodeURIComponent(id)}`)
  return 'account' in answer ? answer.account : answer
}

export type AccountChange =
  | { readonly verb: 'close' }
  | { readonly verb: 'readmit'; readonly readmit: boolean }
  | { readonly verb: 'review'; readonly review_on: string }

/** Changes an account; what is shown is then read anew, also after a refusal. */
export function useChange(id: string) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ verb, ...body }: AccountChange) =>
      request<unknown>('POST', `/accounts/${encodeURIComponent(id)}/${verb}`, body),
    onSettled: () => queries.invalidateQueries({ queryKey: ['accounts'] }),
  })
}
