/** The mark: two wings upright, the body a curve, three long tail threads. */
export function Mayfly({ className }: { readonly className?: string }) {
  return (
    <svg className={className ?? 'mark'} viewBox="0 0 64 64" aria-hidden="true">
      <path className="wing" d="M25 28C17 19 17 9 26 3c10 7 11 17 4 26" />
      <path className="wing" d="M31 28c4-9 12-13 22-11-1 10-9 15-20 14" />
      <path d="M17 26c-2 1-3 3-2 5 3 1 8 0 13-1 8 4 14 10 18 18" />
      <path d="M46 48c1 5 3 8 8 11M46 48c4 2 8 2 13-1M46 48c0 5-1 9-5 13" />
      <path d="M20 31l-6 8M25 32l-3 9M17 26c-3-1-6-4-7-8" />
    </svg>
  )
}
