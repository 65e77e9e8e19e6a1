import { QueryClient } from '@tanstack/react-query'
import { ApiError } from './request.ts'

/** A refusal is an answer: asked again only where the broker could not answer. Nothing is kept that a reload would not show. */
export function createQueryClient(): QueryClient {
  const again = (count: number, error: Error): boolean =>
    count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500)
  return new QueryClient({
    defaultOptions: { queries: { retry: again, staleTime: 10_000, networkMode: 'always' }, mutations: { networkMode: 'always' } },
  })
}
