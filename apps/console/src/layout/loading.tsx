/** Shown only when it takes longer than people notice; the delay is in the style. */
export function Loading() {
  return (
    <p className="loading" role="status">
      One moment…
    </p>
  )
}
