export interface LifelineProps {
  /** Share of its life that has passed, 0 to 1. */
  readonly done: number
  readonly label: string
  readonly urgent?: boolean
}

/** How much of a short life has passed. An SVG, as its length is data and the security policy refuses styles in markup. */
export function Lifeline({ done, label, urgent }: LifelineProps) {
  const at = Math.round(Math.min(1, Math.max(0, done)) * 1000) / 10
  return (
    <div className={urgent ? 'lifeline urgent' : 'lifeline'}>
      <svg aria-hidden="true" width="100%" height="12">
        <line x1="0" x2="100%" y1="6" y2="6" className="ahead" />
        <line x1="0" x2={`${at}%`} y1="6" y2="6" className="behind" />
        <circle cx={`${at}%`} cy="6" r="4" />
      </svg>
      <p>{label}</p>
    </div>
  )
}
