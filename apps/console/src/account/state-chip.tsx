import type { AccountRow } from '../api/contract.ts'

const names: Readonly<Record<string, { readonly text: string; readonly tone: 'good' | 'plain' | 'warn' }>> = {
  claimed: { text: 'Yours', tone: 'good' },
  closed: { text: 'Closed', tone: 'plain' },
  revoked: { text: 'Revoked', tone: 'warn' },
}

export function StateChip({ account }: { readonly account: AccountRow }) {
  const { text, tone } = names[account.state] ?? { text: account.state, tone: 'plain' }
  return <span className={`chip ${tone}`}>{text}</span>
}
