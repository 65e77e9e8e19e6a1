/** The mark, from the side: a great wing upright, a small one behind it, the body a bow, three long threads for a tail. */
export function Mayfly({ className }: { readonly className?: string }) {
  return (
    <svg className={className ?? 'mark'} viewBox="0 0 64 64" aria-hidden="true">
      <path className="wing" d="M23 35C14 24 14 10 25 3c13 7 16 21 7 33" />
      <path className="wing" d="M32 36c4-8 10-12 18-11-1 9-7 14-15 14" />
      <path className="vein" d="M25 34C20 24 21 12 25 4M28.500 35c2-11 1-22-3-30M34 37c4-5 9-9 15-11.500" />
      <path className="body" d="M17 36c9-4 20 0 30 9" />
      <path className="thread" d="M47 45c5 3 10 3 15-1M47 45c5 5 9 6 15 6M47 45c4 6 7 10 13 13" />
      <path className="thread" d="M18 37c-4 2-8 1-11-4M22 38l-4 8M27 38l-1 9" />
    </svg>
  )
}
