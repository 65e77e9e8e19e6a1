import type { ReactNode } from 'react'
import { Mayfly } from './mayfly.tsx'

export interface NoticeProps {
  readonly title: string
  readonly text: string
  readonly children?: ReactNode
}

/** A page that says one thing. */
export function Notice({ title, text, children }: NoticeProps) {
  return (
    <section className="notice">
      <Mayfly className="notice-mark" />
      <h1>{title}</h1>
      <p className="lede">{text}</p>
      {children}
    </section>
  )
}
