/** The mark, from the side: a great wing upright, a small one behind it, the body a bow, three long threads for a tail. */
export function Mayfly({ className }: { readonly className?: string }) {
  return (
    <svg className={className ?? 'mark'} viewBox="2 0 72 72" aria-hidden="true">
      <path className="wing" d="M22 37C11 26 10 11 21 2c14 8 18 22 10 36" />
      <path className="wing" d="M31 38c4-8 9-11 16-10-1 8-6 12.500-13.500 12.500" />
      <path className="vein" d="M24 36C17 25 16 12 21 3M27.500 37c2-12 0-24-5.500-33M33 39c4-5 7-8 13-10.500" />
      <path className="body" d="M16 38c9-4 21 0 30 9" />
      <path className="thread" d="M46 47c7 4 16 4 26-2M46 47c8 6 16 9 27 9M46 47c6 8 12 15 22 22" />
      <path className="thread" d="M17 39c-5 2-9 1-12-5M22 40l-5 8M27 40l-1 9" />
    </svg>
  )
}
